/* eventlog_inner.h - the event log's own struct: eventlog.c opens it and appends, eventlog_read.c reads, eventlog_tail.c
 * looks at its end. */
#ifndef JEJAK_COLLECTOR_EVENTLOG_INNER_H
#define JEJAK_COLLECTOR_EVENTLOG_INNER_H

#include "collector/eventlog.h"
#include "common/logread.h"

#include <pthread.h>

enum {
    EVENTLOG_MAX_WAL_BYTES = 64 << 20,
    EVENTLOG_MAX_NOTICED = 1024, /* lost places that are named; more are passed over unnamed, and verify tells them */
};

/* Offsets [first, next) that are damaged or missing, and whose loss was accepted. */
struct loss {
    uint64_t first, next;
};

struct eventlog {
    struct rocks *store;
    struct rocks_family *defaults, *learners, *sessions;
    struct rocks_batch *batch;
    struct logstore_identity identity;
    uint8_t vault_id[LOGSTORE_VAULT_BYTES];
    bool import;
    bool look;
    uint64_t last_bytes; /* written to the last segment since it was made or opened */
    int last_month;      /* of receipt, since year 0; -1: not known yet */
    struct loss *losses; /* in no order */
    uint32_t loss_count;
    uint8_t *record;
    size_t record_room;
    pthread_mutex_t lock; /* next, segments, segment_bytes, noticed: three actors use them */
    struct loss noticed[EVENTLOG_MAX_NOTICED];
    uint32_t noticed_count;
    uint64_t segment_bytes;
    struct logstore_next next;
    struct logread_segment *segments;
    uint32_t segment_count;
};

int eventlog_month(int64_t time_ms); /* UTC, since year 0 */
void eventlog_put_identity(struct eventlog *log, const struct logstore_identity *identity);
void eventlog_put_loss(struct eventlog *log, const struct loss *loss);
void eventlog_add_loss(struct eventlog *log, const struct loss *loss);
void eventlog_put_next(struct eventlog *log, const struct logstore_next *next);

#endif
