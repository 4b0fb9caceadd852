#include "aggregator/report_options.h"

#include "common/event.h"
#include "common/zone.h"

#include <errno.h>
#include <stdlib.h>

const char *const report_options_help =
    "  --from DATE         first day, as 2026-01-31 (default: the first day with data)\n"
    "  --to DATE           day after the last one (default: the day after the last with data)\n"
    "  --tz ZONE           time zone of the days (default: the configured one)\n"
    "  --level LEVEL       module, topic or section (default: module)\n"
    "  --module M          only rows of this module\n"
    "  --program P         only rows of this program\n"
    "  --cohort C          only learners of this group; - for those in none\n"
    "  --curriculum FILE   CSV: content,title,order,expected_minutes,revised,program\n"
    "  --k N               no row with fewer learners than N; may only raise the configured number\n"
    "  --format FORMAT     table, csv or json (default: table)\n"
    "  --color             colours in the table\n"
    "  -o, --output FILE   write there instead of to standard output\n";

typedef enum status (*take_fn)(const char *value, struct report_options *options, struct error *error);

static enum status take_day(const char *name, const char *value, bool *has, int32_t *day, struct error *error)
{
    if (*has)
        return error_set(error, STATUS_USAGE, "%s is given twice", name);
    if (!date_parse(slice_of_text(value), day))
        return error_set(error, STATUS_USAGE, "%s takes a date like 2026-01-31", name);
    *has = true;
    return STATUS_OK;
}

static enum status take_from(const char *value, struct report_options *options, struct error *error)
{
    return take_day("--from", value, &options->has_from, &options->from_day, error);
}

static enum status take_to(const char *value, struct report_options *options, struct error *error)
{
    return take_day("--to", value, &options->has_to, &options->to_day, error);
}

static enum status take_tz(const char *value, struct report_options *options, struct error *error)
{
    (void)error;
    options->tz = value;
    return STATUS_OK;
}

static enum status take_level(const char *value, struct report_options *options, struct error *error)
{
    static const char *const names[] = {
        [LEVEL_MODULE] = "module", [LEVEL_TOPIC] = "topic", [LEVEL_SECTION] = "section"};
    for (enum level level = LEVEL_MODULE; level <= LEVEL_SECTION; level++) {
        if (strcmp(value, names[level]) == 0) {
            options->level = level;
            return STATUS_OK;
        }
    }
    return error_set(error, STATUS_USAGE, "--level takes module, topic or section");
}

static enum status take_module(const char *value, struct report_options *options, struct error *error)
{
    if (!segment_valid(slice_of_text(value)))
        return error_set(error, STATUS_USAGE, "--module takes the first segment of a content path");
    options->module = value;
    return STATUS_OK;
}

static enum status take_program(const char *value, struct report_options *options, struct error *error)
{
    (void)error;
    options->program = value;
    return STATUS_OK;
}

static enum status take_cohort(const char *value, struct report_options *options, struct error *error)
{
    if (!segment_valid(slice_of_text(value)))
        return error_set(error, STATUS_USAGE, "--cohort takes the name of a group, or - for those in none");
    options->cohort = value;
    return STATUS_OK;
}

static enum status take_curriculum(const char *value, struct report_options *options, struct error *error)
{
    (void)error;
    options->curriculum = value;
    return STATUS_OK;
}

static enum status take_k(const char *value, struct report_options *options, struct error *error)
{
    char *end = NULL;
    errno = 0;
    unsigned long long k = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end || errno || k == 0 || k > 1000000)
        return error_set(error, STATUS_USAGE, "--k takes a number of learners");
    options->k = k;
    return STATUS_OK;
}

static enum status take_format(const char *value, struct report_options *options, struct error *error)
{
    static const char *const names[] = {[REPORT_TABLE] = "table", [REPORT_CSV] = "csv", [REPORT_JSON] = "json"};
    for (enum report_format format = REPORT_TABLE; format <= REPORT_JSON; format++) {
        if (strcmp(value, names[format]) == 0) {
            options->format = format;
            return STATUS_OK;
        }
    }
    return error_set(error, STATUS_USAGE, "--format takes table, csv or json");
}

static enum status take_output(const char *value, struct report_options *options, struct error *error)
{
    (void)error;
    options->output = value;
    return STATUS_OK;
}

static enum status take_settings(const char *value, struct report_options *options, struct error *error)
{
    (void)error;
    options->settings = value;
    return STATUS_OK;
}

static const struct {
    const char *name;
    take_fn take;
} table[] = {
    {"--from", take_from},
    {"--to", take_to},
    {"--tz", take_tz},
    {"--level", take_level},
    {"--module", take_module},
    {"--program", take_program},
    {"--cohort", take_cohort},
    {"--curriculum", take_curriculum},
    {"--k", take_k},
    {"--format", take_format},
    {"--output", take_output},
    {"-o", take_output},
    {"--settings", take_settings},
};

/* `--name value` or `--name=value`. Moves *index past what it took. */
static enum status take_option(int argc, char *const *argv, int *index, struct report_options *options,
                               struct error *error)
{
    const char *argument = argv[(*index)++];
    for (size_t i = 0; i < ARRAY_COUNT(table); i++) {
        size_t size = strlen(table[i].name);
        const char *value = NULL;
        if (strncmp(argument, table[i].name, size) != 0)
            continue;
        if (argument[size] == '=')
            value = argument + size + 1;
        else if (argument[size] != '\0')
            continue;
        else if (*index < argc)
            value = argv[(*index)++];
        if (!value || value[0] == '\0')
            return error_set(error, STATUS_USAGE, "%s takes a value", table[i].name);
        return table[i].take(value, options, error);
    }
    return error_set(error, STATUS_USAGE, "report knows no %s %.64s", argument[0] == '-' ? "option" : "argument",
                     argument);
}

enum status report_options_parse(int argc, char *const *argv, struct report_options *options, struct error *error)
{
    struct report_options read = {.level = LEVEL_MODULE, .format = REPORT_TABLE};
    for (int index = 0; index < argc;) {
        if (strcmp(argv[index], "--color") == 0) {
            read.color = true;
            index++;
            continue;
        }
        enum status status = take_option(argc, argv, &index, &read, error);
        if (status)
            return status;
    }
    if (read.has_from && read.has_to && read.from_day >= read.to_day)
        return error_set(error, STATUS_USAGE, "--from is not before --to (the day after the last)");
    *options = read;
    return STATUS_OK;
}
