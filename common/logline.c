#include "common/logline.h"
#include "common/utf8.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char *const level_names[] = {"debug", "info", "warning", "error", "alarm"};
static const char *const format_names[] = {"logfmt", "json"};

static atomic_int least_level = LOG_LEVEL_INFO;
static atomic_int line_format = LOG_FORMAT_LOGFMT;

bool log_level_parse(const char *name, enum log_level *level)
{
    for (int i = LOG_LEVEL_DEBUG; i <= LOG_LEVEL_ERROR; i++)
        if (strcmp(name, level_names[i]) == 0) {
            *level = (enum log_level)i;
            return true;
        }
    return false;
}

bool log_format_parse(const char *name, enum log_format *format)
{
    for (int i = LOG_FORMAT_LOGFMT; i <= LOG_FORMAT_JSON; i++)
        if (strcmp(name, format_names[i]) == 0) {
            *format = (enum log_format)i;
            return true;
        }
    return false;
}

void log_setup(enum log_level least, enum log_format format)
{
    atomic_store(&least_level, (int)least);
    atomic_store(&line_format, (int)format);
}

/* A line in the making. Past its room it is full and takes nothing more until it is cut back to a mark. */
struct line {
    enum log_format format;
    size_t size;
    bool full;
    char text[LOG_LINE_BYTES];
};

enum {
    LINE_RESERVE_BYTES = 16
}; /* for cut=true, the closing brace and the line end */

static void add_bytes(struct line *line, const void *bytes, size_t size)
{
    line->full = line->full || size > LOG_LINE_BYTES - LINE_RESERVE_BYTES - line->size;
    if (line->full)
        return;
    memcpy(line->text + line->size, bytes, size);
    line->size += size;
}

static void add_text(struct line *line, const char *text)
{
    add_bytes(line, text, strlen(text));
}

static void printf_like(2, 3) add_format(struct line *line, const char *format, ...)
{
    char text[64];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    add_text(line, text);
}

/* Controls are escaped, and bytes that are not UTF-8 replaced, so that nothing in a line can move a terminal's cursor
 * or break a JSON reader. */
static void add_character(struct line *line, const uint8_t *s, size_t length)
{
    if (length == 0)
        add_text(line, "\xEF\xBF\xBD");
    else if (s[0] == '"' || s[0] == '\\')
        add_format(line, "\\%c", s[0]);
    else if (s[0] == '\n')
        add_text(line, "\\n");
    else if (utf8_is_control(s, length))
        add_format(line, "\\u%04x", s[length - 1]);
    else
        add_bytes(line, s, length);
}

static void add_quoted(struct line *line, const char *text)
{
    size_t left = strlen(text);
    add_text(line, "\"");
    for (const uint8_t *s = (const uint8_t *)text; left > 0;) {
        size_t length = utf8_length(s, left);
        add_character(line, s, length);
        size_t step = length ? length : 1;
        s += step, left -= step;
    }
    add_text(line, "\"");
}

/* logfmt leaves the quotes off where nothing needs them. */
static bool is_bare(const char *text)
{
    for (const char *s = text; *s; s++)
        if (*s <= ' ' || *s == '"' || *s == '=' || *s == '\\' || *s == 0x7F)
            return false;
    return *text != '\0';
}

static void add_value(struct line *line, const struct log_field *field)
{
    bool json = line->format == LOG_FORMAT_JSON;
    const char *text = field->text ? field->text : "";
    switch (field->type) {
    case LOG_TYPE_TEXT:
        if (!json && is_bare(text))
            add_text(line, text);
        else
            add_quoted(line, text);
        break;
    case LOG_TYPE_INT:
        add_format(line, "%" PRId64, field->integer);
        break;
    case LOG_TYPE_UINT:
        add_format(line, "%" PRIu64, field->natural);
        break;
    case LOG_TYPE_REAL:
        if (json && !isfinite(field->real))
            add_text(line, "null");
        else
            add_format(line, "%.15g", field->real);
        break;
    }
}

/* The whole field, or nothing and the mark that something is missing. */
static bool add_field(struct line *line, const struct log_field *field)
{
    size_t mark = line->size;
    if (line->format == LOG_FORMAT_JSON)
        add_format(line, "%s\"%s\":", mark > 1 ? "," : "", field->name);
    else
        add_format(line, "%s%s=", mark > 0 ? " " : "", field->name);
    add_value(line, field);
    bool whole = !line->full;
    line->full = false;
    if (!whole)
        line->size = mark;
    return whole;
}

static void time_text(int64_t now_ms, char text[32])
{
    time_t seconds = (time_t)(now_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    size_t length = strftime(text, 32, "%Y-%m-%dT%H:%M:%S", &utc);
    snprintf(text + length, 32 - length, ".%03dZ", (int)(now_ms % 1000));
}

static void add_ending(struct line *line, bool cut)
{
    bool json = line->format == LOG_FORMAT_JSON;
    const char *cut_text = json ? ",\"cut\":true" : " cut=true", *end = json ? "}\n" : "\n";
    char *at = line->text + line->size; /* within the reserve */
    if (cut)
        at = stpcpy(at, cut_text);
    at = stpcpy(at, end);
    line->size = (size_t)(at - line->text);
}
_Static_assert(LINE_RESERVE_BYTES >= sizeof ",\"cut\":true}\n", "the ending fits into the reserve");

void log_line(enum log_level level, const char *message, const struct log_field *fields, size_t count)
{
    if ((int)level < atomic_load(&least_level))
        return;
    struct line line = {.format = (enum log_format)atomic_load(&line_format)};
    char now[32];
    time_text(clock_now_ms(), now);
    if (line.format == LOG_FORMAT_JSON)
        add_text(&line, "{");
    bool whole = add_field(&line, &LOG_TEXT("ts", now));
    whole = add_field(&line, &LOG_TEXT("level", level_names[level])) && whole;
    whole = add_field(&line, &LOG_TEXT("msg", message)) && whole;
    for (size_t i = 0; i < count; i++)
        whole = add_field(&line, &fields[i]) && whole;
    add_ending(&line, !whole);
    /* A line that cannot be written has nowhere to be reported. */
    ssize_t ignored = write(STDERR_FILENO, line.text, line.size);
    (void)ignored;
}
