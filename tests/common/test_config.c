#include "common/config.h"
#include "tests/scratch.h"

#include <criterion/criterion.h>

static char *home;
static struct error error;

static void begin(void)
{
    char *made = scratch_make();
    home = realpath(made, NULL);
    free(made);
}
static void end(void)
{
    scratch_remove(home);
}
TestSuite(config, .init = begin, .fini = end);

static void write_file(const char *text)
{
    char *path = scratch_path(home, "jejak.conf");
    scratch_write(path, text, strlen(text), 0600);
    free(path);
}

static struct config *open_fine(const char *const *sets, size_t set_count)
{
    struct config *config = NULL;
    cr_assert_eq(config_open(home, NULL, sets, set_count, &config, &error), STATUS_OK, "%s", error.text);
    return config;
}

/* The file's text is refused, and the sentence holds this. */
static void refused(const char *text, const char *says)
{
    struct config *config = NULL;
    write_file(text);
    cr_assert_eq(config_open(home, NULL, NULL, 0, &config, &error), STATUS_CONFIG, "accepted: %s", text);
    cr_assert_null(config);
    cr_assert_not_null(strstr(error.text, says), "\"%s\" lacks \"%s\"", error.text, says);
}

Test(config, defaults_stand_by_themselves_under_the_home)
{
    struct config *config = open_fine(NULL, 0);
    char *log = scratch_path(home, "data/log"), *reader = mem_text("ipc://%s/run/reader.sock", home);
    cr_assert_str_eq(config_home(config), home);
    cr_assert_str_eq(config_text(config, CONFIG_LOG), log);
    cr_assert_str_eq(config_text(config, CONFIG_READER), reader);
    cr_assert_str_eq(config_text(config, CONFIG_DROPOFF), "");
    cr_assert_not(config_switch(config, CONFIG_PLAIN));
    cr_assert_eq(config_whole(config, CONFIG_MIN_LEARNERS), 10);
    cr_assert_float_eq(config_real(config, CONFIG_OVER_FACTOR), 1.5, 0);
    cr_assert_str_eq(config_origin(config, CONFIG_INGEST), "default");
    config_close(config);
    config_close(NULL);
    free(log), free(reader);
}

Test(config, the_file_goes_before_the_default_and_set_before_the_file)
{
    write_file("# a comment\n"
               "; another\n"
               "\n"
               "k = 12\n"
               "  zone=Europe/Berlin   # the office\r\n"
               "ingest = tcp://127.0.0.1:9000\n"
               "log = {home}/x/{home}#1\n"
               "plain = on");
    static const char *const sets[] = {"ingest=tcp://127.0.0.1:1", "ingest=tcp://127.0.0.1:2",
                                       "segment_bytes=1099511627776"};
    struct config *config = open_fine(sets, ARRAY_COUNT(sets));
    char *origin = mem_text("%s/jejak.conf:4", home), *log = mem_text("%s/x/%s#1", home, home);
    cr_assert_eq(config_whole(config, CONFIG_MIN_LEARNERS), 12);
    cr_assert_str_eq(config_origin(config, CONFIG_MIN_LEARNERS), origin);
    cr_assert_str_eq(config_text(config, CONFIG_ZONE), "Europe/Berlin");
    cr_assert_str_eq(config_text(config, CONFIG_INGEST), "tcp://127.0.0.1:2");
    cr_assert_str_eq(config_origin(config, CONFIG_INGEST), "--set");
    cr_assert_str_eq(config_text(config, CONFIG_LOG), log);
    cr_assert(config_switch(config, CONFIG_PLAIN));
    cr_assert_eq(config_whole(config, CONFIG_SEGMENT_BYTES), 1099511627776);
    cr_assert_str_eq(config_value(config, CONFIG_SEGMENT_BYTES), "1099511627776");
    config_close(config);
    free(origin), free(log);
}

Test(config, wrong_lines_are_refused_with_file_and_line)
{
    refused("k = 12\nquack = 3\n", "jejak.conf:2: \"quack\" is not a key");
    refused("k = 4\n", "jejak.conf:1: k must be a whole number from 5 to 1000000, not \"4\"");
    refused("k = 1000001\n", "from 5 to");
    refused("k = 12.5\n", "whole");
    refused("k = -12\n", "whole");
    refused("k = 0x10\n", "whole");
    refused("k = 12 13\n", "whole");
    refused("k =\n", "whole");
    refused("over_factor = nan\n", "a number from 0.1 to 100");
    refused("over_factor = 1e1\n", "a number");
    refused("over_factor = 1.\n", "a number");
    refused("plain = yes\n", "on or off");
    refused("zone = Asia/Atlantis\n", "time zone");
    refused("log_level = loud\n", "debug, info");
    refused("log_format = xml\n", "logfmt or json");
    refused("ingest =\n", "must not be empty");
    refused("\n\nquack\n", "jejak.conf:3: this is not `key = value`");
    refused("[collector]\nk = 12\n", "jejak.conf:2: the file has no sections");
    refused("k = 12\nk = 13\n", "jejak.conf:2: k is given twice; first on line 1");
    refused("k = 12\n  13\n", "jejak.conf:2: this is not");
}

Test(config, a_line_is_refused_rather_than_cut)
{
    char text[400] = "k = 12\nlog = /";
    size_t head = strlen(text), line = 190 - strlen("log = /");
    memset(text + head, 'x', line);
    strcpy(text + head + line, "\n");
    write_file(text);
    struct config *config = open_fine(NULL, 0);
    cr_assert_eq(strlen(config_text(config, CONFIG_LOG)), 190 - strlen("log = "));
    config_close(config);
    strcpy(text + head + line, "x\n");
    refused(text, "jejak.conf:2: the line is longer than 190 characters");

    char *path = scratch_path(home, "jejak.conf");
    scratch_write(path, "k = 12\nlo\0g = 1\n", 16, 0600);
    cr_assert_eq(config_open(home, NULL, NULL, 0, &config, &error), STATUS_CONFIG);
    cr_assert_not_null(strstr(error.text, ":2: the line holds a NUL"));
    free(path);
}

Test(config, wrong_sets_files_and_homes_are_refused)
{
    static const char *const no_equals[] = {"k"}, *const unknown[] = {"quack=1"}, *const range[] = {"k=1"};
    struct config *config = NULL;
    cr_assert_eq(config_open(home, NULL, no_equals, 1, &config, &error), STATUS_USAGE);
    cr_assert_eq(config_open(home, NULL, unknown, 1, &config, &error), STATUS_CONFIG);
    cr_assert_not_null(strstr(error.text, "--set: \"quack\""));
    cr_assert_eq(config_open(home, NULL, range, 1, &config, &error), STATUS_CONFIG);
    cr_assert_eq(config_open(home, "/nonexistent/jejak.conf", NULL, 0, &config, &error), STATUS_CONFIG);
    cr_assert_not_null(strstr(error.text, "/nonexistent/jejak.conf"));
    cr_assert_eq(config_open(home, home, NULL, 0, &config, &error), STATUS_CONFIG);
    cr_assert_eq(config_open("", NULL, NULL, 0, &config, &error), STATUS_USAGE);
    cr_assert_null(config);
}

Test(config, a_home_is_made_absolute_whether_it_stands_or_not)
{
    struct config *config = NULL;
    cr_assert_eq(chdir(home), 0);
    cr_assert_eq(config_open("sub/", NULL, NULL, 0, &config, &error), STATUS_OK, "%s", error.text);
    char *sub = scratch_path(home, "sub");
    cr_assert_str_eq(config_home(config), sub);
    config_close(config);
    cr_assert_eq(config_open(".", NULL, NULL, 0, &config, &error), STATUS_OK);
    cr_assert_str_eq(config_home(config), home);
    config_close(config);
    free(sub);
}

Test(config, the_table_for_help)
{
    for (unsigned i = 0; i < CONFIG_COUNT; i++) {
        const struct config_default *row = config_default(i);
        cr_assert_str_eq(row->name, config_key_name(i));
        cr_assert_str_eq(row->help, config_key_help(i));
        cr_assert_gt(strlen(row->help), 5);
    }
    cr_assert_str_eq(config_default(CONFIG_KEYS)->value, "{home}/keys");
    cr_assert(config_default(CONFIG_LOG_LEVEL)->reload);
}
