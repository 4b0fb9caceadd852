#include "common/startup.h"

#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite(startup);

static struct error error;

static struct config *open_from(struct startup *startup)
{
    struct config *config = NULL;
    cr_assert_eq(startup_config(startup, &config, &error), STATUS_OK, "%s", error.text);
    return config;
}

Test(startup, options_become_the_configuration)
{
    char program[] = "program", home[] = "--home=/nowhere/jejak", set[] = "--set=zone=Asia/Makassar";
    char *argv[] = {program, home, set, NULL};
    struct startup startup = {0};
    cr_assert_eq(argp_parse(&startup_argp, 3, argv, ARGP_NO_EXIT, NULL, &startup), 0);
    cr_assert_str_eq(startup.home, "/nowhere/jejak");
    cr_assert_null(startup.file);
    cr_assert_eq(startup.set_count, 1);
    struct config *config = open_from(&startup);
    cr_assert_str_eq(config_text(config, CONFIG_ZONE), "Asia/Makassar");
    config_close(config);
    startup_close(&startup);
}

Test(startup, an_option_of_the_program_stands_for_its_key)
{
    char endpoint[] = "tcp://127.0.0.1:1";
    struct startup startup = {.home = "/nowhere/jejak"};
    startup_set(&startup, "ingest", endpoint);
    endpoint[0] = 'x'; /* it was copied */
    struct config *config = open_from(&startup);
    cr_assert_str_eq(config_text(config, CONFIG_INGEST), "tcp://127.0.0.1:1");
    config_close(config);
    startup_close(&startup);
    cr_assert_eq(startup.set_count, 0);
    cr_assert_null(startup.sets);
}

Test(startup, a_key_that_is_none_is_refused)
{
    struct config *config = NULL;
    struct startup startup = {.home = "/nowhere/jejak"};
    startup_set(&startup, NULL, "no_such_key=1");
    cr_assert_eq(startup_config(&startup, &config, &error), STATUS_CONFIG);
    cr_assert_null(config);
    startup_close(&startup);
}
