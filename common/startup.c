#include "common/startup.h"

#include "common/cli.h"
#include "common/logline.h"

#include <stdlib.h>

enum {
    OPTION_CONFIG = 300,
    OPTION_SET
};

static const struct argp_option options[] = {
    {"home", 'H', "DIR", 0, "Home folder (default: $JEJAK_HOME)", 0},
    {"config", OPTION_CONFIG, "FILE", 0, "Configuration file (default: jejak.conf in the home, where there is one)", 0},
    {"set", OPTION_SET, "KEY=VALUE", 0, "Set a configuration key; may be repeated", 0},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct startup *startup = state->input;
    switch (key) {
    case 'H':
        startup->home = value;
        return 0;
    case OPTION_CONFIG:
        startup->file = value;
        return 0;
    case OPTION_SET:
        startup_set(startup, NULL, value);
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

const struct argp startup_argp = {options, parse, NULL, NULL, NULL, NULL, NULL};

void startup_set(struct startup *startup, const char *key, const char *value)
{
    startup->sets = mem_grow(startup->sets, startup->set_count + 1, sizeof *startup->sets);
    startup->sets[startup->set_count++] = key ? mem_text("%s=%s", key, value) : mem_text("%s", value);
}

enum status startup_config(const struct startup *startup, struct config **config, struct error *error)
{
    const char *home;
    enum status status = cli_home(startup->home, &home, error);
    if (status != STATUS_OK)
        return status;
    return config_open(home, startup->file, startup->sets, startup->set_count, config, error);
}

void startup_close(struct startup *startup)
{
    for (size_t i = 0; i < startup->set_count; i++)
        free((char *)(uintptr_t)startup->sets[i]);
    free(startup->sets);
    *startup = (struct startup){0};
}

void startup_log(const struct config *config)
{
    static const char *const levels[] = {"debug", "info", "warning", "error"};
    enum log_level least = LOG_LEVEL_INFO;
    for (unsigned i = 0; i < ARRAY_COUNT(levels); i++)
        if (strcmp(config_text(config, CONFIG_LOG_LEVEL), levels[i]) == 0)
            least = (enum log_level)i;
    bool json = strcmp(config_text(config, CONFIG_LOG_FORMAT), "json") == 0;
    log_setup(least, json ? LOG_FORMAT_JSON : LOG_FORMAT_LOGFMT);
}
