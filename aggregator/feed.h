/* feed.h - from a source into cells: takes answers, folds them, writes in time. */
#ifndef JEJAK_AGGREGATOR_FEED_H
#define JEJAK_AGGREGATOR_FEED_H

#include "aggregator/cells_write.h"
#include "aggregator/source.h"

/* Zero it and set the first three. */
struct feed {
    struct cells *cells;
    struct source *source;
    uint32_t fold_events;   /* events in memory before cells are written */
    struct fold *fold;      /* made by the first answer */
    uint64_t durable;       /* of the last answer */
    int64_t dirty_since_ns; /* monotonic; 0: nothing to write */
};

/* Asks for what follows what was folded. */
enum status feed_ask(struct feed *feed, uint32_t wait_ms, struct error *error) must_check;
/* Takes the answer and folds it; writes where fold_events are reached. */
enum status feed_take(struct feed *feed, int timeout_ms, struct error *error) must_check;
/* Writes what is in memory. */
enum status feed_flush(struct feed *feed, struct error *error) must_check;
/* Everything that was durable when it was called, folded and written. `stop` (may be NULL) ends it: STATUS_STOPPED. */
enum status feed_catch_up(struct feed *feed, const volatile int *stop, struct error *error) must_check;
uint64_t feed_offset(const struct feed *feed);
void feed_close(struct feed *feed); /* what was not written is folded again next time; cells and source stay */

#endif
