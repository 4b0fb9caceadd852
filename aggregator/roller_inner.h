/* roller_inner.h - what roller.c and roller_marks.c share. Nobody else includes it. */
#ifndef JEJAK_AGGREGATOR_ROLLER_INNER_H
#define JEJAK_AGGREGATOR_ROLLER_INNER_H

#include "aggregator/roller.h"
#include "aggregator/rollup.h"
#include "aggregator/walk.h"

enum {
    ROLLER_ENTRY_BYTES = 24, /* of an entry, about */
};

/* A content path on its way into its row. */
struct member {
    uint32_t row, content;
};

struct roller {
    struct cells *cells;
    struct walk *walk;                     /* while there is work */
    struct stretch *stretch;               /* likewise */
    uint32_t learner_count;                /* that these have room for */
    uint32_t content_count;                /* that `members` were made of */
    struct member *members[ROLLUP_LEVELS]; /* by row, content */
    uint32_t member_count[ROLLUP_LEVELS];
    uint32_t level, at; /* where the next look starts: members[level - 1][at] */
    size_t put_bytes;
    /* the row at work */
    uint32_t *contents, content_room;
    bool *stands; /* by day - first, of the span at work */
    uint32_t stands_room;
    int32_t stands_first;
    struct cell_entry *entries;
    uint32_t entry_count, entry_room;
    struct cell_mark *marks;
    uint32_t mark_count, mark_room;
};

/* The days of the row at work: pieces on [first, end); only days before the newest of the cells are rolled up. */
struct roll_days {
    int32_t first, end, newest;
};

/* Which roll-ups of this span stand within [key->day, end); then, whether the one from that day on does not. */
void roller_look(struct roller *roller, const struct rollup_key *key, int32_t end);
static inline bool roller_misses(const struct roller *roller, int32_t day)
{
    return !roller->stands[day - roller->stands_first];
}

/* roller_marks.c: all that are missing of one content path, of every span. */
enum status roller_roll_marks(struct roller *roller, const struct roll_days *days, struct rollup_key *key,
                              struct error *error) must_check;

#endif
