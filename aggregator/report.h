/* report.h - a report over the cells: options in, one of three formats out.
 *
 *     options ─▶ period, zone, curriculum ─▶ scope (rows) ─▶ periods (figures, what is hidden)
 *             ─▶ struct report (only what may be seen) ─▶ render_json, render_csv, render_table
 *
 * The renderers are given a struct report and nothing else, so that no format can print what another may not.
 */
#ifndef JEJAK_AGGREGATOR_REPORT_H
#define JEJAK_AGGREGATOR_REPORT_H

#include "aggregator/query.h"
#include "aggregator/report_options.h"
#include "aggregator/review.h"
#include "aggregator/revision.h"
#include "aggregator/rows.h"
#include "common/config.h"
#include "common/zone.h"

#include <stdio.h>

enum {
    REPORT_METHOD = 1, /* the version of METRICS.md */
};

struct report_row {
    const struct row *row;
    struct visible_figures now, previous;
};

struct report_revision {
    const struct row *row;
    int32_t date;
    uint32_t days;
    struct visible_figures before, after;
    enum revision_verdict verdict;
    uint64_t needs_learners; /* 0: none can be told */
};

/* What the report is made from; dates as days since 1970-01-01. */
struct report_coverage {
    bool has_data;
    int32_t first_day, last_day;           /* with data, in the report's zone */
    bool clipped_shown;                    /* not where no row is shown */
    double clipped_h;                      /* taken off by max_slice in the period, everybody's, over all content */
    uint64_t lost;                         /* events that the log lost and that may belong to the period, at most */
    bool lost_since;                       /* is the first day on which they were received known? */
    int32_t lost_first_day, lost_last_day; /* received from, until; in the report's zone */
};

struct report {
    int32_t from_day, to_day;
    const char *tz;
    uint64_t k;
    struct cells_position position;
    enum level level;
    const char *cohort, *module, *program; /* NULL: all */
    struct review_thresholds thresholds;
    struct report_coverage coverage;
    uint32_t row_count, suppressed_count, unknown_count, revision_count;
    struct report_row *rows;
    const char **suppressed; /* in row order */
    /* Rows of this level, in row order, that have no line in the curriculum file; none without one. */
    const char **unknown;
    struct report_revision *revisions; /* in row order, by date */
    struct review review;              /* of rows */
};

const char *report_level_name(enum level level);

/* The query's argv[0] is the command's name, the rest as for report_options_parse(); its file is that of --curriculum.
 * Nothing is written to `out` where the report cannot be made. */
enum status report_run(struct crew *crew, const struct config *config, const struct query *query, FILE *out,
                       struct error *error) must_check;

#endif
