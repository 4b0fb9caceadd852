/* cell.h - the stored form of a piece of a cell (cells.h): its summary, facts and marks, and a day's cohort changes.
 *
 * All values have one frame, integers little-endian, version 1, and end with the XXH3-64 of all bytes before it:
 *
 *     0        4     5   8       12        16    20      24        32
 *     | what   | ver | 0 | count | content | day | extra | base ms | body | XXH3-64 |
 *
 *     what       "JCSU" summary, "JCFA" facts, "JCMA" marks, "JCCO" cohort changes, "JCRO" roll-up,
 *                "JCRM" roll-up of marks
 *     count      learners (summary, facts), marks, changes
 *     content, day   as in the key, so that a value under a wrong key is noticed (cohorts: content 0xffffffff)
 *     base ms    where the day starts, Unix ms UTC; all times in the body are relative to it, 32 bits
 *
 * A column is `count` unsigned integers of one width: 0 (all are 0; nothing is stored), 1, 2 or 4 bytes. Widths stand
 * before the columns, eight bytes of them. Learners ascend; their column holds the first as it is, then differences.
 *
 *     summary    widths: learner, opens, visits, active, first, span, lead, open span; the columns in this order.
 *                first = first activity - base; span = last activity - first activity; lead = first open - first
 *                activity; open span = last open - first open (both 0 where there are no opens)
 *     facts      offsets: u32 for every 16th learner, where its bytes start in `lists` (extra: the size of `lists`);
 *                lists, a learner each, varints:
 *                    opens * 2 + (1 where something was clipped), intervals,
 *                    opens: the first, then differences (>= 1),
 *                    intervals: gap since the end before (the first: since base), length (>= 1); gaps >= 1,
 *                    clipped, where there is something: how many, { time: the first, then differences; ms clipped }
 *     marks      widths: learner, state, time, 0 ...; state: percent of progress 0..100, 101 favorite, 102 unfavorite;
 *                ascending by learner, kind, value, time
 *     cohorts    widths: learner, name, time, 0 ...; then extra names { length u8, bytes }, then the columns
 *
 * Nothing is taken on trust when read back: STATUS_CORRUPT names content, day and piece.
 */
#ifndef JEJAK_AGGREGATOR_CELL_H
#define JEJAK_AGGREGATOR_CELL_H

#include "aggregator/arena.h"
#include "aggregator/bytes.h"
#include "aggregator/cells.h"

enum {
    CELL_VERSION = 1,
    CELL_KEY_BYTES = 16,
    CELL_INDEX_BYTES = 28,
    CELL_FACTS_STRIDE = 16,
};
#define CELL_COHORTS UINT32_MAX /* the "content" of cohort changes */

/* A key sorts as its bytes: content, day, piece, big-endian. A day before 1970 cannot be. */
void cell_key_write(const struct cell_key *key, uint8_t bytes[CELL_KEY_BYTES]);
bool cell_key_read(struct slice bytes, struct cell_key *key);

/* What there is of a piece, without reading it: the value of its row in the family "pieces". */
struct cell_index {
    uint32_t summary_bytes, facts_bytes, marks_bytes; /* cohorts: all in marks_bytes */
    uint32_t learners;                                /* entries of the summary */
    uint32_t clipped;                                 /* of them with something clipped */
    uint32_t least_learner, greatest_learner;         /* of summary, marks or cohorts */
};
void cell_index_write(const struct cell_index *index, uint8_t bytes[CELL_INDEX_BYTES]);
bool cell_index_read(struct slice bytes, struct cell_index *index);

/* ---- building a piece: start, learners in ascending order, marks in any, encode. Memory is reused. ---- */

struct cell_builder {
    struct cell_key key;
    int64_t base_ms;
    struct cell_entry *entries;
    uint32_t count, room;
    uint32_t clipped;
    struct bytes offsets, lists;
    struct cell_mark *marks;
    uint32_t mark_count, mark_room;
    struct bytes summary_out, facts_out, marks_out;
};
void cell_builder_start(struct cell_builder *builder, const struct cell_key *key, int64_t base_ms);
void cell_builder_add(struct cell_builder *builder, uint32_t learner, const struct cell_facts *facts); /* joined */
void cell_builder_mark(struct cell_builder *builder, const struct cell_mark *mark);
void cell_builder_close(struct cell_builder *builder);

/* The stored values; size 0 where there is nothing. They live until the builder's next start. */
struct cell_values {
    struct slice summary, facts, marks;
    struct cell_index index;
};
void cell_builder_encode(struct cell_builder *builder, struct cell_values *values);

/* ---- reading ---- */

/* `learners`: numbers must be below it. Appends to into->entries. */
enum status cell_summary_decode(struct slice value, const struct cell_key *key, uint32_t learners,
                                struct cell_entries *into, uint32_t *count, struct error *error) must_check;
enum status cell_learners_decode(struct slice value, const struct cell_key *key, uint32_t learners,
                                 struct cell_entries *into, uint32_t *count, struct error *error) must_check;

/* Roll-ups (rollup.h): a summary under another name, with level and span (key->piece) as its extra. Entries are handed
 * to `each` some at a time; they borrow until it returns. `into` lends room for learners. */
struct cell_sink {
    struct cell_entries *into;
    void (*each)(const struct cell_entry *entries, uint32_t count, void *argument);
    void *argument;
};
void cell_rollup_encode(const struct cell_key *key, int64_t base_ms, const struct cell_entry *entries, uint32_t count,
                        struct bytes *out);
enum status cell_rollup_decode(struct slice value, const struct cell_key *key, uint32_t learners,
                               const struct cell_sink *sink, struct error *error) must_check;
/* Of marks likewise, by learner. */
void cell_mark_rollup_encode(const struct cell_key *key, int64_t base_ms, const struct cell_mark *marks, uint32_t count,
                             struct bytes *out);
enum status cell_mark_rollup_decode(struct slice value, const struct cell_key *key, uint32_t learners,
                                    struct arena *arena, struct cell_mark **marks, uint32_t *count,
                                    struct error *error) must_check;
enum status cell_rollup_learners(struct slice value, const struct cell_key *key, uint32_t learners,
                                 struct cell_entries *into, uint32_t *count, struct error *error) must_check;

/* Facts are read learner by learner; the view borrows the value. */
struct cell_facts_view {
    struct cell_key key;
    uint32_t count;
    int64_t base_ms;
    const uint8_t *offsets;
    struct slice lists;
    /* where cell_facts_at() stands: the list of the next_index-th learner starts there; NULL: nowhere */
    const uint8_t *next;
    uint32_t next_index;
};
enum status cell_facts_open(struct slice value, const struct cell_key *key, struct cell_facts_view *view,
                            struct error *error) must_check;
/* The facts of the index-th learner, in the arena. Ascending indexes read on from where the last one ended. */
enum status cell_facts_at(struct cell_facts_view *view, uint32_t index, struct arena *arena, struct cell_facts *facts,
                          struct error *error) must_check;
/* Walks all learners of a view in order: start with *next = NULL. */
enum status cell_facts_next(const struct cell_facts_view *view, const uint8_t **next, struct arena *arena,
                            struct cell_facts *facts, struct error *error) must_check;

/* The marks of a piece, in the arena. */
enum status cell_marks_decode(struct slice value, const struct cell_key *key, uint32_t learners, struct arena *arena,
                              struct cell_mark **marks, uint32_t *count, struct error *error) must_check;

/* Cohort changes of a day: sorted and made distinct in place, then encoded into `out` (cleared before). */
void cell_cohorts_encode(const struct cell_key *key, int64_t base_ms, struct cell_cohort *changes, uint32_t count,
                         struct bytes *out, struct cell_index *index);
/* Names point into the value. */
enum status cell_cohorts_decode(struct slice value, const struct cell_key *key, uint32_t learners, struct arena *arena,
                                struct cell_cohort **changes, uint32_t *count, struct error *error) must_check;

/* Where the day of a stored value starts; `fallback_ms` where there is none. */
int64_t cell_base_ms(struct slice value, int64_t fallback_ms);

#endif
