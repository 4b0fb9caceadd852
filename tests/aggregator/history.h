/* history.h - a random small learning history with everything in it that makes figures hard.
 *
 * Times lie on a grid of five minutes around the edges of the period, of days and of the 14 days of drop_off, so that
 * repeats, overlaps, gaps of exactly 30 minutes and events at the very edge are common; now and then one is off by
 * 1 ms.
 */
#ifndef JEJAK_TESTS_AGGREGATOR_HISTORY_H
#define JEJAK_TESTS_AGGREGATOR_HISTORY_H

#include "aggregator/figures.h"
#include "common/event.h"

/* SplitMix64 (Steele, Lea, Flood 2014): one seed, one history. */
struct dice {
    uint64_t state;
};
uint64_t dice_roll(struct dice *dice, uint64_t sides); /* 0 .. sides - 1 */
bool dice_chance(struct dice *dice, unsigned percent);

struct happening {
    uint32_t learner;
    enum kind kind;
    int64_t time_ms;
    uint32_t content;   /* index into contents; of a cohort change nothing */
    uint32_t value;     /* ms or percent */
    const char *cohort; /* of a cohort change */
};

enum {
    HISTORY_CONTENTS = 10,
    HISTORY_PLANS = HISTORY_CONTENTS,
};

struct history {
    uint32_t learner_count;
    bool *restricted;
    struct happening *events;
    size_t event_count;
    uint32_t content_count;
    const char *const *contents;
    uint32_t max_slice_ms;
    int64_t zone_offset_ms; /* of the cells' days */
    int64_t from_ms, to_ms; /* the period that the times crowd around */
};
struct history history_roll(struct dice *dice);
void history_close(struct history *history);

/* A query over the history's period with the rows of a level in random order; its memory belongs to the plan book. */
struct plan_book {
    char names[HISTORY_PLANS][CONTENT_MAX_BYTES + 1];
    uint32_t contents[HISTORY_PLANS][HISTORY_CONTENTS];
    struct figures_plan plans[HISTORY_PLANS];
};
struct figures_query history_query(const struct history *history, struct dice *dice, struct plan_book *book);

#endif
