/* logread.h - the records of the event log in order, and what cannot be read by name.
 *
 * What the log's one writer and its offline readers share: a walk over segments (logstore.h). A record that is damaged, or
 * that is not there, does not end the walk: in its place, and in that of all others that cannot be reached, stands one
 * record of kind RECORD_LOST (block.h), made here, over exactly the offsets that are missing. Only damage is passed over so;
 * a disk that fails to read is a failure.
 *
 * Where RocksDB cannot read one of its blocks, it tells no more than that: the next record that stands is found by asking
 * for offsets beyond, LOGREAD_STRIDE apart, further apart where much is lost.
 */
#ifndef JEJAK_COMMON_LOGREAD_H
#define JEJAK_COMMON_LOGREAD_H

#include "common/logstore.h"
#include "common/rocks.h"

enum {
    LOGREAD_STRIDE = 64,    /* offsets; no whole run of records as long as this is lost beside a damaged block ... */
    LOGREAD_STRIDES = 4096, /* ... among the first so many */
};

struct logread_segment {
    uint64_t first_offset;
    struct rocks_family *family;
};

/* A record borrows until the call returns. False: no more. `what`: NULL, or for a lost record what is wrong. */
typedef bool (*logread_fn)(struct slice record, const struct record_header *header, const char *what, void *argument);

/* One walk. Set all but the last. */
struct logread {
    struct rocks *store;
    struct logstore_identity identity; /* for the records made here */
    uint64_t offset;                   /* from the record that covers it on; moves behind every record that was given */
    uint64_t end;                      /* records that begin before it */
    int64_t now_ms;                    /* what is lost at the end was received before: Unix ms */
    logread_fn each;
    void *argument;
    bool stopped; /* `each` wants no more */
};

/* The records of one segment. `end` is where the next one begins, or where the log ends: a lost record covers what is
 * missing before it. STATUS_NEWER and failures of the disk end the walk. */
enum status logread_segment(struct logread *read, struct rocks_family *segment, struct error *error) must_check;
/* The segments in order, up to `durable`. What is before the first one was dropped whole, and is passed over. */
enum status logread_segments(struct logread *read, const struct logread_segment *segments, size_t count,
                             uint64_t durable, struct error *error) must_check;

#endif
