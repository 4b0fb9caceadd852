/* visibility.h - which figures of a shown row may be seen (METRICS.md, "Who may be seen"). Which rows are shown at all
 * is suppress.h's; nothing but what comes out of here is ever printed, and the review list and the verdicts on
 * revisions are made from it too, so they tell nothing that the figures do not.
 *
 * The rules, and what follows from them because something else that is printed would give the withheld away:
 *
 *     a figure whose own n is below k        withheld. opens: n = learners with an open (no open at all is a plain 0)
 *     fewer than k learners with dwell       all dwell figures withheld but dwell_coverage, which is bounded; also
 *                                            where there is none: "nothing to divide by" would tell the 0 from the few
 *     a quantile q                           shown where n min(q, 1 - q) >= k. dwell_ratio goes with dwell_median
 *     dwell_median_low, _high                with dwell_median, and only where k learners lie at or beyond each end:
 *                                            the ends are single learners' times, as quantiles are
 *     a share, part or rest below k          bounded: at_most (k - 1) / n, or at_least 1 - (k - 1) / n; its count
 *                                            (favorites; dwell_learners), interval and previous value withheld
 *     dwell_learners withheld                dwell_mean too: dwell_total_h / dwell_mean is dwell_learners
 *     one learner with more than half of     dwell_total_h, dwell_mean, dwell_trimmed_mean withheld
 *     the active time
 *
 * One thing is left open on purpose: over_expected is a fraction of dwell_learners, and from its digits and its
 * interval dwell_learners can be found where dwell_coverage is at_least. What that tells is how many (fewer than k) of
 * the row's learners had no active time, and nothing else about them; withholding over_expected for it would take away
 * the figure that the report is for wherever almost everybody was active.
 */
#ifndef JEJAK_AGGREGATOR_VISIBILITY_H
#define JEJAK_AGGREGATOR_VISIBILITY_H

#include "aggregator/figures.h"

/*  name                    whole: a count    previous: printed for the period before too */
#define FIGURE_TABLE(X)                                                                                                \
    X(learners, true, true)                                                                                            \
    X(opens, true, true)                                                                                               \
    X(dwell_learners, true, false)                                                                                     \
    X(dwell_coverage, false, false)                                                                                    \
    X(dwell_p25, false, false)                                                                                         \
    X(dwell_median, false, true)                                                                                       \
    X(dwell_p75, false, false)                                                                                         \
    X(dwell_p90, false, false)                                                                                         \
    X(dwell_median_low, false, false)                                                                                  \
    X(dwell_median_high, false, false)                                                                                 \
    X(dwell_mean, false, false)                                                                                        \
    X(dwell_trimmed_mean, false, false)                                                                                \
    X(dwell_total_h, false, true)                                                                                      \
    X(over_expected, false, true)                                                                                      \
    X(over_expected_low, false, false)                                                                                 \
    X(over_expected_high, false, false)                                                                                \
    X(dwell_ratio, false, false)                                                                                       \
    X(reopen_rate, false, true)                                                                                        \
    X(visits_median, false, false)                                                                                     \
    X(favorites, true, false)                                                                                          \
    X(favorite_rate, false, true)                                                                                      \
    X(completion, false, true)                                                                                         \
    X(drop_off, false, true)                                                                                           \
    X(skip_rate, false, false)

enum figure {
#define X(name, whole, previous) FIGURE_##name,
    FIGURE_TABLE(X)
#undef X
    FIGURE_COUNT
};

enum visible_state {
    VISIBLE_NONE, /* nothing to divide by */
    VISIBLE_SHOWN,
    VISIBLE_AT_MOST,  /* a share below this, or this */
    VISIBLE_AT_LEAST, /* a share above this, or this */
    VISIBLE_WITHHELD,
};
struct visible_value {
    enum visible_state state;
    double value; /* 0 where nothing is shown */
};
struct visible_figures {
    struct visible_value value[FIGURE_COUNT];
};

const char *figure_name(enum figure figure);
bool figure_is_whole(enum figure figure);
bool figure_has_previous(enum figure figure);

/* What the rules need to know of a row beside its figures. */
struct visibility_case {
    uint64_t k;
    double expected_minutes; /* 0: no plan */
    uint8_t hidden; /* what suppress.h hid of the row: enum suppress_hidden. A hidden row: everything withheld */
};

void visibility_apply(const struct figures *figures, const struct visibility_case *rules,
                      struct visible_figures *visible);
/* What may be seen of the period before, beside `now`: only figures that have a previous value; of those whose share is
 * bounded now, none. */
void visibility_apply_previous(const struct figures *before, const struct visibility_case *rules,
                               const struct visible_figures *now, struct visible_figures *previous);

#endif
