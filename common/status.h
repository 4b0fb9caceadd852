/* status.h - how a function tells that the world failed it, and what the process then exits with.
 *
 * A function that can fail returns enum status and takes `struct error *` last but for its outputs; on failure its
 * outputs are untouched and the error's text says what, where and what to do, filled where path and errno are known.
 * A function logs or returns a failure, never both. The text never holds a learner id.
 */
#ifndef JEJAK_COMMON_STATUS_H
#define JEJAK_COMMON_STATUS_H

#include "common/base.h"

#include <sysexits.h>

/*  name          exit code       sentence */
#define STATUS_TABLE(X)                                                                                                \
    X(OK, EX_OK, "fine")                                                                                               \
    X(USAGE, EX_USAGE, "the command line is wrong")                                                                    \
    X(DATA, EX_DATAERR, "the input is not what it should be")                                                          \
    X(NO_INPUT, EX_NOINPUT, "an input file is missing or unreadable")                                                  \
    X(UNAVAILABLE, EX_UNAVAILABLE, "a program that is needed does not answer")                                         \
    X(BUG, EX_SOFTWARE, "an internal error")                                                                           \
    X(SYSTEM, EX_OSERR, "the operating system refused")                                                                \
    X(CANNOT_MAKE, EX_CANTCREAT, "an output file cannot be made")                                                      \
    X(IO, EX_IOERR, "reading or writing failed")                                                                       \
    X(FULL, EX_IOERR, "the disk is full")                                                                              \
    X(BUSY, EX_TEMPFAIL, "not now; try again")                                                                         \
    X(PROTOCOL, EX_PROTOCOL, "the other side does not follow the protocol")                                            \
    X(DENIED, EX_NOPERM, "not allowed")                                                                                \
    X(CONFIG, EX_CONFIG, "the configuration is wrong")                                                                 \
    X(CORRUPT, EX_DATAERR, "stored data is damaged")                                                                   \
    X(NEWER, EX_CONFIG, "stored data is of a newer format than this program knows")                                    \
    X(FOREIGN, EX_CONFIG, "stored data belongs to another store")                                                      \
    X(FORKED, EX_DATAERR, "the log is not the one that was read before; rebuild")                                      \
    X(LOSS, EX_DATAERR, "acknowledged data is missing")                                                                \
    X(STOPPED, EX_OK, "stopped on request")

enum status {
#define X(name, code, sentence) STATUS_##name,
    STATUS_TABLE(X)
#undef X
    STATUS_COUNT
};

enum {
    ERROR_TEXT_BYTES = 2048
};

struct error {
    enum status status;
    char text[ERROR_TEXT_BYTES];
};

const char *status_name(enum status status);     /* "NO_INPUT" */
const char *status_sentence(enum status status); /* from the table */
int status_exit_code(enum status status);        /* sysexits(3) */

/* Fills `error` and returns `status`, so that a failure is one line: return error_set(error, STATUS_IO, "...", ...). */
enum status error_set(struct error *error, enum status status, const char *format, ...) printf_like(3, 4);
/* The same with ": strerror(errno)" appended; ENOSPC and EDQUOT turn the status into STATUS_FULL. */
enum status error_errno(struct error *error, enum status status, const char *format, ...) printf_like(3, 4);
/* Puts "context: " before the text. Returns the error's status. */
enum status error_prefix(struct error *error, const char *format, ...) printf_like(2, 3);

#endif
