/* cells_inner.h - what the cells_*.c files share. Nobody else includes it. */
#ifndef JEJAK_AGGREGATOR_CELLS_INNER_H
#define JEJAK_AGGREGATOR_CELLS_INNER_H

#include "aggregator/cells_write.h"

#include "common/rocks.h"

enum {
    CELLS_FORMAT = 1,
};

/* A cell with more than one piece, perhaps. */
struct cell_place {
    uint32_t content;
    int32_t day;
};

struct cells_rows;
struct cells_days;
struct cells_rolled;

struct cells {
    char *path;
    enum cells_mode mode;
    struct rocks *store;
    struct rocks_family *base, *contents, *learners, *pieces, *summary, *facts, *marks, *cohorts, *rolled, *rollups;
    struct zone *zone;
    uint32_t max_slice_ms;
    struct cells_position position; /* as committed, but for learners, which may be ahead */
    uint64_t next_piece;
    int64_t cut_ms;
    int32_t first_day; /* days before it are cut */

    char **paths; /* by content number */
    uint32_t path_count, path_room;
    uint32_t *path_slots; /* hash table of content number + 1, 0: free; a power of two, at most half full */
    uint32_t slot_count;

    struct cells_lost *lost; /* by first offset */
    uint32_t lost_count, lost_room;

    uint64_t *dead, *restricted; /* a bit a learner number */
    uint32_t learner_room;       /* in bits */
    uint8_t *restricted_lids;    /* restricted_count x LID_BYTES */
    uint32_t restricted_count;

    struct rocks_batch *batch; /* the writer's */
    bool unsettled;            /* the batch holds bindings that a look-up must see */
    bool cut_pending;
    uint32_t *forgotten; /* dead since the last commit, their facts still stored */
    uint32_t forgotten_count;
    struct cell_place *places; /* cells to look at for merging */
    size_t place_count, place_room;
    bool looking; /* for such cells in what is stored, from the cell at look_from on */
    struct cell_place look_from;

    struct cells_rows *rows;    /* cells_rows.c */
    struct cells_days *days;    /* cells_days.c */
    struct cell_place *changed; /* cells put or rewritten in the batch, on days that may be rolled up */
    size_t changed_count, changed_room;
    int32_t rolled_end; /* one past the last day of any roll-up; 0: there are none */
    struct cells_rolled *rolled_index;
    struct bytes rollup_out;
};

/* cells_rows.c. The writer tells of content paths, of the newest day, of what changes. */
struct cells_rows *cells_rows_open(void);
void cells_rows_close(struct cells_rows *rows);
void cells_rows_add(struct cells *cells, uint32_t content);     /* the next content path */
void cells_rows_reach(struct cells *cells, int32_t day);        /* a piece of this day is put */
void cells_rows_changed(struct cells *cells, uint32_t content); /* roll-ups over it are taken away */

/* cells_days.c: which days there are, and what changes. The writer tells of every piece that it puts or takes away. */
struct cells_days *cells_days_open(void);
void cells_days_close(struct cells_days *days);
void cells_days_add(struct cells *cells);                                         /* the next content path */
enum status cells_read_days(struct cells *cells, struct error *error) must_check; /* opened: of what is stored */
void cells_days_put(struct cells *cells, const struct cell_key *key, const struct cell_index *index);
void cells_days_gone(struct cells *cells, const struct cell_key *key); /* and no other piece takes its place */
void cells_days_touch_all(struct cells *cells);                        /* who counts changes, on every day */
enum status cells_days_settle(struct cells *cells, struct error *error) must_check; /* the batch is written */
/* The first stretch of days from from_day on in which pieces of the path hold clipped time, here and there; false where
 * there is none. */
enum {
    CLIPPED_GAP_DAYS = 16, /* further apart they are two stretches: a seek costs as much as so many rows of the index */
};
bool cells_clipped_days(const struct cells *cells, uint32_t content, int32_t from_day, int32_t *first, int32_t *end);

/* cells_rollup.c: a cell's facts change with this batch. cells_drop_changed() puts into the batch what takes away the
 * roll-ups over its day, and over the next one, into which an interval may reach. */
void cells_changed(struct cells *cells, uint32_t content, int32_t day);
void cells_drop_changed(struct cells *cells);
/* cells_rolled.c: which roll-ups there are. cells_rolled_goes() tells whether it stood, and whether it has a value. */
struct rollup_key;
struct cells_rolled *cells_rolled_open(void);
void cells_rolled_close(struct cells_rolled *rolled);
enum status cells_read_rolled_index(struct cells *cells, struct error *error) must_check;
void cells_rolled_stands(struct cells *cells, const struct rollup_key *key, bool filled);
bool cells_rolled_goes(struct cells *cells, const struct rollup_key *key, bool *filled);
void cells_rolled_damaged(const struct cells *cells, const struct rollup_key *key); /* any thread */
bool cells_rolled_next_damaged(struct cells *cells, struct rollup_key *key);        /* takes one */
/* cells_base.c: a roll-up ends there. */
void cells_reach_rolled(struct cells *cells, int32_t end_day);

/* cells_merge.c. A cell that got a piece is looked at for merging; where they are too many to be remembered, and after
 * opening, all that is stored is walked for cells of several pieces, a stretch at a time. */
void cells_place_add(struct cells *cells, uint32_t content, int32_t day);
void cells_places_unknown(struct cells *cells);
/* cells_forget.c: puts into the batch what takes the forgotten, or the days that are cut, out of what is stored. */
enum status cells_forget_stored(struct cells *cells, struct error *error) must_check;
enum status cells_cut_stored(struct cells *cells, struct error *error) must_check;
/* Writes the batch with the position: all of it may be committed ahead of the records that are being folded. */
enum status cells_settle(struct cells *cells, struct error *error) must_check;

/* cells_base.c, cells_contents.c, cells_learners.c: made with a new store, read when it is opened. */
enum status cells_base_make(struct cells *cells, const struct cells_settings *settings, struct error *error) must_check;
enum status cells_read_settings(struct cells *cells, const struct cells_settings *settings,
                                struct error *error) must_check;
enum status cells_read_position(struct cells *cells, struct error *error) must_check;
enum status cells_read_cut(struct cells *cells, struct error *error) must_check;
enum status cells_read_lost(struct cells *cells, struct error *error) must_check; /* cells_lost.c */
enum status cells_read_rolled(struct cells *cells, struct error *error) must_check;
enum status cells_read_contents(struct cells *cells, struct error *error) must_check;
enum status cells_read_learners(struct cells *cells, struct error *error) must_check;
void cells_batch_position(struct cells *cells);
/* Takes a piece away; `stored` tells which values it has (their sizes). */
void cells_batch_delete(struct cells *cells, const struct cell_key *key, const struct cell_index *stored);
/* A stored value of a piece; empty where there is none. */
enum status cells_value(const struct cells *cells, struct rocks_family *family, const struct cell_key *key,
                        struct rocks_value *value, struct error *error) must_check;

/* Walks the rows of `pieces` with content and first_day <= day < end_day. */
typedef enum status (*cells_index_fn)(const struct cell_key *key, const struct cell_index *index, void *argument,
                                      struct error *error);
enum status cells_scan_index(const struct cells *cells, uint32_t content, int32_t first_day, int32_t end_day,
                             cells_index_fn each, void *argument, struct error *error) must_check;
/* The row as a key and an index, or STATUS_CORRUPT. */
enum status cells_index_row(struct slice key_bytes, struct slice value, struct cell_key *key, struct cell_index *index,
                            struct error *error) must_check;

void cells_learners_room(struct cells *cells, uint32_t count);
static inline bool cells_bit(const uint64_t *bits, uint32_t number)
{
    return bits[number / 64] >> (number % 64) & 1;
}
static inline void cells_bit_set(uint64_t *bits, uint32_t number, bool on)
{
    uint64_t bit = UINT64_C(1) << (number % 64);
    bits[number / 64] = on ? bits[number / 64] | bit : bits[number / 64] & ~bit;
}

#endif
