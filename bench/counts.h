/* counts.h - the stages whose instructions are counted (bench/counts), each on input that is the same every time.
 *
 * A stage is prepared, then does its work once; only the work is counted. It checks that the work was done and says how
 * many units (events, mostly) that was.
 */
#ifndef JEJAK_BENCH_COUNTS_H
#define JEJAK_BENCH_COUNTS_H

#include "bench/batches.h"

#define COUNTS_NOW_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

struct counts_stage {
    const char *name;
    const char *unit;
    /* folder: an empty one of this run's own. *state: what the other two are given; NULL after a failure. */
    enum status (*prepare)(const char *folder, void **state, struct error *error);
    enum status (*work)(void *state, uint64_t *units, struct error *error);
    void (*close)(void *state);
};

/* What the stages start from: a workload as messages and, decoded again, as events that borrow from them. */
struct counts_load {
    struct batches batches;
    struct slice *messages; /* of one session, seq 1, 2, 3 … */
    struct event *events;
    uint32_t message_count, event_count;
};
/* learners: of independent events; a course has its own. */
enum status counts_load_open(enum workload_kind kind, uint64_t events, uint64_t learners, struct counts_load *load,
                             struct error *error) must_check;
void counts_load_close(struct counts_load *load);

/* The stages on an event's way into the log (counts_ingest.c), and out of it into figures (counts_cells.c). */
extern const struct counts_stage counts_ingest_stages[], counts_cells_stages[];
extern const size_t counts_ingest_count, counts_cells_count;

#endif
