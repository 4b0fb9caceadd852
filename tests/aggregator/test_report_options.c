#include "aggregator/report_options.h"

#include <criterion/criterion.h>
#include <stdio.h>

TestSuite(report_options, .timeout = 20);

static enum status parse(const char *line, struct report_options *options, struct error *error)
{
    static char text[512], *argv[32];
    int argc = 0;
    snprintf(text, sizeof text, "%s", line);
    for (char *word = strtok(text, " "); word; word = strtok(NULL, " "))
        argv[argc++] = word;
    return report_options_parse(argc, argv, options, error);
}

Test(report_options, nothing_given_is_a_table_of_modules_over_all_data)
{
    struct report_options o;
    struct error error;
    cr_assert_eq(parse("", &o, &error), STATUS_OK);
    cr_assert(!o.has_from && !o.has_to && !o.tz && !o.module && !o.program && !o.cohort && !o.curriculum && !o.output);
    cr_assert_eq(o.level, LEVEL_MODULE);
    cr_assert_eq(o.format, REPORT_TABLE);
    cr_assert_eq(o.k, 0);
}

Test(report_options, every_option_in_both_forms)
{
    struct report_options o;
    struct error error;
    cr_assert_eq(parse("--from 2026-01-01 --to=2026-02-01 --tz Europe/Paris --level=topic --module m1 --program=maths "
                       "--cohort - --curriculum=/c.csv --k 12 --format=json -o out.json --color",
                       &o, &error),
                 STATUS_OK, "%s", error.text);
    cr_assert_eq(o.to_day - o.from_day, 31);
    cr_assert_str_eq(o.tz, "Europe/Paris");
    cr_assert_eq(o.level, LEVEL_TOPIC);
    cr_assert_str_eq(o.module, "m1");
    cr_assert_str_eq(o.program, "maths");
    cr_assert_str_eq(o.cohort, "-");
    cr_assert_str_eq(o.curriculum, "/c.csv");
    cr_assert_eq(o.k, 12);
    cr_assert_eq(o.format, REPORT_JSON);
    cr_assert_str_eq(o.output, "out.json");
    cr_assert(o.color);
}

static const struct {
    const char *line, *said;
} wrong[] = {
    {"--from", "--from takes a value"},
    {"--from 2026-02-30", "--from takes a date"},
    {"--from 2026-02-01 --to 2026-02-01", "--from is not before --to"},
    {"--from 2026-02-01 --from 2026-02-02", "--from is given twice"},
    {"--level modules", "--level takes module, topic or section"},
    {"--module a/b", "--module takes"},
    {"--cohort a/b", "--cohort takes"},
    {"--k 0", "--k takes a number"},
    {"--k -5", "--k takes a number"},
    {"--k 5x", "--k takes a number"},
    {"--format xml", "--format takes table, csv or json"},
    {"--fromage 2026-01-01", "report knows no option --fromage"},
    {"--format= --k 5", "--format takes a value"},
    {"module1", "report knows no argument module1"},
};

Test(report_options, what_is_wrong_is_named_and_nothing_is_taken)
{
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        struct report_options o = {.k = 77};
        struct error error;
        cr_assert_eq(parse(wrong[i].line, &o, &error), STATUS_USAGE, "%s", wrong[i].line);
        cr_assert_not_null(strstr(error.text, wrong[i].said), "%s: %s", wrong[i].line, error.text);
        cr_assert_eq(o.k, 77);
    }
}
