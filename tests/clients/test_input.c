#include "clients/publish/input.h"
#include "clients/publish/shift.h"
#include "tests/scratch.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static char *folder;
static const char *paths[4];
static size_t path_count;
static char *kept[32];
static size_t kept_count;
static struct error error;

/* FOLDER/NAME, until the test ends. */
static char *named(const char *name)
{
    ensure(kept_count < ARRAY_COUNT(kept));
    return kept[kept_count++] = scratch_path(folder, name);
}

static void setup(void)
{
    folder = scratch_make();
    path_count = 0;
}

static void teardown(void)
{
    while (kept_count > 0)
        free(kept[--kept_count]);
    scratch_remove(folder);
}

TestSuite(input, .init = setup, .fini = teardown, .timeout = 20);

static void file(const char *name, const char *text)
{
    char *path = named(name);
    FILE *out = fopen(path, "w");
    fputs(text, out);
    fclose(out);
    paths[path_count++] = path;
}

/* Everything that is read, as a text: "file:line learner kind time value content;" or "file:line !why;". */
static const char *story_from(struct input_place from)
{
    static char story[4096];
    struct input *input = input_open(paths, path_count, INPUT_BY_NAME, from);
    struct input_row row;
    struct event event;
    enum input_outcome outcome;
    size_t used = 0;
    story[0] = '\0';
    while ((outcome = input_next(input, &row, &error)) == INPUT_ROW || outcome == INPUT_UNREADABLE) {
        used += snprintf(story + used, sizeof story - used, "%u:%u ", row.file, (unsigned)row.line);
        enum verdict verdict = outcome == INPUT_ROW ? row_event(&row.row, &event) : VERDICT_COUNT;
        if (verdict == VERDICT_ACCEPTED)
            used += snprintf(story + used, sizeof story - used, "%.*s %s %lld %u %.*s;", (int)event.learner.size,
                             event.learner.data, kind_name(event.kind), (long long)event.time_ms, event.value,
                             (int)event.content.size, event.content.data);
        else
            used += snprintf(story + used, sizeof story - used, "!%s;",
                             outcome == INPUT_ROW ? verdict_name(verdict) : error.text);
    }
    if (outcome == INPUT_FAILED)
        snprintf(story + used, sizeof story - used, "failed: %s", error.text + strlen(folder) + 1);
    input_close(input);
    return story;
}

static const char *story(void)
{
    return story_from((struct input_place){0});
}

Test(input, csv_columns_stand_in_any_order)
{
    file("a.csv", "value,kind,learner,time,content\n7,dwell,ann,1000,a/b\n,open,bob,2000,c\n");
    cr_assert_str_eq(story(), "0:2 ann dwell 1000 7 a/b;0:3 bob open 2000 0 c;");
}

Test(input, csv_quotes_and_line_ends)
{
    file("a.csv",
         "\xEF\xBB\xBFtime,learner,content,kind,value\r\n1000,\"ann, \"\"a\"\"\",a,open,\r\n\r\n2000,bob,a,open,");
    cr_assert_str_eq(story(), "0:2 ann, \"a\" open 1000 0 a;0:4 bob open 2000 0 a;");
}

Test(input, the_value_may_be_left_out)
{
    file("a.csv", "time,learner,content,kind\n1000,ann,a,open\n1000,ann,a,dwell\n");
    file("b.csv", "time,learner,content,kind,value\n1000,ann,a,open\n");
    cr_assert_str_eq(story(), "0:2 ann open 1000 0 a;0:3 !shape;1:2 ann open 1000 0 a;");
}

Test(input, a_broken_line_costs_itself_only)
{
    file("a.csv", "time,learner,content,kind,value\n"
                  "1000,ann,a,open,\n"
                  "1000,an\"n,a,open,\n"
                  "1000,ann\n"
                  "1000,ann,a,open,,\n"
                  "1000,bob,a,open,\n");
    cr_assert_str_eq(story(), "0:2 ann open 1000 0 a;"
                              "0:3 !a quote stands where none may stand;"
                              "0:4 !the line has 2 fields, the header 5;"
                              "0:5 !the line has 6 fields, the header 5;"
                              "0:6 bob open 1000 0 a;");
}

Test(input, a_wrong_header_is_told)
{
    file("a.csv", "time,learner,content,kind,value,extra\n");
    cr_assert_not_null(strstr(story(), "failed: a.csv: column 6 of the header"));
    path_count = 0;
    file("b.csv", "time,learner,kind,value\n");
    cr_assert_str_eq(story(), "failed: b.csv: the header lacks the column content");
    path_count = 0;
    file("c.csv", "time,learner,content,kind,time\n");
    cr_assert_not_null(strstr(story(), "failed: c.csv: column 5"));
    path_count = 0;
    file("d.csv", "");
    cr_assert_str_eq(story(), "failed: d.csv is empty: a header line is needed");
}

Test(input, a_missing_file_is_told)
{
    file("a.csv", "time,learner,content,kind\n1000,ann,a,open\n");
    paths[path_count++] = named("none.csv");
    cr_assert_str_eq(story(), "0:2 ann open 1000 0 a;failed: none.csv: No such file or directory");
}

Test(input, ndjson)
{
    file("a.ndjson",
         "{\"time\":1000,\"learner\":\"ann\",\"content\":\"a/b\",\"kind\":\"dwell\",\"value\":7}\n"
         "\n"
         "{\"kind\":\"open\",\"time\":\"1970-01-01T00:00:02Z\",\"learner\":\"b\\u00f6b\",\"content\":\"a\"}\r\n"
         "{\"kind\":\"open\",\"time\":3000,\"learner\":\"ann\",\"content\":\"a\",\"value\":null}");
    cr_assert_str_eq(story(), "0:1 ann dwell 1000 7 a/b;0:3 b\xc3\xb6"
                              "b open 2000 0 a;0:4 ann open 3000 0 a;");
}

/* 42 and "42" never mean the same person. */
Test(input, ndjson_types_are_kept_apart)
{
    struct {
        const char *line, *story;
    } cases[] = {
        {"{\"time\":1,\"learner\":42,\"content\":\"a\",\"kind\":\"open\"}", "learner"},
        {"{\"time\":1,\"learner\":null,\"content\":\"a\",\"kind\":\"open\"}", "learner"},
        {"{\"time\":1,\"learner\":\"a\",\"content\":3,\"kind\":\"open\"}", "content"},
        {"{\"time\":1.5,\"learner\":\"a\",\"content\":\"a\",\"kind\":\"open\"}", "time_invalid"},
        {"{\"time\":1,\"learner\":\"a\",\"content\":\"a\",\"kind\":7}", "kind"},
        {"{\"time\":1,\"learner\":\"a\",\"content\":\"a\",\"kind\":\"dwell\",\"value\":\"7\"}", "value"},
        {"{\"time\":1,\"learner\":\"a\",\"content\":\"a\",\"kind\":\"dwell\",\"value\":7.0}", "value"},
        {"{\"time\":1,\"learner\":\"a\",\"content\":\"a\",\"kind\":\"dwell\"}", "shape"},
        {"{\"time\":1,\"content\":\"a\",\"kind\":\"open\"}", "shape"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct event event;
        struct input_row row;
        path_count = 0;
        file("a.jsonl", cases[i].line);
        struct input *input = input_open(paths, 1, INPUT_BY_NAME, (struct input_place){0});
        cr_assert(eq(int, input_next(input, &row, &error), INPUT_ROW), "case %zu", i);
        enum verdict verdict = row_event(&row.row, &event);
        if (verdict == VERDICT_ACCEPTED)
            verdict = event_check(&event, 0, TIME_MAX_MS);
        cr_assert_str_eq(verdict_name(verdict), cases[i].story, "case %zu: %s", i, verdict_name(verdict));
        input_close(input);
    }
}

Test(input, ndjson_lines_that_are_no_objects)
{
    char *text = mem_new(1 << 18, 1);
    memset(text, 'x', 200000);
    strcpy(text + 200000, "\n[1]\n{\"time\":1\n{\"a\":1,\"a\":2}\n{\"extra\":1}\n"
                          "{\"time\":1,\"learner\":\"a\",\"content\":\"a\",\"kind\":\"open\"}\n");
    file("a.ndjson", text);
    cr_assert_str_eq(story(), "0:1 !the line is longer than 64 KiB;"
                              "0:2 !the line is not a JSON object;"
                              "0:3 !the line is not a JSON object;"
                              "0:4 !the line is not a JSON object;"
                              "0:5 !the object has a key that is none of time, learner, content, kind, value;"
                              "0:6 a open 1 0 a;");
    free(text);
}

/* From behind any row, the rest is read as it was. */
Test(input, goes_on_from_any_place)
{
    file("a.csv", "time,learner,content,kind\n1,a,m,open\n2,\"b\nc\",m,open\n3,d,m,open\n");
    file("b.ndjson", "{\"time\":4,\"learner\":\"e\",\"content\":\"m\",\"kind\":\"open\"}\n\n"
                     "{\"time\":5,\"learner\":\"f\",\"content\":\"m\",\"kind\":\"open\"}\n");
    file("c.csv", "time,learner,content,kind\n6,g,m,open\n");
    struct input_place places[16];
    char whole[1024], read[1024] = "";
    snprintf(whole, sizeof whole, "%s", story());
    struct input *input = input_open(paths, path_count, INPUT_BY_NAME, (struct input_place){0});
    struct input_row row;
    size_t count = 0;
    while (input_next(input, &row, &error) == INPUT_ROW)
        places[count++] = row.next;
    input_close(input);
    cr_assert(eq(sz, count, 6));
    const char *rest = whole;
    for (size_t i = 0; i < count; i++) {
        rest = strchr(rest, ';') + 1;
        snprintf(read, sizeof read, "%s", story_from(places[i]));
        cr_assert_str_eq(read, rest, "from row %zu: %s", i, read);
    }
}

Test(input, shift_moves_the_last_event_to_the_day)
{
    int64_t days = -1;
    file("a.csv", "time,learner,content,kind\n"
                  "2023-11-14T00:00:00Z,a,m,open\n"
                  "2023-11-15T23:59:59Z,a,m,open\n"
                  "2024-01-01T00:00:00Z,a,m,unknown\n" /* rejected: it does not count */
                  "2024-01-01T00:00:00Z,,m,open\n"
                  "broken\n");
    enum status status = shift_find(paths, path_count, INPUT_BY_NAME, 19676 + 7, &days, &error); /* 2023-11-22 */
    cr_assert(eq(int, status, STATUS_OK));
    cr_assert(eq(i64, days, 7));
    status = shift_find(paths, path_count, INPUT_BY_NAME, 19676 - 400, &days, &error);
    cr_assert(eq(i64, days, -400));
}
