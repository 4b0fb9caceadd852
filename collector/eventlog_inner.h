/* eventlog_inner.h - the event log's own struct: eventlog.c opens it and appends, eventlog_read.c reads, eventlog_tail.c
 * looks at its end. */
#ifndef JEJAK_COLLECTOR_EVENTLOG_INNER_H
#define JEJAK_COLLECTOR_EVENTLOG_INNER_H

#include "collector/eventlog.h"
#include "common/rocks.h"

#include <pthread.h>

enum {
    EVENTLOG_MAX_WAL_BYTES = 64 << 20,
};

struct segment {
    uint64_t first_offset;
    struct rocks_family *family;
};

struct eventlog {
    struct rocks *store;
    struct rocks_family *defaults, *learners, *sessions;
    struct rocks_batch *batch;
    struct logstore_identity identity;
    uint8_t vault_id[LOGSTORE_VAULT_BYTES];
    bool import;
    uint64_t last_bytes; /* written to the last segment since it was made or opened */
    int last_month;      /* of receipt, since year 0; -1: not known yet */
    uint8_t *record;
    size_t record_room;
    pthread_mutex_t lock; /* next, segments, segment_bytes: three actors use them */
    uint64_t segment_bytes;
    struct logstore_next next;
    struct segment *segments;
    uint32_t segment_count;
};

int eventlog_month(int64_t time_ms); /* UTC, since year 0 */
void eventlog_put_identity(struct eventlog *log, const struct logstore_identity *identity);
void eventlog_put_next(struct eventlog *log, const struct logstore_next *next);

#endif
