/* logline.h - log lines on stderr, as logfmt or JSON: time, level, message, fields.
 *
 *     log_info("store opened", LOG_TEXT("path", path), LOG_UINT("offset", offset));
 *     ts=2026-01-31T08:15:00.123Z level=info msg="store opened" path=/srv/jejak/data/log offset=1200
 *
 * A line has at most LOG_LINE_BYTES; what does not fit is left out whole, and the line says cut=true.
 * No field ever holds a learner id, an event's bytes or a secret. Safe from any thread: one write(2) a line.
 */
#ifndef JEJAK_COMMON_LOGLINE_H
#define JEJAK_COMMON_LOGLINE_H

#include "common/base.h"

enum {
    LOG_LINE_BYTES = 4096
};

enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_ERROR,
    LOG_LEVEL_ALARM, /* somebody has to look: data missing, a store damaged */
};
enum log_format {
    LOG_FORMAT_LOGFMT,
    LOG_FORMAT_JSON,
};

enum log_type {
    LOG_TYPE_TEXT,
    LOG_TYPE_INT,
    LOG_TYPE_UINT,
    LOG_TYPE_REAL,
};
struct log_field {
    const char *name;
    enum log_type type;
    union {
        const char *text;
        int64_t integer;
        uint64_t natural;
        double real;
    };
};
#define LOG_TEXT(name_, v) ((struct log_field){.name = (name_), .type = LOG_TYPE_TEXT, .text = (v)})
#define LOG_INT(name_, v)  ((struct log_field){.name = (name_), .type = LOG_TYPE_INT, .integer = (v)})
#define LOG_UINT(name_, v) ((struct log_field){.name = (name_), .type = LOG_TYPE_UINT, .natural = (v)})
#define LOG_REAL(name_, v) ((struct log_field){.name = (name_), .type = LOG_TYPE_REAL, .real = (v)})

/* The names that the configuration knows: debug, info, warning, error; logfmt, json. False where it is none of them. */
bool log_level_parse(const char *name, enum log_level *level);
bool log_format_parse(const char *name, enum log_format *format);

void log_setup(enum log_level least, enum log_format format);
void log_line(enum log_level level, const char *message, const struct log_field *fields, size_t count);

#define log_at(level, message, ...)                                                                                    \
    log_line(level, message, (const struct log_field[]){{0}, ##__VA_ARGS__} + 1,                                       \
             ARRAY_COUNT(((const struct log_field[]){{0}, ##__VA_ARGS__})) - 1)
#define log_debug(message, ...)   log_at(LOG_LEVEL_DEBUG, message, ##__VA_ARGS__)
#define log_info(message, ...)    log_at(LOG_LEVEL_INFO, message, ##__VA_ARGS__)
#define log_warning(message, ...) log_at(LOG_LEVEL_WARNING, message, ##__VA_ARGS__)
#define log_error(message, ...)   log_at(LOG_LEVEL_ERROR, message, ##__VA_ARGS__)
#define log_alarm(message, ...)   log_at(LOG_LEVEL_ALARM, message, ##__VA_ARGS__)

#endif
