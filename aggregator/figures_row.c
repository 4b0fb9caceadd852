#include "aggregator/figures_row.h"

#include "aggregator/radix.h"
#include "aggregator/stats.h"

#include <math.h>
#include <stdlib.h>

#define DROP_MS (INT64_C(14) * 86400000)

enum {
    REOPEN_GAP_MS = 30 * 60 * 1000,
};

/* One number a learner, collected for quantiles. */
struct column {
    uint64_t *values, *scratch;
    size_t count, room;
};

static void column_add(struct column *column, uint64_t value)
{
    if (column->count == column->room) {
        column->room = column->room ? column->room * 2 : 1024;
        column->values = mem_grow(column->values, column->room, sizeof *column->values);
        column->scratch = mem_grow(column->scratch, column->room, sizeof *column->scratch);
    }
    column->values[column->count++] = value;
}

static void column_sort(struct column *column)
{
    uint64_t used_bits = 0;
    for (size_t i = 0; i < column->count; i++)
        used_bits |= column->values[i];
    radix_sort(column->values, column->scratch, column->count, 0, radix_bits(used_bits));
}

static void column_close(struct column *column)
{
    free(column->values);
    free(column->scratch);
}

struct hand {
    const struct figures_work *work;
    struct walk *walk;
    struct marks *marks;
    struct column active_ms, visits;
    /* the row at work */
    struct measured *measured;
    struct figures *row; /* NULL: not wanted */
    struct figures_group *groups;
    uint64_t over_above_ms; /* longer than this is over expected */
};

struct hand *hand_open(const struct cells *cells)
{
    struct hand *hand = mem_new(1, sizeof *hand);
    hand->walk = walk_open(cells);
    hand->marks = marks_open(cells);
    return hand;
}

void hand_begin(struct hand *hand, const struct figures_work *work)
{
    hand->work = work;
    walk_period(hand->walk, work->query->from_ms, work->query->to_ms);
    marks_at(hand->marks, work->query->to_ms);
}

void hand_end(struct hand *hand)
{
    hand->work = NULL;
    walk_rest(hand->walk);
}

void hand_close(struct hand *hand)
{
    if (!hand)
        return;
    walk_close(hand->walk);
    marks_close(hand->marks);
    column_close(&hand->active_ms);
    column_close(&hand->visits);
    free(hand);
}

struct measured *measured_open(uint32_t learner_count)
{
    struct measured *measured = mem_new(1, sizeof *measured);
    measured->here = bits_open(learner_count);
    measured->settled = bits_open(learner_count);
    measured->ever = bits_open(learner_count);
    return measured;
}

void measured_close(struct measured *measured)
{
    bits_close(&measured->here);
    bits_close(&measured->settled);
    bits_close(&measured->ever);
    free(measured);
}

static double share(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : NAN;
}

static double seconds_each(uint64_t sum_ms, uint64_t count)
{
    return count ? (double)sum_ms / (1000.0 * (double)count) : NAN;
}

static double seconds_at(const struct column *active_ms, double q)
{
    return active_ms->count ? stats_quantile(active_ms->values, active_ms->count, q) / 1000 : NAN;
}

/* Favourites, progress and drop-off come later or from elsewhere; this is what the walk knows of one learner asked for.
 */
static void count_learner(struct hand *hand, uint32_t learner, const struct activity *activity)
{
    struct figures *row = hand->row;
    row->learners++;
    row->opens += activity->opens;
    column_add(&hand->visits, activity->visits);
    if (activity->opens > 0) {
        row->open_learners++;
        row->reopen_learners += activity->last_open_ms - activity->first_open_ms > REOPEN_GAP_MS;
    }
    if (activity->active_ms > 0) {
        row->dwell_learners++;
        row->active_ms += activity->active_ms;
        row->over_learners += activity->active_ms > hand->over_above_ms;
        if (activity->active_ms > row->greatest_active_ms)
            row->greatest_active_ms = activity->active_ms;
        column_add(&hand->active_ms, activity->active_ms);
    }
    if (activity->last_ms <= hand->work->query->to_ms - DROP_MS)
        bits_add(&hand->measured->settled, learner);
}

static void count_group(struct figures_group *group, const struct activity *activity)
{
    group->learners++;
    group->opens += activity->opens;
    group->open_learners += activity->opens > 0;
    group->dwell_learners += activity->active_ms > 0;
}

static void meet_learners(const struct activities *some, void *argument)
{
    struct hand *hand = argument;
    uint32_t groups[ACTIVITIES_AT_ONCE];
    for (uint32_t i = 0; i < some->count; i++)
        groups[i] = hand->work->cohorts->group[some->learners[i]];
    for (uint32_t i = 0; i < some->count; i++) {
        bits_add(&hand->measured->here, some->learners[i]);
        count_group(&hand->groups[groups[i]], &some->of[i]);
        if (hand->row && bits_has(&hand->work->asked, some->learners[i]))
            count_learner(hand, some->learners[i], &some->of[i]);
    }
}

static void fill_dwell(struct figures *row, struct column *active_ms)
{
    column_sort(active_ms);
    row->dwell_coverage = share(row->dwell_learners, row->learners);
    row->dwell_p25 = seconds_at(active_ms, 0.25);
    row->dwell_median = seconds_at(active_ms, 0.5);
    row->dwell_p75 = seconds_at(active_ms, 0.75);
    row->dwell_p90 = seconds_at(active_ms, 0.9);
    uint64_t rank = active_ms->count ? stats_median_rank(active_ms->count) : 0;
    row->dwell_median_low = rank ? (double)active_ms->values[rank - 1] / 1000 : NAN;
    row->dwell_median_high = rank ? (double)active_ms->values[active_ms->count - rank] / 1000 : NAN;
    size_t kept = 0;
    uint64_t kept_ms = stats_trimmed_sum(active_ms->values, active_ms->count, &kept);
    row->dwell_mean = seconds_each(row->active_ms, row->dwell_learners);
    row->dwell_trimmed_mean = seconds_each(kept_ms, kept);
    row->dwell_total_h = (double)row->active_ms / 3600000;
}

static void fill_expected(struct figures *row, double expected_minutes)
{
    row->over_expected = row->over_expected_low = row->over_expected_high = row->dwell_ratio = NAN;
    if (!(expected_minutes > 0) || row->dwell_learners == 0)
        return;
    row->over_expected = share(row->over_learners, row->dwell_learners);
    stats_wilson(row->over_learners, row->dwell_learners, &row->over_expected_low, &row->over_expected_high);
    row->dwell_ratio = row->dwell_median / (expected_minutes * 60);
}

static void fill_visits(struct figures *row, struct column *visits)
{
    column_sort(visits);
    row->visits_median = visits->count ? stats_quantile(visits->values, visits->count, 0.5) : NAN;
}

static void fill_rates(struct figures *row)
{
    row->reopen_rate = share(row->reopen_learners, row->open_learners);
    row->favorite_rate = share(row->favorites, row->learners);
    row->completion = share(row->completed, row->learners);
    row->drop_off = share(row->drop_learners, row->drop_base);
    row->skip_rate = share(row->skip_learners, row->skip_base);
}

void figures_row_empty(struct figures *row)
{
    struct column none = {0};
    fill_dwell(row, &none);
    fill_expected(row, 0);
    fill_visits(row, &none);
    fill_rates(row);
}

static enum status count_marks(struct hand *hand, const struct figures_plan *plan, struct error *error)
{
    enum status status = marks_row(hand->marks, plan->contents, plan->content_count, error);
    if (status)
        return status;
    struct bits_shares shares = bits_count_shares(&hand->measured->here, &hand->work->asked,
                                                  marks_favorite(hand->marks), marks_completed(hand->marks));
    hand->row->favorites = shares.with_c;
    hand->row->completed = shares.with_d;
    return STATUS_OK;
}

static enum status sum_clipped(struct hand *hand, const struct figures_plan *plan, uint64_t *sum_ms,
                               struct error *error)
{
    enum status status = STATUS_OK;
    for (uint32_t i = 0; !status && !hand->work->query->without_clipped && i < plan->content_count; i++) {
        uint64_t clipped_ms = 0;
        status = cells_clipped_ms(hand->work->cells, plan->contents[i], hand->work->query->from_ms,
                                  hand->work->query->to_ms, &clipped_ms, error);
        *sum_ms += clipped_ms;
    }
    return status;
}

/* The comparison is with over_factor x expected minutes as decimals: the whole ms up to it, unmoved by the last binary
 * digit of a factor such as 0.7. */
static uint64_t over_above_ms(const struct figures_query *query, const struct figures_plan *plan)
{
    double limit_ms = query->over_factor * plan->expected_minutes * 60000;
    return limit_ms > 0 && limit_ms < 1e18 ? (uint64_t)(limit_ms + 1e-6) : UINT64_MAX;
}

static enum status fill_row(struct hand *hand, const struct figures_plan *plan, struct error *error)
{
    enum status status = count_marks(hand, plan, error);
    if (status)
        return status;
    fill_dwell(hand->row, &hand->active_ms);
    fill_expected(hand->row, plan->expected_minutes);
    fill_visits(hand->row, &hand->visits);
    return STATUS_OK;
}

enum status hand_measure(struct hand *hand, struct measured *measured, struct error *error)
{
    const struct figures_query *query = hand->work->query;
    struct figures_table *table = hand->work->table;
    uint32_t index = measured->index;
    const struct figures_plan *plan = &query->plans[index];
    struct walk_row row = {plan->contents, plan->content_count, query->level};
    hand->measured = measured;
    hand->row = plan->wanted ? &table->rows[index] : NULL;
    hand->groups = &table->groups[(size_t)index * table->group_count];
    hand->over_above_ms = over_above_ms(query, plan);
    hand->active_ms.count = hand->visits.count = 0;
    bits_clear(&measured->here);
    bits_clear(&measured->settled);
    walk_depth(hand->walk, hand->row ? WALK_ALL : WALK_COUNTS);
    enum status status = walk_row(hand->walk, &row, &measured->ever, meet_learners, hand, error);
    if (!status && hand->row)
        status = fill_row(hand, plan, error);
    return status ? status : sum_clipped(hand, plan, &table->rows[index].clipped_ms, error);
}

void measured_settle(const struct measured *measured, const struct figures_work *work, struct bits *later,
                     struct bits *later_ever)
{
    struct bits_row sets = {&work->asked, &measured->here, &measured->settled, &measured->ever};
    struct bits_later counts = bits_join_row(&sets, later, later_ever);
    struct figures *row = &work->table->rows[measured->index];
    if (!work->query->plans[measured->index].wanted)
        return;
    row->drop_base = counts.settled;
    row->drop_learners = counts.settled_not_later;
    row->skip_base = counts.later;
    row->skip_learners = counts.later_not_ever;
    fill_rates(row);
}
