#include "aggregator/query.h"

#include "tests/scratch.h"

#include <criterion/criterion.h>

static struct error error;

TestSuite(query, .timeout = 10);

static enum status read_text(const char *bytes, size_t size, int *argc, char **argv, char **texts)
{
    return query_read(slice_of(bytes, size), argc, argv, texts, &error);
}

Test(query, a_request_is_an_argument_vector)
{
    char *argv[QUERY_MAX_ARGUMENTS + 1], *texts = NULL;
    int argc = 0;
    cr_assert_eq(read_text("\x93\xa6report\xa7--level\xa0", 17, &argc, argv, &texts), STATUS_OK, "%s", error.text);
    cr_assert_eq(argc, 3);
    cr_assert_str_eq(argv[0], "report");
    cr_assert_str_eq(argv[1], "--level");
    cr_assert_str_eq(argv[2], "");
    cr_assert_null(argv[3]);
    free(texts);
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
    };
    char *argv[QUERY_MAX_ARGUMENTS + 1], *texts = NULL;
    int argc = 77;
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++)
        cr_assert_eq(read_text(wrong[i].bytes, wrong[i].size, &argc, argv, &texts), STATUS_PROTOCOL, "case %zu", i);
    cr_assert_eq(argc, 77);
    cr_assert_null(texts);
}

Test(query, nobody_there_is_said)
{
    char *home = scratch_make();
    struct config *config = NULL;
    cr_assert_eq(config_open(home, NULL, NULL, 0, &config, &error), STATUS_OK, "%s", error.text);
    cr_assert_not(query_may_answer(config));
    char name[] = "status", *argv[] = {name};
    cr_assert_eq(query_ask(config, 1, argv, 50, stdout, &error), STATUS_UNAVAILABLE);
    config_close(config);
    scratch_remove(home);
}
