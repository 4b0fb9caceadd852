/* counters.h - what the collector counts: one table gives name and documentation. Totals since the start. */
#ifndef JEJAK_COLLECTOR_COUNTERS_H
#define JEJAK_COLLECTOR_COUNTERS_H

#include "common/event.h"

#define COUNTER_TABLE(X)                                                                                               \
    X(BATCHES, "batches", "batches that reached the decoder")                                                          \
    X(BYTES, "bytes", "bytes of those batches")                                                                        \
    X(EVENTS, "events", "events accepted and stored")                                                                  \
    X(REJECTED, "rejected", "events rejected, all codes")                                                              \
    X(OK, "answers_ok", "batches answered ok")                                                                         \
    X(DUPLICATES, "answers_duplicate", "batches answered duplicate")                                                   \
    X(GAPS, "answers_gap", "batches answered gap")                                                                     \
    X(BUSY, "answers_busy", "batches answered busy")                                                                   \
    X(REFUSED, "answers_refused", "batches answered refused")                                                          \
    X(OVER_BUDGET, "batches_over_budget", "of those answered busy: their publisher wanted more than its share")        \
    X(UNSENT, "answers_unsent", "answers whose client was gone or did not read")                                       \
    X(UNLISTED, "messages_unlisted", "messages of keys that are not listed (any more): dropped unread")                \
    X(MISSHAPEN, "messages_misshapen", "messages that are not one part, or an empty part and one")                     \
    X(HANDSHAKES_REFUSED, "handshakes_refused", "connections of keys that are not listed")                             \
    X(DROPPED, "dropoff_dropped", "drop-off batches that could not be stored")                                         \
    X(ROLLED_BACK, "sessions_rolled_back", "publishers that were acknowledged more than the log holds: alarm")         \
    X(NEW_LEARNERS, "new_learners", "learners met for the first time")                                                 \
    X(PARKED, "batches_parked", "batches that waited for learners never seen, or behind such a batch")                 \
    X(GROUPS, "groups", "commits")                                                                                     \
    X(FAILED_GROUPS, "groups_failed", "commits that failed; the store was opened again")

enum counter {
#define X(name, key, what) COUNTER_##name,
    COUNTER_TABLE(X)
#undef X
    COUNTER_COUNT
};

struct counters {
    uint64_t count[COUNTER_COUNT];
    uint64_t verdicts[VERDICT_COUNT];
};

static inline const char *counter_name(enum counter counter)
{
    static const char *const names[COUNTER_COUNT] = {
#define X(name, key, what) [COUNTER_##name] = (key),
        COUNTER_TABLE(X)
#undef X
    };
    return names[counter];
}

#endif
