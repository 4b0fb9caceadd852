/* roller_inner.h - what the roller*.c files share. Nobody else includes it. */
#ifndef JEJAK_AGGREGATOR_ROLLER_INNER_H
#define JEJAK_AGGREGATOR_ROLLER_INNER_H

#include "aggregator/roller.h"
#include "aggregator/rollup.h"
#include "aggregator/stretch.h"
#include "aggregator/sums.h"

enum {
    ROLLER_ENTRY_BYTES = 24, /* of an entry, about */
    ROLLER_BLOCK_DAYS = 32,  /* the days of the longest span, rolled up together from pieces that are read once */
};

/* A content path on its way into its module and topic (UINT32_MAX: in none). */
struct member {
    uint32_t module, topic, content;
};

enum roller_stand {
    ROLLER_MISSING,
    ROLLER_EMPTY, /* stands, and nobody is in it */
    ROLLER_FILLED,
};

/* The days of the row at work: pieces on [first, end), where an interval may reach into the last one; only days before the
 * newest of the cells are rolled up. */
struct roll_days {
    int32_t first, end, newest;
};

struct roller {
    struct cells *cells;
    struct stretch *stretch; /* while there is work */
    struct sums longer[ROLLUP_SPANS - 1];
    uint32_t learner_count; /* that these have room for */
    struct member *members; /* by module, topic, content */
    uint32_t member_count;
    uint32_t at; /* where the next look starts: the activity of members[at]'s module, then the marks of each in turn */
    bool at_marks;
    size_t put_bytes;
    /* the row at work, in a block of days */
    int32_t block;
    struct roll_days days;
    uint8_t stands[ROLLUP_SPANS][ROLLER_BLOCK_DAYS]; /* enum roller_stand, by day - block */
    uint32_t *contents, content_room;
    struct cell_entries read;
    struct cell_entry *entries;
    uint32_t entry_count, entry_room;
    struct cell_mark *marks;
    uint32_t mark_count, mark_room;
};

/* A block of the row's days is at work: the key's day. Which of its roll-ups stand? */
void roller_begin(struct roller *roller, const struct rollup_key *key, const struct roll_days *days);
enum roller_stand roller_stand_of(const struct roller *roller, const struct rollup_key *key); /* of the row at work */
/* It is missing, and one of those that are made. */
bool roller_wants(const struct roller *roller, const struct rollup_key *key);
/* False where nobody was on these content paths. */
bool roller_days_of(const struct roller *roller, const uint32_t *contents, uint32_t count, struct roll_days *days);

/* roller_activity.c: all that are missing of a module and of its topics. Members of one module, by topic. */
enum status roller_roll_activity(struct roller *roller, const struct member *members, uint32_t count,
                                 struct error *error) must_check;
/* roller_marks.c: all that are missing of one content path. */
enum status roller_roll_marks(struct roller *roller, uint32_t content, struct error *error) must_check;

#endif
