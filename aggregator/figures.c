#include "aggregator/figures.h"

#include "aggregator/cohorts.h"
#include "aggregator/marks.h"
#include "aggregator/radix.h"
#include "aggregator/stats.h"
#include "aggregator/walk.h"

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

struct computation {
    const struct cells *cells;
    const struct figures_query *query;
    struct figures_table *table;
    struct walk *walk;
    struct marks *marks;
    struct cohorts cohorts;
    struct bits asked;             /* whom the query is about: never the restricted */
    struct bits here;              /* active in this row in the period */
    struct bits later, later_ever; /* in a row after this one: active in the period; before `to` */
    struct column active_ms, visits;
    /* the row at work */
    struct figures *row;
    struct figures_group *groups;
    uint64_t over_above_ms; /* longer than this is over expected */
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
static void count_learner(struct computation *c, uint32_t learner, const struct activity *activity)
{
    struct figures *row = c->row;
    row->learners++;
    row->opens += activity->opens;
    column_add(&c->visits, activity->visits);
    if (activity->opens > 0) {
        row->open_learners++;
        row->reopen_learners += activity->last_open_ms - activity->first_open_ms > REOPEN_GAP_MS;
    }
    if (activity->active_ms > 0) {
        row->dwell_learners++;
        row->active_ms += activity->active_ms;
        row->over_learners += activity->active_ms > c->over_above_ms;
        if (activity->active_ms > row->greatest_active_ms)
            row->greatest_active_ms = activity->active_ms;
        column_add(&c->active_ms, activity->active_ms);
    }
    if (activity->last_ms <= c->query->to_ms - DROP_MS) {
        row->drop_base++;
        row->drop_learners += !bits_has(&c->later_ever, learner);
    }
}

static void count_group(struct figures_group *group, const struct activity *activity)
{
    group->learners++;
    group->opens += activity->opens;
    group->open_learners += activity->opens > 0;
    group->dwell_learners += activity->active_ms > 0;
}

static void meet_learner(uint32_t learner, const struct activity *activity, void *argument)
{
    struct computation *c = argument;
    bits_add(&c->here, learner);
    count_group(&c->groups[c->cohorts.group[learner]], activity);
    if (c->row && bits_has(&c->asked, learner))
        count_learner(c, learner, activity);
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

static void fill_rates(struct figures *row, struct column *visits)
{
    column_sort(visits);
    row->visits_median = visits->count ? stats_quantile(visits->values, visits->count, 0.5) : NAN;
    row->reopen_rate = share(row->reopen_learners, row->open_learners);
    row->favorite_rate = share(row->favorites, row->learners);
    row->completion = share(row->completed, row->learners);
    row->drop_off = share(row->drop_learners, row->drop_base);
    row->skip_rate = share(row->skip_learners, row->skip_base);
}

/* What no learner's activity tells: counts over sets, once the row is walked and before it joins the later ones. */
static enum status count_sets(struct computation *c, const struct figures_plan *plan, struct error *error)
{
    enum status status = marks_row(c->marks, plan->contents, plan->content_count, error);
    if (status)
        return status;
    const struct bits *favorite = marks_favorite(c->marks), *completed = marks_completed(c->marks);
    for (size_t i = 0; i < c->here.word_count; i++) {
        uint64_t asked_here = c->here.words[i] & c->asked.words[i];
        c->row->favorites += (uint64_t)__builtin_popcountll(asked_here & favorite->words[i]);
        c->row->completed += (uint64_t)__builtin_popcountll(asked_here & completed->words[i]);
    }
    c->row->skip_base = bits_count_both(&c->later, &c->asked);
    c->row->skip_learners = bits_count_both_without(&c->later, &c->asked, walk_ever(c->walk));
    return STATUS_OK;
}

static enum status sum_clipped(struct computation *c, const struct figures_plan *plan, uint64_t *sum_ms,
                               struct error *error)
{
    enum status status = STATUS_OK;
    for (uint32_t i = 0; !status && !c->query->without_clipped && i < plan->content_count; i++) {
        uint64_t clipped_ms = 0;
        status = cells_clipped_ms(c->cells, plan->contents[i], c->query->from_ms, c->query->to_ms, &clipped_ms, error);
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

static enum status fill_row(struct computation *c, const struct figures_plan *plan, struct error *error)
{
    enum status status = count_sets(c, plan, error);
    if (status)
        return status;
    fill_dwell(c->row, &c->active_ms);
    fill_expected(c->row, plan->expected_minutes);
    fill_rates(c->row, &c->visits);
    return STATUS_OK;
}

static enum status compute_row(struct computation *c, uint32_t index, struct error *error)
{
    const struct figures_plan *plan = &c->query->plans[index];
    c->row = plan->wanted ? &c->table->rows[index] : NULL;
    c->groups = &c->table->groups[(size_t)index * c->table->group_count];
    c->over_above_ms = over_above_ms(c->query, plan);
    c->active_ms.count = c->visits.count = 0;
    bits_clear(&c->here);
    walk_depth(c->walk, c->row ? WALK_ALL : WALK_COUNTS);
    struct walk_row row = {plan->contents, plan->content_count, c->query->level};
    enum status status = walk_row(c->walk, &row, meet_learner, c, error);
    if (!status && c->row)
        status = fill_row(c, plan, error);
    if (!status)
        status = sum_clipped(c, plan, &c->table->rows[index].clipped_ms, error);
    bits_join(&c->later, &c->here);
    bits_join(&c->later_ever, walk_ever(c->walk));
    return status;
}

static void find_asked(struct computation *c, uint32_t learner_count)
{
    bool everybody = !c->query->cohort;
    uint32_t group = everybody ? COHORTS_NO_GROUP : cohorts_find(&c->cohorts, c->query->cohort);
    for (uint32_t learner = 0; learner < learner_count; learner++) {
        uint32_t of_learner = c->cohorts.group[learner];
        if (of_learner != COHORTS_NO_GROUP && (everybody || of_learner == group))
            bits_add(&c->asked, learner);
    }
}

/* Rows that are not wanted stay without a figure but clipped_ms: zero counts, nothing to divide by. */
static void open_table(struct computation *c)
{
    struct figures_table *table = c->table;
    table->row_count = c->query->plan_count;
    table->group_count = c->cohorts.group_count;
    table->group_names = c->cohorts.names;
    c->cohorts.names = NULL;
    c->cohorts.group_count = 0;
    table->rows = mem_new(table->row_count, sizeof *table->rows);
    table->groups = mem_new((size_t)table->row_count * table->group_count, sizeof *table->groups);
    struct column none = {0};
    for (uint32_t i = 0; i < table->row_count; i++) {
        fill_dwell(&table->rows[i], &none);
        fill_expected(&table->rows[i], 0);
        fill_rates(&table->rows[i], &none);
    }
}

static enum status computation_open(struct computation *c, struct error *error)
{
    enum status status = cohorts_read(c->cells, c->query->to_ms, &c->cohorts, error);
    if (status)
        return status;
    uint32_t learner_count = cells_learner_count(c->cells);
    c->asked = bits_open(learner_count);
    c->here = bits_open(learner_count);
    c->later = bits_open(learner_count);
    c->later_ever = bits_open(learner_count);
    find_asked(c, learner_count);
    c->walk = walk_open(c->cells, WALK_FOR_REPORT);
    walk_period(c->walk, c->query->from_ms, c->query->to_ms);
    c->marks = marks_open(c->cells, c->query->to_ms);
    open_table(c);
    return STATUS_OK;
}

static void computation_close(struct computation *c)
{
    walk_close(c->walk);
    marks_close(c->marks);
    cohorts_close(&c->cohorts);
    bits_close(&c->asked);
    bits_close(&c->here);
    bits_close(&c->later);
    bits_close(&c->later_ever);
    column_close(&c->active_ms);
    column_close(&c->visits);
}

enum status figures_compute(const struct cells *cells, const struct figures_query *query, struct figures_table *table,
                            struct error *error)
{
    struct figures_table computed = {0};
    struct computation c = {.cells = cells, .query = query, .table = &computed};
    enum status status = computation_open(&c, error);
    for (uint32_t i = query->plan_count; !status && i-- > 0;)
        status = compute_row(&c, i, error);
    computation_close(&c);
    if (status)
        figures_table_close(&computed);
    else
        *table = computed;
    return status;
}

void figures_table_close(struct figures_table *table)
{
    for (uint32_t i = 0; i < table->group_count; i++)
        free(table->group_names[i]);
    free(table->group_names);
    free(table->groups);
    free(table->rows);
    *table = (struct figures_table){0};
}
