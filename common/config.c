#include "common/config_inner.h"
#include "common/logline.h"
#include "common/zone.h"

#include <stdlib.h>
#include <unistd.h>

enum {
    VALUE_MAX_BYTES = 4096
};

static const struct config_default defaults[CONFIG_COUNT] = {
#define X(name, key, type, fallback, least, greatest, reload, what)                                                    \
    [CONFIG_##name] = {key, CONFIG_TYPE_##type, fallback, (double)(least), (double)(greatest), reload, what},
    CONFIG_TABLE(X)
#undef X
};

struct config {
    char *home;
    struct value {
        char *text; /* as given, {home} expanded */
        char *origin;
        double real; /* exact for whole numbers: their greatest is below 2^53 */
        bool on;
    } values[CONFIG_COUNT];
};

const struct config_default *config_default(enum config_key key)
{
    return &defaults[key];
}

const char *config_key_name(enum config_key key)
{
    return defaults[key].name;
}

const char *config_key_help(enum config_key key)
{
    return defaults[key].help;
}

enum config_key config_key_from_name(const char *name)
{
    for (unsigned i = 0; i < CONFIG_COUNT; i++)
        if (strcmp(defaults[i].name, name) == 0)
            return (enum config_key)i;
    return CONFIG_COUNT;
}

/* "{home}" replaced wherever it stands. */
static char *expand_home(const char *text, const char *home)
{
    static const char mark[] = "{home}";
    char *expanded = mem_text("%s", "");
    for (const char *found; (found = strstr(text, mark)); text = found + sizeof mark - 1) {
        char *longer = mem_text("%s%.*s%s", expanded, (int)(found - text), text, home);
        free(expanded);
        expanded = longer;
    }
    char *whole = mem_text("%s%s", expanded, text);
    free(expanded);
    return whole;
}

static enum status check_text(enum config_key key, const char *text, struct error *error)
{
    enum log_level level;
    enum log_format format;
    if (*text == '\0' && *defaults[key].value != '\0')
        return error_set(error, STATUS_CONFIG, "%s must not be empty", defaults[key].name);
    if (key == CONFIG_ZONE && !zone_exists(text))
        return error_set(error, STATUS_CONFIG,
                         "zone must be a time zone of this machine, like Asia/Jakarta, not \"%.64s\"", text);
    if (key == CONFIG_LOG_LEVEL && !log_level_parse(text, &level))
        return error_set(error, STATUS_CONFIG, "log_level must be debug, info, warning or error, not \"%.64s\"", text);
    if (key == CONFIG_LOG_FORMAT && !log_format_parse(text, &format))
        return error_set(error, STATUS_CONFIG, "log_format must be logfmt or json, not \"%.64s\"", text);
    return STATUS_OK;
}

static enum status check_switch(enum config_key key, struct value *value, struct error *error)
{
    value->on = strcmp(value->text, "on") == 0;
    if (!value->on && strcmp(value->text, "off") != 0)
        return error_set(error, STATUS_CONFIG, "%s must be on or off, not \"%.64s\"", defaults[key].name, value->text);
    return STATUS_OK;
}

/* Digits, and for real numbers one point between digits: no signs, exponents, hexadecimals, infinities. */
static bool number_valid(const char *text, bool whole)
{
    size_t before = strspn(text, "0123456789");
    if (before == 0 || strlen(text) > 24)
        return false;
    if (text[before] == '\0')
        return true;
    size_t after = strspn(text + before + 1, "0123456789");
    return !whole && text[before] == '.' && after > 0 && text[before + 1 + after] == '\0';
}

static enum status check_number(enum config_key key, struct value *value, struct error *error)
{
    const struct config_default *row = &defaults[key];
    bool whole = row->type == CONFIG_TYPE_WHOLE, fits = number_valid(value->text, whole);
    if (fits) {
        value->real = strtod(value->text, NULL);
        fits = value->real >= row->least && value->real <= row->greatest;
    }
    return fits ? STATUS_OK
                : error_set(error, STATUS_CONFIG, "%s must be %s from %.15g to %.15g, not \"%.64s\"", row->name,
                            whole ? "a whole number" : "a number", row->least, row->greatest, value->text);
}

static enum status check_value(enum config_key key, struct value *value, struct error *error)
{
    switch (defaults[key].type) {
    case CONFIG_TYPE_SWITCH:
        return check_switch(key, value, error);
    case CONFIG_TYPE_WHOLE:
    case CONFIG_TYPE_REAL:
        return check_number(key, value, error);
    case CONFIG_TYPE_TEXT:
        break;
    }
    return check_text(key, value->text, error);
}

enum status config_set(struct config *config, const char *name, const char *text, const char *origin,
                       struct error *error)
{
    enum config_key key = config_key_from_name(name);
    if (key == CONFIG_COUNT)
        return error_set(error, STATUS_CONFIG, "\"%.64s\" is not a key of the configuration", name);
    if (strlen(text) > VALUE_MAX_BYTES)
        return error_set(error, STATUS_CONFIG, "the value of %s is longer than %d characters", name, VALUE_MAX_BYTES);
    struct value value = {.text = expand_home(text, config->home), .origin = mem_text("%s", origin)};
    enum status status = check_value(key, &value, error);
    struct value *replaced = status == STATUS_OK ? &config->values[key] : &value;
    struct value old = *replaced;
    if (status == STATUS_OK)
        config->values[key] = value;
    free(old.text);
    free(old.origin);
    return status;
}

static enum status take_set(struct config *config, const char *set, struct error *error)
{
    const char *equals = strchr(set, '=');
    if (!equals)
        return error_set(error, STATUS_USAGE, "--set %.64s: this is not key=value", set);
    char *name = mem_text("%.*s", (int)(equals - set), set);
    enum status status = config_set(config, name, equals + 1, "--set", error);
    free(name);
    return status == STATUS_OK ? STATUS_OK : error_prefix(error, "--set");
}

/* Absolute, without slashes at the end; links resolved where the folder stands already. */
static enum status absolute_home(const char *home, char **absolute, struct error *error)
{
    if (!home || !*home)
        return error_set(error, STATUS_USAGE, "no home folder is given");
    char *found = realpath(home, NULL), *here = NULL;
    if (!found && home[0] != '/' && !(here = getcwd(NULL, 0)))
        return error_errno(error, STATUS_SYSTEM, "the folder that this runs in is not known");
    if (!found)
        found = here ? mem_text("%s/%s", here, home) : mem_text("%s", home);
    free(here);
    for (size_t length = strlen(found); length > 1 && found[length - 1] == '/';)
        found[--length] = '\0';
    *absolute = found;
    return STATUS_OK;
}

static enum status fill(struct config *config, const char *file, const char *const *sets, size_t set_count,
                        struct error *error)
{
    enum status status = STATUS_OK;
    for (unsigned i = 0; status == STATUS_OK && i < CONFIG_COUNT; i++)
        status = config_set(config, defaults[i].name, defaults[i].value, "default", error);
    if (status != STATUS_OK)
        return error_prefix(error, "the default");
    char *own = mem_text("%s/jejak.conf", config->home);
    if (file || access(own, F_OK) == 0)
        status = config_read_file(config, file ? file : own, error);
    free(own);
    for (size_t i = 0; status == STATUS_OK && i < set_count; i++)
        status = take_set(config, sets[i], error);
    return status;
}

enum status config_open(const char *home, const char *file, const char *const *sets, size_t set_count,
                        struct config **config, struct error *error)
{
    struct config *opened = mem_new(1, sizeof *opened);
    enum status status = absolute_home(home, &opened->home, error);
    if (status == STATUS_OK)
        status = fill(opened, file, sets, set_count, error);
    if (status == STATUS_OK)
        *config = opened;
    else
        config_close(opened);
    return status;
}

void config_close(struct config *config)
{
    if (!config)
        return;
    for (unsigned i = 0; i < CONFIG_COUNT; i++) {
        free(config->values[i].text);
        free(config->values[i].origin);
    }
    free(config->home);
    free(config);
}

const char *config_home(const struct config *config)
{
    return config->home;
}

const char *config_text(const struct config *config, enum config_key key)
{
    ensure(defaults[key].type == CONFIG_TYPE_TEXT);
    return config->values[key].text;
}

bool config_switch(const struct config *config, enum config_key key)
{
    ensure(defaults[key].type == CONFIG_TYPE_SWITCH);
    return config->values[key].on;
}

int64_t config_whole(const struct config *config, enum config_key key)
{
    ensure(defaults[key].type == CONFIG_TYPE_WHOLE);
    return (int64_t)config->values[key].real;
}

double config_real(const struct config *config, enum config_key key)
{
    ensure(defaults[key].type == CONFIG_TYPE_REAL);
    return config->values[key].real;
}

const char *config_value(const struct config *config, enum config_key key)
{
    return config->values[key].text;
}

const char *config_origin(const struct config *config, enum config_key key)
{
    return config->values[key].origin;
}
