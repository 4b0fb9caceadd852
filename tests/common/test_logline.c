#include "common/logline.h"
#include "tests/scratch.h"

#include <criterion/criterion.h>
#include <math.h>

TestSuite(logline);

static int kept, caught;

/* Catches what goes to file descriptor 2. */
static void catch_stderr(void)
{
    kept = dup(2);
    caught = open("/tmp", O_TMPFILE | O_RDWR, 0600);
    ensure(kept >= 0 && caught >= 0);
    dup2(caught, 2);
}

static char *caught_text(void)
{
    static char text[1 << 16];
    dup2(kept, 2);
    ssize_t size = pread(caught, text, sizeof text - 1, 0);
    ensure(size >= 0);
    text[size] = '\0';
    close(kept), close(caught);
    return text;
}

/* What stands after the time, which must look like one. */
static const char *after_time(const char *line, const char *before)
{
    cr_assert_eq(strncmp(line, before, strlen(before)), 0, "%s", line);
    line += strlen(before);
    cr_assert_eq(line[4], '-');
    cr_assert_eq(line[10], 'T');
    cr_assert_eq(line[19], '.');
    cr_assert_eq(line[23], 'Z');
    return line + 24;
}

Test(logline, logfmt_quotes_only_what_needs_it)
{
    catch_stderr();
    log_info("store opened", LOG_TEXT("path", "/srv/log"), LOG_UINT("offset", UINT64_MAX), LOG_INT("left", -3),
             LOG_REAL("share", 0.25), LOG_TEXT("empty", ""), LOG_TEXT("odd", "a=\"b\\\nc\x1b\t"),
             LOG_TEXT("none", NULL));
    cr_assert_str_eq(after_time(caught_text(), "ts="),
                     " level=info msg=\"store opened\" path=/srv/log offset=18446744073709551615 left=-3 share=0.25"
                     " empty=\"\" odd=\"a=\\\"b\\\\\\nc\\u001b\\u0009\" none=\"\"\n");
}

Test(logline, json_stays_json_whatever_the_bytes)
{
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    catch_stderr();
    log_alarm("gone", LOG_TEXT("bad", "\xFF\xC3\xA9\xC2\x85\xE2\x82"), LOG_REAL("nan", NAN), LOG_REAL("third", 1.5));
    cr_assert_str_eq(
        after_time(caught_text(), "{\"ts\":\""),
        "\",\"level\":\"alarm\",\"msg\":\"gone\",\"bad\":\"\xEF\xBF\xBD\xC3\xA9\\u0085\xEF\xBF\xBD\xEF\xBF\xBD\","
        "\"nan\":null,\"third\":1.5}\n");
}

Test(logline, levels_below_the_least_are_silent_and_an_alarm_never_is)
{
    log_setup(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    catch_stderr();
    log_debug("no");
    log_info("no");
    log_warning("no");
    log_error("yes");
    log_alarm("yes");
    char *text = caught_text();
    cr_assert_null(strstr(text, "msg=no"));
    cr_assert_not_null(strstr(text, "level=error msg=yes\n"));
    cr_assert_not_null(strstr(text, "level=alarm msg=yes\n"));
}

Test(logline, a_long_field_is_left_out_whole_and_the_line_says_so)
{
    char value[2 * LOG_LINE_BYTES];
    memset(value, 'x', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (int format = LOG_FORMAT_LOGFMT; format <= LOG_FORMAT_JSON; format++) {
        log_setup(LOG_LEVEL_INFO, format);
        catch_stderr();
        log_info("m", LOG_TEXT("long", value), LOG_UINT("after", 1));
        char *text = caught_text();
        cr_assert_lt(strlen(text), LOG_LINE_BYTES);
        cr_assert_null(strstr(text, "xx"));
        const char *end = format == LOG_FORMAT_JSON ? ",\"after\":1,\"cut\":true}\n" : " after=1 cut=true\n";
        cr_assert_str_eq(text + strlen(text) - strlen(end), end);
    }
}

Test(logline, every_length_up_to_the_bound_ends_with_a_line_end)
{
    char value[LOG_LINE_BYTES + 1];
    log_setup(LOG_LEVEL_INFO, LOG_FORMAT_JSON);
    for (size_t length = LOG_LINE_BYTES - 120; length < LOG_LINE_BYTES; length++) {
        memset(value, 'y', length);
        value[length] = '\0';
        catch_stderr();
        log_info("m", LOG_TEXT("v", value));
        char *text = caught_text();
        cr_assert_leq(strlen(text), LOG_LINE_BYTES);
        cr_assert_str_eq(text + strlen(text) - 2, "}\n");
    }
}

Test(logline, names_of_the_configuration)
{
    enum log_level level;
    enum log_format format;
    cr_assert(log_level_parse("warning", &level) && level == LOG_LEVEL_WARNING);
    cr_assert_not(log_level_parse("alarm", &level));
    cr_assert_not(log_level_parse("", &level));
    cr_assert(log_format_parse("json", &format) && format == LOG_FORMAT_JSON);
    cr_assert_not(log_format_parse("xml", &format));
}
