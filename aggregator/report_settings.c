#include "aggregator/report_settings.h"

#include <stdio.h>
#include <stdlib.h>

static const enum config_key keys[] = {CONFIG_ZONE,         CONFIG_MAX_SLICE_MS,  CONFIG_MIN_LEARNERS,
                                       CONFIG_OVER_FACTOR,  CONFIG_LONG_SHARE,    CONFIG_LONG_RATIO,
                                       CONFIG_MIN_COVERAGE, CONFIG_SPLIT_MINUTES, CONFIG_SPLIT_VISITS,
                                       CONFIG_SPLIT_SPREAD, CONFIG_SKIMMED_RATIO};

static char *value_text(const struct config *config, enum config_key key)
{
    switch (config_default(key)->type) {
    case CONFIG_TYPE_WHOLE:
        return mem_text("%lld", (long long)config_whole(config, key));
    case CONFIG_TYPE_REAL:
        return mem_text("%.15g", config_real(config, key));
    case CONFIG_TYPE_TEXT:
    case CONFIG_TYPE_SWITCH:
        break;
    }
    return mem_text("%s", config_value(config, key));
}

char *report_settings_text(const struct config *config)
{
    char *text = mem_text("%s", "");
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        char *value = value_text(config, keys[i]);
        char *longer = mem_text("%s%s=%s\n", text, config_key_name(keys[i]), value);
        free(value);
        free(text);
        text = longer;
    }
    return text;
}

/* The value of a "key=value" line; empty where there is none. */
static struct slice find_value(const char *settings, const char *name)
{
    size_t size = strlen(name);
    for (const char *line = settings; *line;) {
        size_t length = strcspn(line, "\n");
        if (length > size && line[size] == '=' && memcmp(line, name, size) == 0)
            return slice_of(line + size + 1, length - size - 1);
        line += length + (line[length] == '\n');
    }
    return slice_of("", 0);
}

enum status report_settings_check(const struct config *config, const char *asked, struct error *error)
{
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        const char *name = config_key_name(keys[i]);
        char *own = value_text(config, keys[i]);
        struct slice other = find_value(asked, name);
        enum status status = STATUS_OK;
        if (!slice_equal(slice_of_text(own), other))
            status = error_set(error, STATUS_CONFIG,
                               "the running `jejak-aggregator follow` was started with %s = %s, not %.*s as asked for; "
                               "restart it with that, or leave it out",
                               name, own, (int)other.size, (const char *)other.data);
        free(own);
        if (status)
            return status;
    }
    return STATUS_OK;
}
