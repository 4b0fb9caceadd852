/* figures.h - exact figures of METRICS.md for a period, before anything is withheld.
 *
 * The one way: for each row, last row first, walk over what its content paths hold for the period (walk.h): roll-ups
 * where there are, else pieces. Where a learner's entries follow each other in time, they add up; where they do not (a
 * topic and its section on screen together, pieces that repeat each other, a period that starts or ends inside an
 * entry), the learner's exact facts are joined instead. Rows go backwards so that "in a later row" is a bit per learner that is
 * already known.
 */
#ifndef JEJAK_AGGREGATOR_FIGURES_H
#define JEJAK_AGGREGATOR_FIGURES_H

#include "aggregator/cells.h"

enum {
    FIGURES_MAX_THREADS = 64,
};

enum level {
    LEVEL_MODULE = 1,
    LEVEL_TOPIC = 2,
    LEVEL_SECTION = 3,
};

/* A row to compute: its own path, the content paths it covers (numbers, those at or below it), its plan. In row order.
 */
struct figures_plan {
    const char *content;
    const uint32_t *contents;
    uint32_t content_count;
    double expected_minutes; /* of the row's own line; 0: none */
    bool wanted;             /* false: counted by group and for drop_off and skip_rate of the others, nothing more */
};

struct figures_query {
    int64_t from_ms, to_ms; /* [from, to) */
    const char *cohort;     /* NULL: everybody; "-": those in no group */
    double over_factor;
    const struct figures_plan *plans;
    uint32_t plan_count;
    uint32_t level;       /* 1 or 2: each plan has all content paths of a module or topic; else 0 or 3 */
    bool without_clipped; /* clipped_ms of no row is wanted; else of every row */
};

/* Counts are exact; a quantity with nothing to divide by is NAN. Seconds and hours are whole ms divided once. */
struct figures {
    uint64_t learners, opens, dwell_learners;
    uint64_t open_learners;   /* learners with an open: below reopen_rate */
    uint64_t over_learners;   /* above over_expected; below it: dwell_learners */
    uint64_t reopen_learners; /* above reopen_rate */
    uint64_t favorites, completed;
    uint64_t drop_base, drop_learners;                    /* below and above drop_off */
    uint64_t skip_base, skip_learners;                    /* below and above skip_rate */
    uint64_t active_ms, greatest_active_ms;               /* total and the one learner with most */
    uint64_t clipped_ms;                                  /* of everybody, whatever the query's cohort */
    double dwell_p25, dwell_median, dwell_p75, dwell_p90; /* s */
    double dwell_median_low, dwell_median_high;           /* s */
    double dwell_mean, dwell_trimmed_mean;                /* s */
    double dwell_total_h;
    double dwell_coverage;
    double over_expected, over_expected_low, over_expected_high;
    double dwell_ratio;
    double reopen_rate, visits_median, favorite_rate, completion, drop_off, skip_rate;
};

/* What complementary suppression needs: the row's counts by cohort at `to`; group 0 is "-" (none). */
struct figures_group {
    uint64_t learners, opens, open_learners, dwell_learners;
};

struct figures_table {
    uint32_t row_count; /* = plan_count */
    struct figures *rows;
    uint32_t group_count;
    char **group_names;           /* group_names[0] is "-" */
    struct figures_group *groups; /* [row * group_count + group], over everybody, whatever the query's cohort */
};

/* Rows are made on so many threads at once, the caller's among them (1 to FIGURES_MAX_THREADS). A crew keeps its memory,
 * about 80 bytes a learner and thread, and what it made lately (figures_kept.h); between two queries the cells may change,
 * by whatever thread asks. */
struct crew;
struct crew *crew_open(struct cells *cells, uint32_t threads);
void crew_close(struct crew *crew);
const struct cells *crew_cells(const struct crew *crew);
bool crew_forget_damaged(struct crew *crew); /* cells_forget_damaged() */

enum status figures_compute(struct crew *crew, const struct figures_query *query, struct figures_table *table,
                            struct error *error) must_check;
void figures_table_close(struct figures_table *table);

#endif
