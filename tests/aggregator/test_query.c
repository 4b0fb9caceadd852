#include "aggregator/query.h"

#include "tests/scratch.h"

#include <criterion/criterion.h>

static struct error error;

TestSuite(query, .timeout = 10);

static enum status read_text(const char *bytes, size_t size, struct query *query)
{
    return query_read(slice_of(bytes, size), query, &error);
}

Test(query, a_request_is_an_argument_vector)
{
    struct query query;
    cr_assert_eq(read_text("\x93\xa6report\xa7--level\xa0", 17, &query), STATUS_OK, "%s", error.text);
    cr_assert_eq(query.argc, 3);
    cr_assert_str_eq(query.argv[0], "report");
    cr_assert_str_eq(query.argv[1], "--level");
    cr_assert_str_eq(query.argv[2], "");
    cr_assert_null(query.argv[3]);
    cr_assert_null(query.file.data);
    query_close(&query);
}

Test(query, what_stands_in_a_file_comes_last)
{
    struct query query;
    cr_assert_eq(read_text("\x92\xa6report\xc4\x03"
                           "a\0b",
                           13, &query),
                 STATUS_OK, "%s", error.text);
    cr_assert_eq(query.argc, 1);
    cr_assert_null(query.argv[1]);
    cr_assert(slice_equal(query.file, slice_of("a\0b", 3)));
    query_close(&query);
    cr_assert_eq(read_text("\x92\xa6report\xc4\x00", 10, &query), STATUS_OK, "%s", error.text);
    cr_assert(query.file.data && query.file.size == 0, "an empty file is one");
    query_close(&query);
}

Test(query, other_bytes_are_refused)
{
    static const struct {
        const char *bytes;
        size_t size;
    } wrong[] = {
        {"", 0},
        {"\x90", 1},
        {"\x80", 1},
        {"\x91\x01", 2},
        {"\x91\xa1", 2},
        {"\x91\xa1y\xc0", 4},
        {"\xdd\xff\xff\xff\xff", 5},
        {"\xdc\x00\x41", 3},
        {"\x91\xc4\x00", 3},
        {"\x93\xa1x\xc4\x00\xa1y", 7},
    };
    struct query query = {.argc = 77};
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
        cr_assert_eq(read_text(wrong[i].bytes, wrong[i].size, &query), STATUS_PROTOCOL, "case %zu", i);
    cr_assert_eq(query.argc, 77);
    cr_assert_null(query.argv);
}

Test(query, nobody_there_is_said)
{
    char *home = scratch_make();
    struct config *config = NULL;
    cr_assert_eq(config_open(home, NULL, NULL, 0, &config, &error), STATUS_OK, "%s", error.text);
    cr_assert_not(query_may_answer(config));
    char name[] = "status", *argv[] = {name};
    const struct query query = {.argc = 1, .argv = argv};
    cr_assert_eq(query_ask(config, &query, 50, stdout, &error), STATUS_UNAVAILABLE);
    config_close(config);
    scratch_remove(home);
}
