#include "clients/publish/resume.h"
#include "tests/scratch.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum {
    SIZE = 300000,
    PLACE = 200000
};

static char *folder, *position, *data;
static struct error error;

static void setup(void)
{
    folder = scratch_make();
    position = scratch_path(folder, "position");
    data = scratch_path(folder, "data of a run.csv");
}

static void teardown(void)
{
    free(position);
    free(data);
    scratch_remove(folder);
}

TestSuite(resume, .init = setup, .fini = teardown, .timeout = 20);

static void write_data(size_t size, size_t changed_byte)
{
    FILE *out = fopen(data, "w");
    for (size_t i = 0; i < size; i++)
        fputc(i == changed_byte ? 'x' : 'a' + (int)(i * 7 % 26), out);
    fclose(out);
}

static enum status write_position(bool done)
{
    const char *paths[] = {data};
    struct resume_files files;
    struct resume resume = {
        .session = "0123456789abcde",
        .settled = UINT64_C(12345678901),
        .batch = 500,
        .shift_days = -7,
        .done = done,
        .place = {0, {PLACE, 4711}},
    };
    enum status status = resume_files_open(paths, 1, &files, &error);
    if (status != STATUS_OK)
        return status;
    status = resume_write(position, &files, &resume, &error);
    resume_files_close(&files);
    return status;
}

static enum status read_position(const char *path, bool *found, struct resume *resume)
{
    const char *paths[] = {path};
    struct resume_files files;
    enum status status = resume_files_open(paths, 1, &files, &error);
    if (status != STATUS_OK)
        return status;
    status = resume_read(position, &files, found, resume, &error);
    resume_files_close(&files);
    return status;
}

Test(resume, comes_back_as_it_was)
{
    bool found = false;
    struct resume resume;
    write_data(SIZE, SIZE);
    cr_assert(eq(int, write_position(false), STATUS_OK), "%s", error.text);
    cr_assert(eq(int, read_position(data, &found, &resume), STATUS_OK), "%s", error.text);
    cr_assert(found);
    cr_assert(eq(int, memcmp(resume.session, "0123456789abcde", SESSION_BYTES), 0));
    cr_assert(eq(u64, resume.settled, UINT64_C(12345678901)));
    cr_assert(eq(u32, resume.batch, 500));
    cr_assert(eq(i64, resume.shift_days, -7));
    cr_assert(not(resume.done));
    cr_assert(eq(u32, resume.place.file, 0));
    cr_assert(eq(u64, resume.place.at.offset, PLACE));
    cr_assert(eq(u64, resume.place.at.line, 4711));
}

Test(resume, none_is_a_fresh_start)
{
    bool found = true;
    struct resume resume;
    write_data(10, 10);
    cr_assert(eq(int, read_position(data, &found, &resume), STATUS_OK));
    cr_assert(not(found));
}

Test(resume, knows_a_file_by_size_beginning_and_what_was_read_last)
{
    static const struct {
        size_t size, changed_byte;
        bool done;
        enum status status;
    } cases[] = {
        {SIZE, SIZE, false, STATUS_OK},
        {SIZE, 10, false, STATUS_DATA},
        {SIZE, PLACE - 10, false, STATUS_DATA},
        {SIZE + 1, SIZE + 1, false, STATUS_DATA},
        {SIZE - 1, SIZE, false, STATUS_DATA},
        {SIZE + 1, SIZE + 1, true, STATUS_OK},
        {SIZE - 1, SIZE, true, STATUS_DATA},
        {SIZE + 1, 10, true, STATUS_DATA},
        {SIZE + 1, PLACE - 10, true, STATUS_DATA},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        bool found;
        struct resume resume;
        write_data(SIZE, SIZE);
        cr_assert(eq(int, write_position(cases[i].done), STATUS_OK));
        write_data(cases[i].size, cases[i].changed_byte);
        cr_assert(eq(int, read_position(data, &found, &resume), cases[i].status), "case %zu: %s", i, error.text);
    }
}

Test(resume, other_files_are_refused)
{
    bool found;
    struct resume resume;
    char *other = scratch_path(folder, "other.csv");
    write_data(SIZE, SIZE);
    cr_assert(eq(int, write_position(false), STATUS_OK));
    cr_assert(eq(int, rename(data, other), 0));
    cr_assert(eq(int, read_position(other, &found, &resume), STATUS_DATA));
    const char *paths[] = {other, other};
    struct resume_files files;
    cr_assert(eq(int, resume_files_open(paths, 2, &files, &error), STATUS_OK));
    cr_assert(eq(int, resume_read(position, &files, &found, &resume, &error), STATUS_DATA));
    resume_files_close(&files);
    free(other);
}

Test(resume, a_pipe_cannot_be_resumed)
{
    bool found;
    struct resume resume;
    cr_assert(eq(int, mkfifo(data, 0600), 0));
    int keep = open(data, O_RDWR); /* so that opening it does not wait */
    cr_assert(eq(int, read_position(data, &found, &resume), STATUS_USAGE));
    close(keep);
}

Test(resume, a_newer_position_is_refused_by_name)
{
    bool found;
    struct resume resume;
    write_data(SIZE, SIZE);
    cr_assert(eq(int, write_position(false), STATUS_OK));
    FILE *file = fopen(position, "r+");
    fseek(file, (long)strlen("jejak-resume "), SEEK_SET);
    fputc('2', file);
    fclose(file);
    cr_assert(eq(int, read_position(data, &found, &resume), STATUS_NEWER));
    cr_assert_not_null(strstr(error.text, "it is of format 2, this program knows 1"), "%s", error.text);
}

Test(resume, a_damaged_position_is_refused)
{
    bool found;
    struct resume resume;
    char text[4096];
    write_data(SIZE, SIZE);
    cr_assert(eq(int, write_position(false), STATUS_OK));
    FILE *in = fopen(position, "r");
    size_t size = fread(text, 1, sizeof text, in);
    fclose(in);
    for (size_t cut = 0; cut + 1 < size; cut += 3) {
        FILE *out = fopen(position, "w");
        fwrite(text, 1, cut, out);
        fclose(out);
        cr_assert(eq(int, read_position(data, &found, &resume), STATUS_DATA), "cut at %zu", cut);
    }
}
