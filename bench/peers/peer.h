/* peer.h - one client process that gives a peer the independent load of bench/workload.h, the one that bench-load gives a
 * collector, batch by batch, and asks it the module report in its simplest form; what all peers share.
 *
 * A peer is a driver: some functions over a state of its own. Each learner comes once before the clock starts, as with
 * bench-load --introduce. The events are in memory, and encoded where the driver encodes, before that too. put() returns when the peer has acknowledged the batch at the durability that was
 * asked for. The table has a column each for time (Unix ms), learner, module and part (the path up to and from its first
 * slash), kind (the number of common/event.h) and value.
 *
 * The question, over [from, to): for each module, learners with an open in it or a dwell that reaches into it (clipped to
 * PEER_MAX_SLICE_MS, as the collector's default), their opens, and the median over them of their summed, clipped dwell.
 * Intervals are summed, not united, and not cut at the edges of the period: less work than the report does. Learners and
 * opens are those of the report, as long as nobody opens the same path twice within a millisecond.
 */
#ifndef JEJAK_BENCH_PEERS_PEER_H
#define JEJAK_BENCH_PEERS_PEER_H

#include "common/event.h"
#include "common/status.h"

#include <stdio.h>

enum {
    PEER_LEARNER_BYTES = 20,
    PEER_CONTENT_BYTES = 64,
    PEER_MODULE_BYTES = 64,
    PEER_MAX_MODULES = 1024,
    PEER_SLOTS = 1 << 14, /* for at most half as many contents */
    PEER_MAX_SLICE_MS = 1800000,
    PEER_DAY_MS = 86400000,
};

struct peer_event {
    int64_t time_ms;
    uint32_t value;
    uint8_t kind;
    uint8_t learner_size;
    uint16_t content; /* index into the load's contents */
    char learner[PEER_LEARNER_BYTES];
};
struct peer_content {
    char text[PEER_CONTENT_BYTES]; /* the path; the module is its first module_size bytes */
    uint8_t size, module_size;
    uint8_t part; /* where the part begins: behind the slash, or at the end */
};
struct peer_load {
    struct peer_event *events;
    struct peer_content *contents;
    uint64_t count, introduced; /* the first ones are each learner once */
    uint32_t content_count;
    uint16_t *slots; /* index + 1 by hash of the path */
};

/* Bytes that grow, with the places where batches begin. */
struct peer_bytes {
    uint8_t *data;
    size_t size, room;
};
void peer_bytes_add(struct peer_bytes *bytes, const void *data, size_t size);

struct peer_settings {
    uint64_t events, learners, modules, batch;
    bool durable, ask;
    const char *at;   /* a folder, or host:port, as the driver's usage says */
    const char *mode; /* of the driver; its first one where none is given */
    const char *answers;
};

struct peer_answer {
    char module[PEER_MODULE_BYTES];
    uint64_t learners, opens;
    double median_ms; /* NAN: nobody dwelt */
};
struct peer_answers {
    uint32_t count;
    struct peer_answer rows[PEER_MAX_MODULES];
};
/* Room for one row more; NULL at PEER_MAX_MODULES. */
struct peer_answer *peer_answer(struct peer_answers *answers, const char *module, size_t size);

struct peer_batch {
    const struct peer_event *events;
    uint64_t count;
    struct slice bytes; /* what encode() made of it; empty where the driver has none */
};

struct peer {
    const char *name;
    const char *at;    /* what --at means */
    const char *modes; /* "copy unnest": the first one unless --mode says; NULL: one way only */
    enum status (*open)(const struct peer_settings *settings, void **state, struct error *error);
    void (*encode)(const struct peer_settings *settings, const struct peer_load *load, const struct peer_event *events,
                   uint64_t count, struct peer_bytes *out); /* NULL: nothing to be made beforehand */
    enum status (*put)(void *state, const struct peer_load *load, const struct peer_batch *batch, struct error *error);
    /* After the last batch, not timed: checks that `events` rows are there, tidies up as the peer does at leisure, and
     * weighs the table. */
    enum status (*settle)(void *state, uint64_t events, uint64_t *bytes, struct error *error);
    enum status (*ask)(void *state, int64_t from_ms, int64_t to_ms, struct peer_answers *answers,
                       struct error *error); /* NULL: it cannot be asked */
    void (*close)(void *state);
};

/* main() of a peer's program. */
int peer_main(const struct peer *peer, int argc, char **argv);

#endif
