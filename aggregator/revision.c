#include "aggregator/revision.h"

#include "aggregator/stats.h"

#include <math.h>

const char *revision_verdict_name(enum revision_verdict verdict)
{
    static const char *const names[] = {"better", "worse", "unclear"};
    return names[verdict];
}

uint32_t revision_days(int32_t date, int32_t first_day, int32_t to_day)
{
    int64_t days = REVISION_MAX_DAYS;
    if ((int64_t)date - first_day < days)
        days = (int64_t)date - first_day;
    if ((int64_t)to_day - date < days)
        days = (int64_t)to_day - date;
    return days > 0 ? (uint32_t)days : 0;
}

static bool shown(const struct visible_figures *figures, enum figure figure)
{
    return figures->value[figure].state == VISIBLE_SHOWN;
}

static double value(const struct visible_figures *figures, enum figure figure)
{
    return figures->value[figure].value;
}

/* -1: lower after, and the intervals do not overlap; 1: higher; 0: neither, or an interval is not shown. */
static int separated(const struct visible_figures *before, const struct visible_figures *after, enum figure low,
                     enum figure high)
{
    if (!shown(before, low) || !shown(before, high) || !shown(after, low) || !shown(after, high))
        return 0;
    return (value(after, low) > value(before, high)) - (value(after, high) < value(before, low));
}

enum revision_verdict revision_judge(const struct visible_figures *before, const struct visible_figures *after)
{
    int time = separated(before, after, FIGURE_dwell_median_low, FIGURE_dwell_median_high);
    int over = separated(before, after, FIGURE_over_expected_low, FIGURE_over_expected_high);
    if (time + over < 0)
        return REVISION_BETTER;
    return time + over > 0 ? REVISION_WORSE : REVISION_UNCLEAR;
}

static double width(const struct visible_figures *figures)
{
    return value(figures, FIGURE_dwell_median_high) - value(figures, FIGURE_dwell_median_low);
}

static uint64_t needs_for_medians(const struct visible_figures *before, const struct visible_figures *after)
{
    static const enum figure needed[] = {FIGURE_dwell_median, FIGURE_dwell_median_low, FIGURE_dwell_median_high};
    for (size_t i = 0; i < ARRAY_COUNT(needed); i++)
        if (!shown(before, needed[i]) || !shown(after, needed[i]))
            return 0;
    double difference = fabs(value(after, FIGURE_dwell_median) - value(before, FIGURE_dwell_median));
    double learners = fmax(value(before, FIGURE_learners), value(after, FIGURE_learners));
    double narrower = (width(before) + width(after)) / (2 * difference);
    double needs = ceil(learners * narrower * narrower);
    return difference > 0 && needs < 1e15 ? (uint64_t)fmax(needs, learners + 1) : 0;
}

uint64_t revision_needs(const struct visible_figures *before, const struct visible_figures *after)
{
    uint64_t needs = 0;
    if (shown(before, FIGURE_over_expected) && shown(after, FIGURE_over_expected))
        needs = stats_needed_for_shares(value(before, FIGURE_over_expected), value(after, FIGURE_over_expected));
    return needs ? needs : needs_for_medians(before, after);
}
