/* scope.h - what a report is about, and a period of it: figures of every row and what of them is hidden.
 *
 * A scope is the rows of the level asked for and of the levels above it, for everybody or one cohort. Periods of it are
 * made as needed: the one asked for, the one before, the windows around revisions. Each is decided on for itself by
 * suppress.h, over all cohorts and levels, so that a window shows no more than a report over its days would.
 */
#ifndef JEJAK_AGGREGATOR_SCOPE_H
#define JEJAK_AGGREGATOR_SCOPE_H

#include "aggregator/rows.h"
#include "aggregator/suppress.h"
#include "aggregator/visibility.h"

struct scope {
    struct crew *crew;
    const struct cells *cells; /* the crew's */
    const char *cohort;        /* NULL: everybody */
    double over_factor;
    uint64_t k;
    uint32_t level_count;                        /* 1: modules only; the level asked for is the last */
    struct rows rows[SUPPRESS_MAX_LEVELS];       /* by level */
    struct suppress_row *suppress_rows;          /* of all levels, modules first */
    uint32_t row_start[SUPPRESS_MAX_LEVELS + 1]; /* of a level among them */
};

/* `scope` comes with crew, cohort, over_factor and k filled in. The curriculum outlives it. */
void scope_open(struct scope *scope, const struct curriculum *curriculum, enum level level);
void scope_close(struct scope *scope);
static inline const struct rows *scope_rows(const struct scope *scope)
{
    return &scope->rows[scope->level_count - 1];
}

struct period {
    const struct scope *scope;
    int64_t from_ms, to_ms;
    struct figures_table tables[SUPPRESS_MAX_LEVELS];
    struct suppress_table hidden;
    const char **column_names;
    uint32_t column; /* of the scope's cohort; column_count: nobody is in it */
};

/* What a period is for decides which figures are made; what is hidden is decided over all rows and levels always. */
enum period_use {
    PERIOD_NOW,    /* figures of every row of the level asked for; clipped_ms of every row of every level */
    PERIOD_BEFORE, /* figures of every row of the level asked for, no clipped_ms */
    PERIOD_WINDOW, /* figures of the rows with a revision */
};
enum status period_open(const struct scope *scope, enum period_use use, int64_t from_ms, int64_t to_ms,
                        struct period *period, struct error *error) must_check;
void period_close(struct period *period);

/* Of rows of the level asked for, those that the period's use has figures of. */
const struct figures *period_figures(const struct period *period, uint32_t row);
struct visibility_case period_rules(const struct period *period, uint32_t row);

#endif
