/* scribe.h - writes a log in memory from random histories, and folds it into cells on disk. */
#ifndef JEJAK_TESTS_AGGREGATOR_SCRIBE_H
#define JEJAK_TESTS_AGGREGATOR_SCRIBE_H

#include "aggregator/cells_write.h"
#include "tests/aggregator/history.h"

/* Zero it, then set learners. */
struct scribe {
    uint32_t learners; /* numbers given out */
    uint64_t next;
    struct slice *records; /* owned */
    uint64_t *offsets;
    size_t count;
};
extern const uint8_t scribe_log_id[LOG_ID_BYTES];

void scribe_lid(uint32_t person, uint8_t lid[LID_BYTES]);
/* One block of these events. */
void scribe_events(struct scribe *scribe, const struct history *history, const struct happening *events,
                   uint32_t count);
void scribe_control(struct scribe *scribe, enum record_kind kind, uint32_t person);
void scribe_cut(struct scribe *scribe, int64_t cut_ms);
/* The events in blocks of random sizes, each said once or twice, in the order given or shuffled. */
void scribe_history(struct scribe *scribe, const struct history *history, struct dice *dice, bool shuffled,
                    bool repeated);
void scribe_close(struct scribe *scribe);

/* Binds the numbers to the persons of the same number (zeros for `erased`, UINT32_MAX: nobody) and folds every record;
 * flushes, merges and makes roll-ups as the dice say. Ends the test where a status is not OK. */
void scribe_fold(const struct scribe *scribe, struct cells *cells, struct dice *dice, uint32_t erased);

struct cells *scribe_cells_open(const char *folder, const struct history *history);

#endif
