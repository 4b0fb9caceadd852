/* revision.h - did a revision of the material help? The days before and after it side by side (METRICS.md, "Revisions").
 *
 * Made from figures as they may be seen, so a verdict never rests on what is withheld. Lower is better: less time than
 * before for the same material, fewer learners over the plan. Where the two disagree the verdict is unclear.
 */
#ifndef JEJAK_AGGREGATOR_REVISION_H
#define JEJAK_AGGREGATOR_REVISION_H

#include "aggregator/visibility.h"

enum {
    REVISION_MAX_DAYS = 28,
};

enum revision_verdict {
    REVISION_BETTER,
    REVISION_WORSE,
    REVISION_UNCLEAR,
};
const char *revision_verdict_name(enum revision_verdict verdict);

/* The greatest w <= 28 such that [date - w, date) and [date, date + w) lie within [first_day, to_day); 0: there is
 * none. */
uint32_t revision_days(int32_t date, int32_t first_day, int32_t to_day);

enum revision_verdict revision_judge(const struct visible_figures *before, const struct visible_figures *after);

/* How many learners each side would need for a difference as large as the one seen to separate; 0: no difference is
 * seen. From the shares over the plan where both are shown (stats_needed_for_shares), else from the medians: their
 * intervals narrow with the square root of n. n is `learners`, which is printed, not dwell_learners, which may be
 * withheld. */
uint64_t revision_needs(const struct visible_figures *before, const struct visible_figures *after);

#endif
