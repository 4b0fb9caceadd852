/* csv.h - reading CSV (RFC 4180) record by record, from files that people and other programs made.
 *
 *     struct csv *csv = csv_open(fd, (struct csv_position){0});
 *     while ((outcome = csv_next(csv, &record, &error)) != CSV_END)
 *         ...
 *
 * Fields are separated by commas and may be quoted; a quoted field may hold commas, line ends and doubled quotes.
 * Blanks belong to the field. Lines end with LF or CRLF; blank lines are skipped; a UTF-8 byte order mark at the start
 * is dropped.
 *
 * A broken record (a quote where none may stand, a quoted field that is never closed, a NUL byte, a lone carriage
 * return, too long, too many fields) costs its first line only: reading goes on at the line after it. Errors name the
 * line, never its text.
 *
 * A position is where a record begins: bytes from the start of the file, and the number of that line. Reading again
 * from a record's `next` goes on after it, which is how an interrupted run is resumed.
 */
#ifndef JEJAK_COMMON_CSV_H
#define JEJAK_COMMON_CSV_H

#include "common/status.h"

enum {
    CSV_MAX_RECORD_BYTES = 64 << 10, /* with its quotes and line ends */
    CSV_MAX_FIELDS = 64,
};

struct csv_position {
    uint64_t offset; /* bytes */
    uint64_t line;   /* from 1; 0 counts as 1 */
};

struct csv_record {
    const struct slice *fields; /* until the next csv_next() */
    size_t count;               /* at least 1 */
    uint64_t line;              /* its first */
    struct csv_position next;   /* where what follows begins */
};

enum csv_outcome {
    CSV_RECORD,
    CSV_BROKEN, /* `record` holds line and next, and no fields; the error's text says what is wrong, without the line */
    CSV_END,
    CSV_FAILED, /* reading failed; the next call fails too */
};

struct csv;

/* Reads from a file, a pipe or a terminal, whatever is there at a time. From a position other than the start it seeks,
 * and where it cannot (a pipe) reads up to it. The descriptor stays the caller's. */
struct csv *csv_open(int fd, struct csv_position from) must_check;
/* Reads from memory, which must outlive it. */
struct csv *csv_open_text(struct slice text) must_check;
void csv_close(struct csv *csv);
enum csv_outcome csv_next(struct csv *csv, struct csv_record *record, struct error *error) must_check;

#endif
