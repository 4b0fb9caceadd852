#include "clients/simulate/options.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdio.h>

enum {
    MOST = 12
};

static enum status parse(const char *line, struct options *options, struct error *error)
{
    static char copy[400];
    snprintf(copy, sizeof copy, "jejak-simulate %s", line);
    char *words[MOST + 1] = {0}, *rest = copy;
    int count = 0;
    for (char *word; count < MOST && (word = strsep(&rest, " "));)
        if (*word)
            words[count++] = word;
    return options_parse(count, words, options, error);
}

static struct options parsed(const char *line)
{
    struct options options;
    struct error error = {0};
    cr_assert_eq(parse(line, &options, &error), STATUS_OK, "%s: %s", line, error.text);
    return options;
}

Test(options, defaults_are_two_thousand_learners_for_twelve_weeks)
{
    struct options options = parsed("");
    cr_assert_eq(options.model.learners, 2000);
    cr_assert_eq(options.model.modules, 12);
    cr_assert_eq(options.model.weeks, 12);
    cr_assert_eq(options.model.start_day, 20458);
    cr_assert_eq(options.model.revise_day, 20458 + 42);
    cr_assert_eq(options.model.slice_ms, 30000);
    cr_assert_eq(options.model.offset_min, 420);
    cr_assert_eq(options.delivery.late_ppm, 0);
    cr_assert_str_eq(options.out, "-");
    cr_assert_null(options.curriculum);
}

Test(options, one_program_with_an_intake_of_half_the_period_is_the_default)
{
    struct options options = parsed("");
    cr_assert_eq(options.model.programs, 1);
    cr_assert_eq(options.model.intake_ppm, 500000);
    cr_assert_eq(options.model.leave_permille, 1000);
    cr_assert_eq(parsed("--modules 20 --programs 4").model.long_modules, 0); /* programs of five are plain */
    cr_assert_eq(parsed("--modules 28 --programs 4").model.long_modules, 1);
}

Test(options, events_decide_on_learners_only_where_these_are_left_open)
{
    cr_assert(parsed("--events 5000").learners_for_events);
    struct options options = parsed("--events 5000 --learners 40");
    cr_assert_not(options.learners_for_events);
    cr_assert_eq(options.events, 5000);
    cr_assert_eq(options.model.learners, 40);
}

Test(options, until_is_the_day_after_the_last)
{
    cr_assert_eq(parsed("--until 2026-01-19 --weeks 2").model.start_day, 20458);
    cr_assert_eq(parsed("--start 2026-01-05 --utc-offset -03:30").model.offset_min, -210);
}

Test(options, rates_are_exact)
{
    struct options options = parsed("--late 0.015 --repeat 1 --disorder .000001");
    cr_assert_eq(options.delivery.late_ppm, 15000);
    cr_assert_eq(options.delivery.repeat_ppm, 1000000);
    cr_assert_eq(options.delivery.disorder_ppm, 1);
}

Test(options, a_revision_can_have_a_date_or_be_left_out)
{
    cr_assert_eq(parsed("--revise 2026-02-01").model.revise_day, 20485);
    cr_assert_not(parsed("--revise none").model.revise);
}

Test(options, a_course_too_short_for_the_defaults_is_plain)
{
    struct options options = parsed("--modules 2");
    cr_assert_eq(options.model.long_modules, 0);
    cr_assert_not(options.model.revise);
    cr_assert_eq(parsed("--modules 7").model.long_modules, 1);
}

struct refusal {
    char line[80];
    char says[80];
};
ParameterizedTestParameters(options, wrong_ones_are_refused_by_name)
{
    static struct refusal refusals[] = {
        {"--learners 0", "--learners 0: not a whole number from 1"},
        {"--learners 2x", "--learners 2x: not a whole"},
        {"--learners -1", "--learners -1: not a whole"},
        {"--learners 99999999999999999999999", "not a whole"},
        {"--slice 61", "--slice 61"},
        {"--late 1.5", "--late 1.5: not a rate"},
        {"--late 0.0000001", "not a rate"},
        {"--late .", "not a rate"},
        {"--late -0.1", "not a rate"},
        {"--start 2026-02-30", "--start 2026-02-30: not a date"},
        {"--until soon", "--until soon: not a date"},
        {"--until 1970-01-05", "between 1970 and 9999"},
        {"--start 9999-12-01", "between 1970 and 9999"},
        {"--revise now", "--revise now: not a date"},
        {"--utc-offset 7", "--utc-offset 7"},
        {"--utc-offset +15:00", "--utc-offset +15:00"},
        {"--utc-offset +07:00x", "--utc-offset +07:00x"},
        {"--start 2026-01-05 --until 2026-03-01", "--start and --until"},
        {"--modules 4 --programs 5", "--programs 5: there are 4 modules to divide"},
        {"--modules 20 --programs 4 --long 1", "5 modules to plant, but 3 of 5"},
        {"--intake 1.1", "--intake 1.1: not a rate"},
        {"--modules 4 --long 3", "7 modules to plant, but 2 of 4"},
        {"--to ipc:///tmp/x --out y", "--to and --out"},
        {"--home x", "--home and --name belong to --to"},
        {"--to ipc:///tmp/x --name y", "--name belongs to --home"},
        {"--bogus", "--bogus: no such option"},
        {"--seed", "--seed: an argument is missing"},
        {"extra", "extra: unexpected"},
    };
    return cr_make_param_array(struct refusal, refusals, ARRAY_COUNT(refusals));
}
ParameterizedTest(struct refusal *refusal, options, wrong_ones_are_refused_by_name)
{
    struct options options;
    struct error error = {0};
    cr_assert_eq(parse(refusal->line, &options, &error), STATUS_USAGE, "%s", refusal->line);
    cr_assert(strstr(error.text, refusal->says), "%s: %s", refusal->line, error.text);
}
