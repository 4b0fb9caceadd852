/* cells_write.h - the writer's side of the cells (cells.h): one thread, in one process, opened with CELLS_WRITE.
 *
 * What is put gathers in memory and is written by cells_commit() in one batch with the log position that it accounts
 * for; so a crash leaves the cells at a position of the log, and what follows is folded again. Nothing is synced: what
 * a power cut takes is in the log.
 *
 * Control records:
 *     forget     the learner's number is dead from then on: put no more facts of it (cells_learner_dead()), those that
 *                stand are rewritten away by the next commit. A lid that comes back has a new number. A number whose
 *                binding arrives as zeros was erased before it was read here: dead from the start
 *     restrict   belongs to the lid: a filter for readers (cells_restricted()), until lifted or forgotten
 *     cut        days that end at or before it are dropped by the next commit, and whatever arrives for them later
 * After a failure the cells must be closed: memory may be ahead of the store.
 */
#ifndef JEJAK_AGGREGATOR_CELLS_WRITE_H
#define JEJAK_AGGREGATOR_CELLS_WRITE_H

#include "aggregator/cell.h"
#include "aggregator/cells.h"

#include "common/zone.h"

/* Removes a store of cells, whatever state it is in, so that cells_open() makes it anew. STATUS_BUSY where another
 * program has it open. A path where none stands is fine. */
enum status cells_wipe(const char *path, struct error *error) must_check;

/* The number of a content path, a new one where it has none. At most CELLS_MAX_CONTENTS. */
enum {
    CELLS_MAX_CONTENTS = 1 << 24
};
enum status cells_content_number(struct cells *cells, struct slice path, uint32_t *content,
                                 struct error *error) must_check;

/* Bindings of the learner numbers first, first + 1 …; those known already are passed over. STATUS_PROTOCOL where
 * numbers between are missing. lids: a multiple of LID_BYTES. */
enum status cells_learners_add(struct cells *cells, uint32_t first, struct slice lids, struct error *error) must_check;
bool cells_learner_dead(const struct cells *cells, uint32_t learner);
bool cells_day_cut(const struct cells *cells, int32_t day); /* dropped: put nothing there */

/* Adds a piece, encoded from the builder (key: content and day; the piece number is given here). Empty ones are none.
 */
void cells_put_piece(struct cells *cells, struct cell_builder *builder);
void cells_put_cohorts(struct cells *cells, int32_t day, struct cell_cohort *changes, uint32_t count);

/* learners: how many numbers the log had given out when the record was written; later ones of this lid are not meant.
 */
enum status cells_forget(struct cells *cells, const uint8_t lid[LID_BYTES], uint32_t learners,
                         struct error *error) must_check;
enum status cells_restrict(struct cells *cells, const uint8_t lid[LID_BYTES], bool restricted,
                           struct error *error) must_check;
void cells_cut(struct cells *cells, int64_t cut_ms);

/* Offsets [first, next) that the log lost. Again: the same. */
struct cells_lost {
    uint64_t first, next;
    int64_t least_ms, greatest_ms; /* between them they were received, Unix ms; least 0: unknown */
};
void cells_lost_add(struct cells *cells, const struct cells_lost *lost);

/* position->learners is not looked at: it is how many were added. */
enum status cells_commit(struct cells *cells, const struct cells_position *position, struct error *error) must_check;

/* Merges pieces of a few cells (about 1 MiB) where several stand: the newest run whose total is at least the next older
 * piece, so that sizes fall geometrically and a byte is written again a logarithm of times. *more tells whether there
 * is work left. `all`: into one piece a cell. */
enum status cells_merge_some(struct cells *cells, bool all, bool *more, struct error *error) must_check;

#endif
