#include "common/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

static const struct {
    const char *name;
    int exit_code;
    const char *sentence;
} statuses[STATUS_COUNT] = {
#define X(name, code, sentence) [STATUS_##name] = {#name, code, sentence},
    STATUS_TABLE(X)
#undef X
};

const char *status_name(enum status status)
{
    return statuses[status].name;
}

const char *status_sentence(enum status status)
{
    return statuses[status].sentence;
}

int status_exit_code(enum status status)
{
    return statuses[status].exit_code;
}

enum status error_set(struct error *error, enum status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error->status = status;
    vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return status;
}

enum status error_errno(struct error *error, enum status status, const char *format, ...)
{
    int number = errno;
    va_list args;
    va_start(args, format);
    int length = vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    if (length >= 0 && (size_t)length < sizeof error->text)
        snprintf(error->text + length, sizeof error->text - (size_t)length, ": %s", strerror(number));
    error->status = number == ENOSPC || number == EDQUOT ? STATUS_FULL : status;
    return error->status;
}

enum status error_prefix(struct error *error, const char *format, ...)
{
    char old[ERROR_TEXT_BYTES];
    memcpy(old, error->text, sizeof old);
    va_list args;
    va_start(args, format);
    int length = vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    if (length >= 0 && (size_t)length < sizeof error->text)
        snprintf(error->text + length, sizeof error->text - (size_t)length, ": %s", old);
    return error->status;
}
