#include "bench/settings.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

enum {
    KEY_LEARNERS = 0x1000,
    KEY_MODULES,
    KEY_BATCH,
    KEY_SEED,
};

const struct settings settings_default = {
    .events = 2000000, .learners = 50000, .modules = 200, .batch = 500, .batch_least = 500, .seed = 1};

uint64_t settings_number(const struct argp_state *state, const char *option, const char *text, uint64_t least,
                         uint64_t greatest)
{
    char *end;
    errno = 0;
    uint64_t number = strtoull(text, &end, 10);
    bool digits = text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0;
    if (!digits || number < least || number > greatest)
        argp_error(state, "--%s: \"%s\" is not a whole number from %" PRIu64 " to %" PRIu64, option, text, least,
                   greatest);
    return number;
}

/* "500" or "1..5" */
static void batch_argument(const struct argp_state *state, char *text, struct settings *settings)
{
    char *dots = strstr(text, "..");
    if (dots)
        *dots = '\0';
    settings->batch_least = settings_number(state, "batch", text, 1, SETTINGS_MAX_BATCH);
    settings->batch = dots ? settings_number(state, "batch", dots + 2, settings->batch_least, SETTINGS_MAX_BATCH)
                           : settings->batch_least;
}

static error_t on_option(int key, char *text, struct argp_state *state)
{
    struct settings *settings = state->input;
    switch (key) {
    case KEY_LEARNERS:
        settings->learners = settings_number(state, "learners", text, 1, SETTINGS_MAX_LEARNERS);
        break;
    case KEY_MODULES:
        settings->modules = settings_number(state, "modules", text, 1, SETTINGS_MAX_MODULES);
        break;
    case KEY_BATCH:
        batch_argument(state, text, settings);
        break;
    case KEY_SEED:
        settings->seed = settings_number(state, "seed", text, 0, UINT32_MAX);
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

static const struct argp_option arguments[] = {
    {"batch", KEY_BATCH, "N|N..M", 0, "events in a batch, or from how many to how many, all equally likely (500)", 0},
    {"learners", KEY_LEARNERS, "N", 0, "learners, all equally likely (50000)", 0},
    {"modules", KEY_MODULES, "N", 0, "modules, of four sections each (200)", 0},
    {"seed", KEY_SEED, "N", 0, "of the events and of what else is drawn (1)", 0},
    {0},
};

const struct argp settings_argp = {arguments, on_option, NULL, NULL, NULL, NULL, NULL};
