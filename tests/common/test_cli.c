#include "common/cli.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <stdlib.h>
#include <time.h>

TestSuite(cli);

static struct error error;

static char seen[256];

static int show(int argc, char **argv)
{
    for (int i = 0; i < argc; i++)
        strcat(strcat(seen, argv[i]), ";");
    return argv[argc] ? 99 : 3;
}
static int nothing(int argc, char **argv)
{
    (void)argc, (void)argv;
    return 4;
}
static const struct cli_command commands[] = {{"show", "shows its arguments", show},
                                              {"nothing", "does nothing", nothing}};

static int dispatch(const char *const *argv)
{
    int argc = 0;
    while (argv[argc])
        argc++;
    seen[0] = '\0';
    cli_start("jejakctl");
    return cli_dispatch(commands, ARRAY_COUNT(commands), "A tool.", argc, (char **)(uintptr_t)argv);
}

Test(cli, a_command_gets_its_arguments_wherever_the_options_stand)
{
    cr_assert_eq(dispatch((const char *[]){"x/jejakctl", "show", "a", "--b", NULL}), 3);
    cr_assert_str_eq(seen, "jejakctl show;a;--b;");
    cr_assert_eq(dispatch((const char *[]){"jejakctl", "--home", "show", "--set=k=5", "show", "nothing", NULL}), 3);
    cr_assert_str_eq(seen, "jejakctl show;--home;show;--set=k=5;nothing;");
    cr_assert_eq(dispatch((const char *[]){"jejakctl", "show", "--help", NULL}), 3, "a command's help is its own");
    cr_assert_eq(dispatch((const char *[]){"jejakctl", "nothing", NULL}), 4);
}

Test(cli, help_and_version_go_to_stdout, .init = cr_redirect_stdout)
{
    cr_assert_eq(dispatch((const char *[]){"jejakctl", "--help", NULL}), 0);
    cr_assert_eq(dispatch((const char *[]){"jejakctl", "--version", NULL}), 0);
    fflush(stdout);
    cr_assert_stdout_eq_str(
        "Usage: jejakctl COMMAND [OPTION...]\nA tool.\n\n  show     shows its arguments\n"
        "  nothing  does nothing\n\n`jejakctl COMMAND --help' tells more; --version prints the version.\n"
        "jejakctl " JEJAK_VERSION "\n");
}

Test(cli, a_wrong_command_is_wrong_usage, .init = cr_redirect_stderr)
{
    cr_assert_eq(dispatch((const char *[]){"jejakctl", "shwo", NULL}), EX_USAGE);
    cr_assert_eq(dispatch((const char *[]){"jejakctl", NULL}), EX_USAGE);
    cr_assert_eq(dispatch((const char *[]){"jejakctl", "--home", NULL}), EX_USAGE);
    fflush(stderr);
    cr_assert_stderr_eq_str("jejakctl: \"shwo\" is not a command\nTry `jejakctl --help' for more information.\n"
                            "jejakctl: which command?\nTry `jejakctl --help' for more information.\n"
                            "jejakctl: which command?\nTry `jejakctl --help' for more information.\n");
}

Test(cli, failing_tells_and_gives_the_exit_code_without_colours_in_a_pipe, .init = cr_redirect_stderr)
{
    cli_start("jejak-publish");
    (void)error_set(&error, STATUS_NO_INPUT, "a.csv: no such file");
    cr_assert_eq(cli_fail(&error), EX_NOINPUT);
    fflush(stderr);
    cr_assert_stderr_eq_str("jejak-publish: a.csv: no such file\n");
}

Test(cli, the_home_is_the_option_then_the_environment)
{
    const char *home = "untouched";
    unsetenv("JEJAK_HOME");
    cr_assert_eq(cli_home(NULL, &home, &error), STATUS_USAGE);
    cr_assert_str_eq(home, "untouched");
    setenv("JEJAK_HOME", "/srv/jejak", 1);
    cr_assert_eq(cli_home(NULL, &home, &error), STATUS_OK);
    cr_assert_str_eq(home, "/srv/jejak");
    cr_assert_eq(cli_home("/x", &home, &error), STATUS_OK);
    cr_assert_str_eq(home, "/x");
    cr_assert_eq(cli_home("", &home, &error), STATUS_USAGE);
}

Test(cli, numbers_for_people)
{
    char text[CLI_MOMENT_BYTES];
    cr_assert_str_eq(cli_count(0, text), "0");
    cr_assert_str_eq(cli_count(999, text), "999");
    cr_assert_str_eq(cli_count(1000, text), "1,000");
    cr_assert_str_eq(cli_count(UINT64_MAX, text), "18,446,744,073,709,551,615");
    cr_assert_str_eq(cli_size(1023, text), "1023 bytes");
    cr_assert_str_eq(cli_size(1024, text), "1.0 KiB");
    cr_assert_str_eq(cli_size((1 << 20) - 1, text), "1.0 MiB");
    cr_assert_str_eq(cli_size(3LL << 29, text), "1.5 GiB");
    cr_assert_str_eq(cli_duration(999, text), "999 ms");
    cr_assert_str_eq(cli_duration(2449, text), "2.4 s");
    cr_assert_str_eq(cli_duration(59949, text), "59.9 s");
    cr_assert_str_eq(cli_duration(59950, text), "1 min 00 s");
    cr_assert_str_eq(cli_duration(185000, text), "3 min 05 s");
    cr_assert_str_eq(cli_duration(7500000, text), "2 h 05 min");
    setenv("TZ", "Asia/Jakarta", 1);
    tzset();
    cr_assert_str_eq(cli_moment(1769847300999, text), "2026-01-31 15:15:00 +0700");
}
