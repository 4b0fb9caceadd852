/* journal.h - an append-only file of sealed records (sealed.h), and reading it back.
 *
 * Appends go behind the last whole record with one write each, so what a kill -9 leaves is whole records and at most
 * one cut one at the end. After a failed append the file's end has not moved: the next append overwrites what was left,
 * in a new run, because a nonce must never be used for two texts.
 */
#ifndef JEJAK_PUBLISHER_JOURNAL_H
#define JEJAK_PUBLISHER_JOURNAL_H

#include "clients/publisher/sealed.h"
#include "common/status.h"

struct journal {
    int fd; /* -1: closed */
    char *path;
    uint64_t end;          /* behind the last whole record */
    struct sealed_run run; /* ordinal 0: the next append starts a run */
};

/* Opens or makes the file, mode 0600; a file that others may read is refused. Nothing is read or written yet. The end
 * is the file's size. `fresh`: whatever stands there is discarded. */
enum status journal_open(const char *path, const uint8_t key[SEALED_KEY_BYTES], bool fresh, struct journal *journal,
                         struct error *error) must_check;
void journal_close(struct journal *journal);

enum status journal_append(struct journal *journal, enum sealed_type type, struct slice text,
                           struct error *error) must_check;
enum status journal_sync(struct journal *journal, struct error *error) must_check;

/* Bytes that an append of this many text bytes adds at most. */
uint64_t journal_cost(size_t text_size);

/* A stretch of the file in memory, and a cursor over its records. */
struct journal_reader {
    struct slice all;
    struct slice left;
    uint64_t end; /* of the stretch, in the file */
    struct sealed_run run;
    struct sealed record;
};
/* [start, end) of the file; `run` as it stood at `start` (ordinal 0 at the file's beginning). */
enum status journal_read(const struct journal *journal, uint64_t start, uint64_t end, const struct sealed_run *run,
                         struct journal_reader *reader, struct error *error) must_check;
enum sealed_result journal_next(struct journal_reader *reader);
/* The offset in the file of the record to be read next. */
uint64_t journal_at(const struct journal_reader *reader);
void journal_read_done(struct journal_reader *reader);

#endif
