/* fold.h - records of the log into pieces of cells.
 *
 *     blocks -> tuples (cell, learner, time, kind, value) -> radix sort -> joined facts -> pieces
 *
 * Events gather as tuples of 16 bytes until fold_flush(); nothing is allocated or hashed for an event that falls into a
 * cell which its content path met last (a block's paths get their numbers once a block, a cell its place once a day).
 * A dwell is clipped to max_slice; an event belongs to the local day of its time; events of dead learners and of days
 * that are cut are passed over. Everything is a set: a record folded twice changes nothing.
 *
 * fold_spill() makes room and leaves the day at hand in memory, so that a log in the order of time gives one piece a cell,
 * however small the memory: nothing to merge. The position that is written then is where that day began in the log; after
 * a crash its events, and what late ones came with them, are folded again.
 */
#ifndef JEJAK_AGGREGATOR_FOLD_H
#define JEJAK_AGGREGATOR_FOLD_H

#include "aggregator/cells_write.h"

struct fold;

/* Continues where the cells stand. The log that the records come from: its id and present epoch. Memory is set out for
 * this many events; more find room. */
struct fold *fold_open(struct cells *cells, const uint8_t log_id[LOG_ID_BYTES], uint32_t epoch, uint32_t events);
void fold_close(struct fold *fold);

/* One record as it stands in the log; those before the position are passed over. The bindings of its learners were
 * added before (cells_learners_add). STATUS_CORRUPT, STATUS_NEWER; STATUS_FOREIGN for a record of another log. */
enum status fold_record(struct fold *fold, struct slice record, struct error *error) must_check;
/* Everything before this offset was folded: where records at the log's end are gone. */
void fold_reached(struct fold *fold, uint64_t offset);

uint32_t fold_pending(const struct fold *fold);                            /* events in memory */
bool fold_dirty(const struct fold *fold);                                  /* is there anything to write? */
uint64_t fold_offset(const struct fold *fold);                             /* the next one to fold */
enum status fold_flush(struct fold *fold, struct error *error) must_check; /* writes all of it */
/* Writes all but the events of the day of the last one; these too where they are more than half. */
enum status fold_spill(struct fold *fold, struct error *error) must_check;

#endif
