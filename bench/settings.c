#include "bench/settings.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

/* clang-format off */
/*  field       option        default least greatest    help */
#define NUMBER_TABLE(X)                                                                                                \
    X(events,     "events",     2000000, 0, 1000000000, "events in the measured pass")                                 \
    X(learners,   "learners",   50000,   1, 20000000,   "learners, all equally likely")                                \
    X(modules,    "modules",    200,     1, 999,        "modules, of four sections each")                              \
    X(batch,      "batch",      500,     1, 5000,       "events in a batch")                                           \
    X(publishers, "publishers", 4,       1, 64,         "connections, each with a session of its own")                 \
    X(in_flight,  "in-flight",  64,      1, 64,         "batches on the way in a session")                             \
    X(seed,       "seed",       1,       0, UINT32_MAX, "of the random load")                                          \
    X(patience_s, "patience",   60,      1, 3600,       "seconds without an answer before it fails")

#define TEXT_TABLE(X)                                                                                                  \
    X(to,         "to",         "ingest endpoint of the collector (loader)")                                           \
    X(curve,      "curve",      "home of the collector, for its public key: CURVE instead of plain")                   \
    X(key,        "key",        "KEY.public and KEY.secret, the publisher's pair (with --curve)")                      \
    X(curriculum, "curriculum", "write the curriculum file of --course here")

#define SWITCH_TABLE(X)                                                                                                \
    X(course,     "course",     "events of a simulated course over 12 weeks; --learners and --modules are its own")    \
    X(warm,       "warm",       "first publish each learner once, measured apart")
/* clang-format on */

enum option_key {
    OPTION_HELP = 256,
#define X(field, ...) OPTION_##field,
    NUMBER_TABLE(X) TEXT_TABLE(X) SWITCH_TABLE(X)
#undef X
};

static const struct option known[] = {
    {"help", no_argument, NULL, OPTION_HELP},
#define X(field, option, ...) {option, required_argument, NULL, OPTION_##field},
    NUMBER_TABLE(X) TEXT_TABLE(X)
#undef X
#define X(field, option, ...) {option, no_argument, NULL, OPTION_##field},
        SWITCH_TABLE(X)
#undef X
            {0},
};

static _Noreturn void usage(const char *program, int exit_code)
{
    FILE *file = exit_code == EX_OK ? stdout : stderr;
    fprintf(file, "usage: %s [options]\n", program);
#define X(field, option, fallback, least, greatest, help)                                                              \
    fprintf(file, "  --%-12s N     %s (%llu)\n", option, help, (unsigned long long)(fallback));
    NUMBER_TABLE(X)
#undef X
#define X(field, option, help) fprintf(file, "  --%-12s TEXT  %s\n", option, help);
    TEXT_TABLE(X)
#undef X
#define X(field, option, help) fprintf(file, "  --%-12s       %s\n", option, help);
    SWITCH_TABLE(X)
#undef X
    exit(exit_code);
}

static uint64_t number(const char *program, const char *option, uint64_t least, uint64_t greatest)
{
    char *end;
    errno = 0;
    uint64_t value = strtoull(optarg, &end, 10);
    if (errno == 0 && end > optarg && *end == '\0' && optarg[0] != '-' && value >= least && value <= greatest)
        return value;
    fprintf(stderr, "%s: --%s %s: not a whole number from %llu to %llu\n", program, option, optarg,
            (unsigned long long)least, (unsigned long long)greatest);
    exit(EX_USAGE);
}

static void take(const char *program, int found, struct settings *settings)
{
    switch (found) {
#define X(field, option, fallback, least, greatest, help)                                                              \
    case OPTION_##field:                                                                                               \
        settings->field = number(program, option, least, greatest);                                                    \
        break;
        NUMBER_TABLE(X)
#undef X
#define X(field, ...)                                                                                                  \
    case OPTION_##field:                                                                                               \
        settings->field = optarg;                                                                                      \
        break;
        TEXT_TABLE(X)
#undef X
#define X(field, ...)                                                                                                  \
    case OPTION_##field:                                                                                               \
        settings->field = true;                                                                                        \
        break;
        SWITCH_TABLE(X)
#undef X
    default:
        usage(program, found == OPTION_HELP ? EX_OK : EX_USAGE);
    }
}

struct settings settings_parse(const char *program, int argc, char **argv)
{
    struct settings settings = {
#define X(field, option, fallback, ...) .field = (fallback),
        NUMBER_TABLE(X)
#undef X
    };
    for (int found; (found = getopt_long(argc, argv, "", known, NULL)) != -1;)
        take(program, found, &settings);
    if (optind < argc || !settings.curve != !settings.key)
        usage(program, EX_USAGE);
    return settings;
}
