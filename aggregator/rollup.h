/* rollup.h - what each learner did in a row over whole days, added up once, so that no report has to do it again.
 *
 * A roll-up holds one entry a learner: the activity (activity.h) in all content paths of a row, module or topic, over
 * one, eight or 32 whole days of the cells' zone, clipped to them. Content paths are joined in it and intervals end at
 * its edges, so roll-ups of days one after the other simply add up: a report over any period takes the greatest that
 * fit, and walks over pieces only for what is left at its ends (walk.h).
 *
 *     days     0       8       16      24      32      40
 *     32 days  |-------------------------------|
 *     8 days                                   |-------|
 *     1 day                                            |-|-|-|
 *     period        ...|-------|-------|-------|-------|-|.
 *                   pieces                               pieces
 *
 * Of favourites and progress a roll-up keeps, for one content path, what still matters when its days are over: each
 * learner's last change of favourite, and the first time at 100 percent.
 *
 * They follow from the pieces and hold nothing else: a report with them is, byte for byte, a report without. Whatever
 * changes a day's pieces takes the roll-ups over that day away in the same write batch (a late event, a forget, a cut);
 * roller_some() makes them again. Restricted learners are in them, for whoever reads to leave out.
 *
 * Column families and keys (numbers in keys big-endian; a row is the least number of its content paths):
 *     rolled     be32 row, u8 level, u8 span, be32 day -> u32 learners, i64 from ms, u32 length ms: which there are
 *     rollups    the same key -> the entries, as a summary (cell.h); nothing where there are no learners
 */
#ifndef JEJAK_AGGREGATOR_ROLLUP_H
#define JEJAK_AGGREGATOR_ROLLUP_H

#include "aggregator/cell.h"

enum {
    ROLLUP_ACTIVITY_LEVELS = 2, /* modules and topics; a section is one content path */
    ROLLUP_MARKS = 3,           /* the level of a content path by itself: its marks */
    ROLLUP_LEVELS = 3,
    ROLLUP_SPANS = 3,
};

static inline int32_t rollup_days(unsigned span)
{
    return span == 0 ? 1 : span == 1 ? 8 : 32;
}

struct rollup_key {
    uint32_t row;
    uint8_t level, span;
    int32_t day; /* the first; a multiple of rollup_days(span) */
};

/* The row of a content path at a level (1 module, 2 topic): the least number of a path with the same first segments.
 * UINT32_MAX where the path is shorter than the level. At ROLLUP_MARKS each path is its own row. */
uint32_t cells_row(const struct cells *cells, uint32_t content, uint32_t level);
/* First and one past the last day with a piece of these content paths; false where there is none. */
bool cells_row_days(const struct cells *cells, const uint32_t *contents, uint32_t count, int32_t *first, int32_t *end);

/* Is there any? (Else nobody needs to look.) */
bool cells_have_rollups(const struct cells *cells);
/* The roll-ups of key's row, level and span that lie within [key->day, end_day), by day. `filled`: somebody is in it.
 * They are known in memory, a byte each. */
typedef void (*rollup_fn)(const struct rollup_key *key, bool filled, void *argument);
void cells_scan_rollups(const struct cells *cells, const struct rollup_key *key, int32_t end_day, rollup_fn each,
                        void *argument);
/* The entries of one, by ascending learner. */
enum status cells_read_rollup(const struct cells *cells, const struct rollup_key *key, const struct cell_sink *sink,
                              struct error *error) must_check;
/* Only who is in it: into->learners, *count of them, ascending. */
enum status cells_read_rollup_learners(const struct cells *cells, const struct rollup_key *key,
                                       struct cell_entries *into, uint32_t *count, struct error *error) must_check;

/* The marks of one, by learner, in the arena. */
enum status cells_read_mark_rollup(const struct cells *cells, const struct rollup_key *key, struct arena *arena,
                                   struct cell_mark **marks, uint32_t *count, struct error *error) must_check;

/* A roll-up that is damaged is refused by whoever reads it (STATUS_CORRUPT, its name) and kept in mind. This forgets those: as
 * if they had never been made, so that the same question is answered from the pieces and the writer makes them again. False
 * where there was none: the damage is elsewhere. Not while others read. */
enum {
    ROLLUPS_MAX_DAMAGED = 64, /* kept in mind at a time; more are met in the next round */
};
bool cells_forget_damaged(struct cells *cells);

/* ---- the writer's side ---- */

/* May roll-ups of this row be missing? Until told that they stand. Only days before the newest one are rolled up. */
bool cells_row_due(const struct cells *cells, uint32_t row, uint32_t level);
void cells_row_settled(struct cells *cells, uint32_t row, uint32_t level);
int32_t cells_newest_day(const struct cells *cells);
/* Into the batch; entries by ascending learner, times within the days. */
void cells_put_rollup(struct cells *cells, const struct rollup_key *key, const struct cell_entry *entries,
                      uint32_t count);
void cells_put_mark_rollup(struct cells *cells, const struct rollup_key *key, const struct cell_mark *marks,
                           uint32_t count);
/* Writes the batch: what was put, and whatever waits in it. */
enum status cells_settle_rollups(struct cells *cells, struct error *error) must_check;

#endif
