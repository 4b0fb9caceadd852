/* startup.h - from the options that every program of the server has to its configuration and its log.
 *
 *     --home DIR  --config FILE  --set KEY=VALUE ...
 *
 * startup_argp reads them as a child parser; its input is a struct startup that begins as zeros. A program with options
 * of its own that stand for a key (--ingest ENDPOINT) adds them with startup_set().
 */
#ifndef JEJAK_COMMON_STARTUP_H
#define JEJAK_COMMON_STARTUP_H

#include "common/config.h"

#include <argp.h>

struct startup {
    const char *home, *file; /* NULL: not given */
    const char **sets;       /* "key=value" */
    size_t set_count;
};

extern const struct argp startup_argp;

/* key NULL: `value` is "key=value" already. Copied. */
void startup_set(struct startup *startup, const char *key, const char *value);
enum status startup_config(const struct startup *startup, struct config **config, struct error *error) must_check;
void startup_close(struct startup *startup);

/* The log as the configuration wants it: log_level, log_format. */
void startup_log(const struct config *config);

#endif
