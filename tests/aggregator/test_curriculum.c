#include "aggregator/curriculum.h"

#include "tests/scratch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

TestSuite(curriculum, .timeout = 20);

static const char path[] = "/home/ana/plan.csv";

static enum status open_text(const char *text, size_t size, struct curriculum **curriculum, struct error *error)
{
    return curriculum_open(path, slice_of(text, size), curriculum, error);
}

static struct curriculum *read_good(const char *text)
{
    struct curriculum *curriculum = NULL;
    struct error error;
    cr_assert_eq(open_text(text, strlen(text), &curriculum, &error), STATUS_OK, "%s", error.text);
    return curriculum;
}

static const struct curriculum_line *find(const struct curriculum *curriculum, const char *content)
{
    return curriculum_find(curriculum, slice_of_text(content));
}

Test(curriculum, columns_are_found_by_name_in_any_order)
{
    struct curriculum *c =
        read_good("\xEF\xBB\xBForder,note,program,content,title,revised,expected_minutes\r\n"
                  "2.5,x,maths,algebra,\"Aljabar, dasar\",2026-04-20;2026-02-02; 2026-02-02,45.5\r\n");
    const struct curriculum_line *line = find(c, "algebra");
    cr_assert_not_null(line);
    cr_assert_str_eq(line->title, "Aljabar, dasar");
    cr_assert_str_eq(line->program, "maths");
    cr_assert_eq(line->order, 2.5);
    cr_assert_eq(line->expected_minutes, 45.5);
    cr_assert_eq(line->revised_count, 2);
    cr_assert_eq(line->revised[1] - line->revised[0], 77, "sorted, each once");
    cr_assert_null(find(c, "algebr"));
    cr_assert_null(find(c, "algebra/x"));
    curriculum_close(c);
}

Test(curriculum, the_last_three_may_be_empty_or_missing)
{
    struct curriculum *c = read_good("content,title,order,expected_minutes,revised,program\na,,1,,,\n");
    cr_assert_eq(find(c, "a")->expected_minutes, 0);
    cr_assert_eq(find(c, "a")->revised_count, 0);
    cr_assert_str_eq(find(c, "a")->program, "");
    curriculum_close(c);
    c = read_good("content,title,order\na,A,-1\n");
    cr_assert_eq(find(c, "a")->order, -1);
    curriculum_close(c);
}

Test(curriculum, a_path_without_a_line_has_that_of_the_nearest_above)
{
    struct curriculum *c = read_good("content,title,order,program\nm,M,1,maths\nm/t,T,2,\n");
    cr_assert_str_eq(curriculum_nearest(c, slice_of_text("m/t/s"))->content, "m/t");
    cr_assert_str_eq(curriculum_nearest(c, slice_of_text("m/u"))->content, "m");
    cr_assert_null(curriculum_nearest(c, slice_of_text("n/u")));
    cr_assert_str_eq(curriculum_program(c, slice_of_text("m/t/s")), "maths", "the nearest that names one");
    cr_assert_str_eq(curriculum_program(c, slice_of_text("n")), "");
    curriculum_close(c);
}

Test(curriculum, no_file_is_no_line)
{
    struct curriculum *c = NULL;
    struct error error;
    cr_assert_eq(curriculum_open(NULL, slice_of("", 0), &c, &error), STATUS_OK);
    cr_assert_eq(curriculum_count(c), 0);
    cr_assert_null(find(c, "a"));
    curriculum_close(c);
}

static enum status text_of(size_t size, struct slice *text, struct error *error)
{
    char *folder = scratch_make(), *file = scratch_path(folder, "plan.csv");
    FILE *out = fopen(file, "w");
    cr_assert(out && ftruncate(fileno(out), (off_t)size) == 0 && fclose(out) == 0);
    enum status status = curriculum_text(file, text, error);
    cr_assert(status == STATUS_OK || strstr(error->text, file));
    scratch_remove(folder);
    free(file);
    return status;
}

Test(curriculum, a_file_is_read_whole_up_to_its_bound)
{
    struct slice text = {0};
    struct error error;
    cr_assert_eq(curriculum_text("/nowhere/plan.csv", &text, &error), STATUS_NO_INPUT);
    cr_assert_not_null(strstr(error.text, "/nowhere/plan.csv"));
    cr_assert_eq(text_of(CURRICULUM_MAX_BYTES + 1, &text, &error), STATUS_DATA);
    cr_assert_null(text.data, "untouched on failure");
    cr_assert_eq(text_of(CURRICULUM_MAX_BYTES, &text, &error), STATUS_OK, "%s", error.text);
    cr_assert_eq(text.size, CURRICULUM_MAX_BYTES);
    free((void *)(uintptr_t)text.data);
    cr_assert_eq(text_of(0, &text, &error), STATUS_OK, "%s", error.text);
    cr_assert(text.data && text.size == 0, "an empty file is there");
    free((void *)(uintptr_t)text.data);
}

#define HEADER "content,title,order,expected_minutes,revised,program\n"

static const struct {
    const char *text, *said; /* said of the line that is broken */
} broken[] = {
    {HEADER "a,A,1,,,\nb b,B,2,,,\n", "line 3: content is not a path like module/topic/section: \"b b\""},
    {HEADER "a/b/c/d,A,1,,,\n", "line 2: content is not a path"},
    {HEADER ",A,1,,,\n", "line 2: content is not a path"},
    {HEADER "a,A,first,,,\n", "line 2: order is not a decimal number: \"first\""},
    {HEADER "a,A,,,,\n", "line 2: order is not a decimal number: \"\""},
    {HEADER "a,A,1e3,,,\n", "line 2: order is not a decimal number"},
    {HEADER "a,A,\"1,5\",,,\n", "line 2: order is not a decimal number: \"1,5\""},
    {HEADER "a,A,nan,,,\n", "line 2: order is not"},
    {HEADER "a,A,1,0,,\n", "line 2: expected_minutes is not a decimal number above 0: \"0\""},
    {HEADER "a,A,1,ten,,\n", "line 2: expected_minutes is not"},
    {HEADER "a,A,1,,2026-02-30,\n", "line 2: revised is not dates like 2026-01-31 separated by ;: \"2026-02-30\""},
    {HEADER "a,A,1,,2026-02-01 2026-02-02,\n", "line 2: revised is not dates"},
    {HEADER "a,A,1\n", "line 2: 3 fields where the header has 6"},
    {HEADER "a,\xFF,1,,,\n", "line 2: title is not UTF-8"},
    {HEADER "a,\x1b[2J,1,,,\n", "line 2: title is not UTF-8 without control characters"},
    {HEADER "a,A,1,,,\x07\n", "line 2: program is not UTF-8"},
    {HEADER "a,A,1,,,\nc,C,2,,,\na,B,3,,,\n", "line 4: the content of line 2 again: \"a\""},
    {HEADER "a,\"A,1,,,\nb,B,1,,,\n", "line 2: "},
    {"title,order\nA,1\n", "line 1: the header has no column content"},
    {"content,content,title,order\na,b,A,1\n", "line 1: the header names content twice"},
    {"", "line 1: the file is empty"},
};

Test(curriculum, each_broken_line_is_named_with_what_is_wrong)
{
    for (size_t i = 0; i < ARRAY_COUNT(broken); i++) {
        struct curriculum *c = (struct curriculum *)8; /* stays untouched */
        struct error error;
        cr_assert_eq(open_text(broken[i].text, strlen(broken[i].text), &c, &error), STATUS_DATA, "%s", broken[i].said);
        cr_assert_not_null(strstr(error.text, broken[i].said), "%s\nis not in\n%s", broken[i].said, error.text);
        cr_assert_not_null(strstr(error.text, path), "the file is named: %s", error.text);
        cr_assert_eq(c, (struct curriculum *)8);
    }
}

Test(curriculum, all_broken_lines_are_named_up_to_twenty)
{
    char text[4096] = HEADER;
    for (int i = 0; i < 23; i++)
        sprintf(text + strlen(text), "good%d,%.*s,1,,,\nm%d,A,%.*s,,,\n", i, 60,
                "a title that is as long as titles of a module ever are", i, 40,
                "not a number by any means as is plain to see");
    struct curriculum *c = NULL;
    struct error error;
    cr_assert_eq(open_text(text, strlen(text), &c, &error), STATUS_DATA);
    cr_assert_not_null(strstr(error.text, "23 faults"), "%s", error.text);
    for (int line = 3; line <= 41; line += 2) {
        char said[32];
        snprintf(said, sizeof said, "line %d: ", line);
        cr_assert_not_null(strstr(error.text, said), "%s in\n%s", said, error.text);
    }
    cr_assert_null(strstr(error.text, "line 43: "));
    cr_assert_not_null(strstr(error.text, "and 3 more"), "%s", error.text);
}

Test(curriculum, a_message_holds_no_control_characters)
{
    struct curriculum *c = NULL;
    struct error error;
    const char text[] = HEADER "\x1b]0;x\x07,A,1,,,\n";
    cr_assert_eq(open_text(text, strlen(text), &c, &error), STATUS_DATA);
    cr_assert_null(strchr(error.text, '\x1b'));
    cr_assert_null(strchr(error.text, '\x07'));
}
