#include "clients/simulate/options.h"

#include "clients/simulate/random.h"
#include "common/zone.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

enum type {
    TYPE_WHOLE, /* an integer from least to greatest, uint64_t */
    TYPE_RATE,  /* 0 to 1, kept as parts per million */
    TYPE_TEXT,
    TYPE_SWITCH,
};

/* clang-format off */
/*  name        option        type    argument    default       least greatest                 help */
#define OPTION_TABLE(X)                                                                                                \
    X(LEARNERS,   "learners",   WHOLE,  "N",        "2000",       1, SIMULATE_MAX_LEARNERS,"how many learners") \
    X(EVENTS,     "events",     WHOLE,  "N",        "",           1, 1000000000000,        "about so many: by so many learners, or with --learners by shorter or longer stays") \
    X(MODULES,    "modules",    WHOLE,  "N",        "12",         1, SIMULATE_MAX_MODULES, "modules of the course") \
    X(PROGRAMS,   "programs",   WHOLE,  "N",        "1",          1, SIMULATE_MAX_MODULES, "study programmes that the modules are divided over") \
    X(WEEKS,      "weeks",      WHOLE,  "N",        "12",         1, SIMULATE_MAX_WEEKS,   "length of the period") \
    X(COHORTS,    "cohorts",    WHOLE,  "N",        "3",          1, SIMULATE_MAX_COHORTS, "groups, each with its start date") \
    X(INTAKE,     "intake",     RATE,   "RATE",     "0.5",        0, PPM,                  "the part of the period over which they start") \
    X(START,      "start",      TEXT,   "DATE",     "2026-01-05", 0, 0,                    "the period's first day") \
    X(UNTIL,      "until",      TEXT,   "DATE",     "",           0, 0,                    "instead of --start: the day after its last one") \
    X(UTC_OFFSET, "utc-offset", TEXT,   "+hh:mm",   "+07:00",     0, 0,                    "local time of dates and habits") \
    X(SEED,       "seed",       WHOLE,  "N",        "1",          0, UINT64_MAX,           "another seed is another history") \
    X(SLICE,      "slice",      WHOLE,  "S",        "30",         15, 60,                  "seconds of a dwell slice") \
    X(LONG,       "long",       WHOLE,  "N",        "1",          0, SIMULATE_MAX_MODULES, "modules planted as too long, in each program") \
    X(CONFUSING,  "confusing",  WHOLE,  "N",        "1",          0, SIMULATE_MAX_MODULES, "... as long, reopened, given up after") \
    X(LOVED,      "loved",      WHOLE,  "N",        "1",          0, SIMULATE_MAX_MODULES, "... as long and favourite") \
    X(SKIPPED,    "skipped",    WHOLE,  "N",        "1",          0, SIMULATE_MAX_MODULES, "... as passed over or skimmed") \
    X(REVISE,     "revise",     TEXT,   "DATE",     "middle",     0, 0,                    "one module is better from this day (or: none)") \
    X(LATE,       "late",       RATE,   "RATE",     "0",          0, PPM,                  "share of events that arrive hours to days late") \
    X(REPEAT,     "repeat",     RATE,   "RATE",     "0",          0, PPM,                  "share that arrives twice") \
    X(DISORDER,   "disorder",   RATE,   "RATE",     "0",          0, PPM,                  "share that arrives seconds to minutes late") \
    X(OUT,        "out",        TEXT,   "FILE",     "-",          0, 0,                    "events as CSV; - is standard output") \
    X(CURRICULUM, "curriculum", TEXT,   "FILE",     "",           0, 0,                    "write the course's curriculum file") \
    X(PLANTED,    "planted",    TEXT,   "FILE",     "",           0, 0,                    "write what was planted in which module") \
    X(TO,         "to",         TEXT,   "ENDPOINT", "",           0, 0,                    "instead of --out: straight to a collector") \
    X(HOME,       "home",       TEXT,   "DIR",      "",           0, 0,                    "... encrypted, with the keys of this home; else plain") \
    X(NAME,       "name",       TEXT,   "NAME",     "simulate",   0, 0,                    "... as this publisher of it") \
    X(HELP,       "help",       SWITCH, "",         "",           0, 0,                    "this text") \
    X(VERSION,    "version",    SWITCH, "",         "",           0, 0,                    "the version")
/* clang-format on */

enum option_key {
#define X(name, ...) OPTION_##name,
    OPTION_TABLE(X)
#undef X
    OPTION_COUNT
};

static const struct {
    const char *name;
    enum type type;
    const char *argument;
    const char *fallback;
    uint64_t least, greatest;
    const char *help;
} table[OPTION_COUNT] = {
#define X(name, option, type, argument, fallback, least, greatest, help)                                               \
    [OPTION_##name] = {option, TYPE_##type, argument, fallback, least, greatest, help},
    OPTION_TABLE(X)
#undef X
};

struct value {
    bool given;
    const char *text;
    uint64_t number; /* whole numbers and rates */
};

/* ---- one value -------------------------------------------------------------------------------------------------- */

static bool parse_whole(const char *text, uint64_t *number)
{
    if (text[0] < '0' || text[0] > '9')
        return false;
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    return errno == 0 && *end == '\0';
}

/* Decimal digits by hand: "0.015" is 15000 ppm on every machine; more than six places are refused. */
static bool parse_rate(const char *text, uint64_t *ppm)
{
    uint64_t whole = 0, part = 0, scale = PPM;
    const char *at = text;
    for (; *at >= '0' && *at <= '9' && whole <= 1; at++)
        whole = whole * 10 + (uint64_t)(*at - '0');
    bool digits = at > text;
    if (*at == '.')
        for (at++; *at >= '0' && *at <= '9' && scale > 1; at++, digits = true)
            part += (uint64_t)(*at - '0') * (scale /= 10);
    *ppm = whole * PPM + part;
    return digits && *at == '\0';
}

static enum status parse_value(enum option_key key, const char *text, struct value *value, struct error *error)
{
    const char *name = table[key].name;
    value->text = text;
    if (table[key].type == TYPE_WHOLE && *text) {
        if (!parse_whole(text, &value->number) || value->number < table[key].least ||
            value->number > table[key].greatest)
            return error_set(error, STATUS_USAGE, "--%s %s: not a whole number from %llu to %llu", name, text,
                             (unsigned long long)table[key].least, (unsigned long long)table[key].greatest);
    } else if (table[key].type == TYPE_RATE) {
        if (!parse_rate(text, &value->number) || value->number > PPM)
            return error_set(error, STATUS_USAGE, "--%s %s: not a rate from 0 to 1 with at most six places", name,
                             text);
    }
    return STATUS_OK;
}

static enum status read_arguments(int argc, char **argv, struct value values[OPTION_COUNT], struct error *error)
{
    struct option known[OPTION_COUNT + 1] = {0};
    for (int i = 0; i < OPTION_COUNT; i++) {
        bool takes = table[i].type != TYPE_SWITCH;
        known[i] = (struct option){table[i].name, takes ? required_argument : no_argument, NULL, 256 + i};
        enum status status = parse_value((enum option_key)i, table[i].fallback, &values[i], error);
        ensure(status == STATUS_OK);
    }
    optind = 0; /* tests parse more than once */
    opterr = 0;
    for (int found; (found = getopt_long(argc, argv, ":", known, NULL)) != -1;) {
        if (found < 256)
            return error_set(error, STATUS_USAGE, "%s: %s", argv[optind - 1],
                             found == ':' ? "an argument is missing" : "no such option");
        struct value *value = &values[found - 256];
        value->given = true;
        enum status status = parse_value((enum option_key)(found - 256), optarg ? optarg : "", value, error);
        if (status != STATUS_OK)
            return status;
    }
    if (optind < argc)
        return error_set(error, STATUS_USAGE, "%s: unexpected", argv[optind]);
    return STATUS_OK;
}

/* ---- what they mean together ------------------------------------------------------------------------------------ */

static enum status day_of(enum option_key key, const char *text, int32_t *day, struct error *error)
{
    if (!date_parse(slice_of_text(text), day))
        return error_set(error, STATUS_USAGE, "--%s %s: not a date YYYY-MM-DD", table[key].name, text);
    return STATUS_OK;
}

static bool parse_offset(const char *text, int32_t *minutes)
{
    unsigned hours, rest;
    int length = 0;
    char sign;
    // NOLINTNEXTLINE(cert-err34-c): two digits each, they cannot overflow
    if (sscanf(text, "%c%2u:%2u%n", &sign, &hours, &rest, &length) != 3 || length != 6 || text[6] != '\0')
        return false;
    if ((sign != '+' && sign != '-') || hours > 14 || rest > 59)
        return false;
    *minutes = (int32_t)(hours * 60 + rest) * (sign == '-' ? -1 : 1);
    return true;
}

static enum status settle_period(const struct value *values, struct simulate_model *model, struct error *error)
{
    if (values[OPTION_START].given && values[OPTION_UNTIL].given)
        return error_set(error, STATUS_USAGE, "--start and --until: give one of them, --weeks says the rest");
    if (!parse_offset(values[OPTION_UTC_OFFSET].text, &model->offset_min))
        return error_set(error, STATUS_USAGE, "--utc-offset %s: not +hh:mm or -hh:mm up to 14 hours",
                         values[OPTION_UTC_OFFSET].text);
    bool until = values[OPTION_UNTIL].given;
    enum option_key key = until ? OPTION_UNTIL : OPTION_START;
    int32_t day;
    enum status status = day_of(key, values[key].text, &day, error);
    if (status != STATUS_OK)
        return status;
    model->start_day = until ? day - (int32_t)model->weeks * 7 : day;
    if (model->start_day < 1 || simulate_end_ms(model) > TIME_MAX_MS)
        return error_set(error, STATUS_USAGE, "--%s %s: the period must lie between 1970 and 9999", table[key].name,
                         values[key].text);
    return STATUS_OK;
}

static enum status settle_revision(const struct value *values, struct simulate_model *model, struct error *error)
{
    const char *text = values[OPTION_REVISE].text;
    model->revise = strcmp(text, "none") != 0;
    model->revise_day = model->start_day + (int32_t)model->weeks * 7 / 2;
    if (!model->revise || strcmp(text, "middle") == 0)
        return STATUS_OK;
    return day_of(OPTION_REVISE, text, &model->revise_day, error);
}

static enum status check_programs(const struct simulate_model *model, struct error *error)
{
    if (model->programs <= model->modules)
        return STATUS_OK;
    return error_set(error, STATUS_USAGE, "--programs %u: there are %u modules to divide", model->programs,
                     model->modules);
}

static enum status check_planting(const struct value *values, struct simulate_model *model, struct error *error)
{
    uint32_t modules = model->modules / model->programs; /* of the smallest program */
    uint32_t room = modules > 2 ? modules - 2 : 0;
    bool asked = values[OPTION_LONG].given || values[OPTION_CONFUSING].given || values[OPTION_LOVED].given ||
                 values[OPTION_SKIPPED].given || values[OPTION_REVISE].given;
    uint32_t planted = model->long_modules + model->confusing_modules + model->loved_modules + model->skipped_modules +
                       (model->revise ? 1 : 0);
    if (planted <= room)
        return STATUS_OK;
    if (asked)
        return error_set(error, STATUS_USAGE, "%u modules to plant, but %u of %u can be (not the first and last one)",
                         planted, room, modules);
    /* A course too short for the defaults is a plain one. */
    model->long_modules = model->confusing_modules = model->loved_modules = model->skipped_modules = 0;
    model->revise = false;
    return STATUS_OK;
}

static enum status check_ways_out(const struct value *values, struct error *error)
{
    if (values[OPTION_TO].given && values[OPTION_OUT].given)
        return error_set(error, STATUS_USAGE, "--to and --out: give one of them");
    if (!values[OPTION_TO].given && (values[OPTION_HOME].given || values[OPTION_NAME].given))
        return error_set(error, STATUS_USAGE, "--home and --name belong to --to");
    if (values[OPTION_NAME].given && !values[OPTION_HOME].given)
        return error_set(error, STATUS_USAGE, "--name belongs to --home");
    return STATUS_OK;
}

static struct simulate_model plain_numbers(const struct value *values)
{
    return (struct simulate_model){
        .seed = values[OPTION_SEED].number,
        .learners = (uint32_t)values[OPTION_LEARNERS].number,
        .modules = (uint32_t)values[OPTION_MODULES].number,
        .programs = (uint32_t)values[OPTION_PROGRAMS].number,
        .weeks = (uint32_t)values[OPTION_WEEKS].number,
        .cohorts = (uint32_t)values[OPTION_COHORTS].number,
        .intake_ppm = (uint32_t)values[OPTION_INTAKE].number,
        .leave_permille = PERMILLE,
        .slice_ms = (uint32_t)values[OPTION_SLICE].number * 1000,
        .long_modules = (uint32_t)values[OPTION_LONG].number,
        .confusing_modules = (uint32_t)values[OPTION_CONFUSING].number,
        .loved_modules = (uint32_t)values[OPTION_LOVED].number,
        .skipped_modules = (uint32_t)values[OPTION_SKIPPED].number,
    };
}

static const char *text_or_null(const struct value *value)
{
    return value->text[0] ? value->text : NULL;
}

static struct options assemble(const struct value *values, const struct simulate_model *model)
{
    return (struct options){
        .model = *model,
        .delivery = {.late_ppm = (uint32_t)values[OPTION_LATE].number,
                     .repeat_ppm = (uint32_t)values[OPTION_REPEAT].number,
                     .disorder_ppm = (uint32_t)values[OPTION_DISORDER].number},
        .events = values[OPTION_EVENTS].number,
        .learners_for_events = values[OPTION_EVENTS].given && !values[OPTION_LEARNERS].given,
        .out = values[OPTION_OUT].text,
        .curriculum = text_or_null(&values[OPTION_CURRICULUM]),
        .planted = text_or_null(&values[OPTION_PLANTED]),
        .to = text_or_null(&values[OPTION_TO]),
        .home = text_or_null(&values[OPTION_HOME]),
        .name = values[OPTION_NAME].text,
        .help = values[OPTION_HELP].given,
        .version = values[OPTION_VERSION].given,
    };
}

enum status options_parse(int argc, char **argv, struct options *options, struct error *error)
{
    struct value values[OPTION_COUNT] = {0};
    enum status status = read_arguments(argc, argv, values, error);
    if (status != STATUS_OK)
        return status;
    struct simulate_model model = plain_numbers(values);
    if ((status = check_ways_out(values, error)) != STATUS_OK ||
        (status = settle_period(values, &model, error)) != STATUS_OK ||
        (status = settle_revision(values, &model, error)) != STATUS_OK ||
        (status = check_programs(&model, error)) != STATUS_OK ||
        (status = check_planting(values, &model, error)) != STATUS_OK)
        return status;
    *options = assemble(values, &model);
    return STATUS_OK;
}

/* ---- help ------------------------------------------------------------------------------------------------------- */

static const char help_before[] =
    "jejak-simulate - a made-up population of learners using a made-up course\n"
    "\n"
    "usage: jejak-simulate [options] > events.csv\n"
    "       jejak-simulate [options] --to ENDPOINT [--home DIR]\n"
    "\n"
    "Everything that comes out is simulated: learners are called sim-00000001, titles end in (simulated), the program\n"
    "is \"simulated\" (or \"simulated 1\" ...). The same seed and options give the same bytes on any machine.\n"
    "\n";

static const char help_after[] =
    "\n"
    "The model\n"
    "  Modules of 2 to 4 topics with 2 or 3 sections each, planned at 12 to 20 minutes a module. Cohorts start at "
    "whole\n"
    "  weeks in the first half of the period. A learner has a pace, 3 to 6 visits a week at first (fading by 6 to 14 % "
    "a\n"
    "  week), a habit of hour and weekdays, and may give up after a visit or a module. A visit opens the module, then\n"
    "  section after section: an open, dwell slices one after the other until the section's time is used up, and "
    "progress\n"
    "  on the module up to 100. Modules are reopened later, marked as favourites, unmarked, passed over. At most one "
    "visit\n"
    "  a learner and day. With --programs, modules are divided over programs of study, each with what is planted; a "
    "learner\n"
    "  is in one of them and begins at any of its modules.\n"
    "\n"
    "  planted     what learners do there                                   verdict to expect over the whole period\n"
    "  long        2.35 times the plan, mostly in one go                    split\n"
    "  confusing   1.9 times, broken off, reopened by 2 in 3, given up      clarify\n"
    "  loved       1.9 times, a favourite of nearly every second            interest\n"
    "  skipped     passed over by half, skimmed at a fifth of the plan      skimmed\n"
    "  revised     2 times before the date, as planned from then on         revision: better\n"
    "  These are the verdicts of a report with default thresholds; with 500 learners or more they held for every seed\n"
    "  tried. Over the whole period the revised module may be listed too, as clarify.\n"
    "\n"
    "  Events come in time order, as they arrive: --late ones 1 to 72 hours after their time, --disorder ones 1 to "
    "120\n"
    "  seconds, --repeat ones a second time within a minute.\n"
    "\n"
    "Exit codes are those of sysexits(3): 64 wrong options, 73 a file cannot be made, 74 writing failed,\n"
    "65 the collector rejected events, 69 it does not answer.\n";

void options_help(void)
{
    fputs(help_before, stdout);
    for (int i = 0; i < OPTION_COUNT; i++) {
        char left[40];
        snprintf(left, sizeof left, "--%s %s", table[i].name, table[i].argument);
        printf("  %-22s %s", left, table[i].help);
        if (table[i].fallback[0])
            printf(" (%s)", table[i].fallback);
        putchar('\n');
    }
    fputs(help_after, stdout);
}
