/* review.h - what to look at: a verdict for each shown row, its reasons in words, the worst first (METRICS.md).
 *
 * Made from figures as they may be seen, and a condition holds only where it is certain from them: a bounded share
 * counts with the end of its range that speaks against the condition (over_expected at least 0.91 of 100 is long, as
 * its interval from there starts above 0.5; dwell_coverage at least 0.55 is not insufficient), and something withheld
 * meets no condition. A reason that rests on a bounded share is left out of the reasons; the verdict stands.
 */
#ifndef JEJAK_AGGREGATOR_REVIEW_H
#define JEJAK_AGGREGATOR_REVIEW_H

#include "aggregator/visibility.h"

/*  name           JSON name       for the table, what to do */
#define REVIEW_TABLE(X)                                                                                                \
    X(INSUFFICIENT, "insufficient", "too little active time was seen to judge")                                        \
    X(CLARIFY, "clarify", "most take much longer than planned, and come back or leave")                                \
    X(SPLIT, "split", "long for one sitting")                                                                          \
    X(INTEREST, "interest", "takes long because they like it")                                                         \
    X(SKIMMED, "skimmed", "hardly looked at")                                                                          \
    X(STEADY, "steady", "nothing stands out")

enum review_verdict {
#define X(name, json, what) REVIEW_##name,
    REVIEW_TABLE(X)
#undef X
    REVIEW_VERDICT_COUNT
};

struct review_thresholds {
    uint64_t k;         /* what bounds a bounded share */
    double over_factor; /* for the words only: over_expected is computed with it */
    double long_share, long_ratio, min_coverage;
    double split_minutes, split_visits, split_spread, skimmed_ratio;
};

/* A shown row, in row order. Borrowed. */
struct review_row {
    const char *program;
    double expected_minutes; /* 0: none */
    const struct visible_figures *figures;
};

enum {
    REVIEW_MAX_REASONS = 6,
};
struct review_entry {
    uint32_t row;                /* index into the rows */
    enum review_verdict verdict; /* never STEADY */
    double weight;               /* over_expected_low x learners; 0 where it may not be seen */
    uint32_t reason_count;
    char *reasons[REVIEW_MAX_REASONS];
};
struct review {
    uint32_t count;
    struct review_entry *entries; /* ranked */
};

const char *review_verdict_name(enum review_verdict verdict);
const char *review_verdict_words(enum review_verdict verdict);
void review_open(const struct review_row *rows, uint32_t row_count, const struct review_thresholds *thresholds,
                 struct review *review);
void review_close(struct review *review);

#endif
