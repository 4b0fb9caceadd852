#include "tests/aggregator/oracle.h"

#include <math.h>
#include <stdlib.h>

#define HALF_HOUR_MS INT64_C(1800000)
#define FORTNIGHT_MS INT64_C(1209600000)
#define Z            1.959963984540054

/* Activity of one learner in one row within the period: opens are stretches of no length. */
struct stretch {
    int64_t start_ms, end_ms;
    uint32_t content;
    bool is_open;
};

struct doings {
    struct stretch *stretches;
    size_t count;
};

static bool covers(const struct figures_plan *plan, uint32_t content)
{
    for (uint32_t i = 0; i < plan->content_count; i++)
        if (plan->contents[i] == content)
            return true;
    return false;
}

static int64_t dwell_end(const struct history *history, const struct happening *event)
{
    return event->time_ms + (event->value < history->max_slice_ms ? event->value : history->max_slice_ms);
}

static bool has_open(const struct doings *doings, uint32_t content, int64_t time_ms)
{
    for (size_t i = 0; i < doings->count; i++)
        if (doings->stretches[i].is_open && doings->stretches[i].content == content &&
            doings->stretches[i].start_ms == time_ms)
            return true;
    return false;
}

static struct doings doings_of(const struct history *history, const struct figures_query *query,
                               const struct figures_plan *plan, uint32_t learner)
{
    struct doings doings = {mem_new(history->event_count, sizeof *doings.stretches), 0};
    for (size_t i = 0; i < history->event_count; i++) {
        const struct happening *event = &history->events[i];
        if (event->learner != learner || !covers(plan, event->content))
            continue;
        if (event->kind == KIND_OPEN && event->time_ms >= query->from_ms && event->time_ms < query->to_ms &&
            !has_open(&doings, event->content, event->time_ms))
            doings.stretches[doings.count++] = (struct stretch){event->time_ms, event->time_ms, event->content, true};
        if (event->kind != KIND_DWELL)
            continue;
        int64_t start_ms = event->time_ms < query->from_ms ? query->from_ms : event->time_ms;
        int64_t end_ms = dwell_end(history, event) > query->to_ms ? query->to_ms : dwell_end(history, event);
        if (start_ms < end_ms)
            doings.stretches[doings.count++] = (struct stretch){start_ms, end_ms, event->content, false};
    }
    return doings;
}

static uint64_t opens_of(const struct doings *doings)
{
    uint64_t opens = 0;
    for (size_t i = 0; i < doings->count; i++)
        opens += doings->stretches[i].is_open;
    return opens;
}

/* The union of the intervals: from each interval's start up to the next start or end that lies in no other... counted
 * as elementary pieces: between two neighbouring bounds, everything or nothing is covered. */
static uint64_t active_ms_of(const struct doings *doings)
{
    uint64_t active_ms = 0;
    for (size_t i = 0; i < 2 * doings->count; i++) {
        const struct stretch *at = &doings->stretches[i / 2];
        int64_t bound_ms = i % 2 ? at->end_ms : at->start_ms;
        int64_t next_ms = INT64_MAX;
        bool seen = false, covered = false;
        for (size_t j = 0; j < 2 * doings->count; j++) {
            const struct stretch *other = &doings->stretches[j / 2];
            int64_t other_ms = j % 2 ? other->end_ms : other->start_ms;
            seen |= j < i && other_ms == bound_ms;
            if (other_ms > bound_ms && other_ms < next_ms)
                next_ms = other_ms;
            covered |= !other->is_open && other->start_ms <= bound_ms && bound_ms < other->end_ms;
        }
        if (!seen && covered)
            active_ms += (uint64_t)(next_ms - bound_ms);
    }
    return active_ms;
}

/* Visits are what remains when stretches at most 30 minutes apart are tied together. */
static uint64_t visits_of(const struct doings *doings)
{
    size_t *visit = mem_new(doings->count, sizeof *visit);
    for (size_t i = 0; i < doings->count; i++)
        visit[i] = i;
    for (bool changed = true; changed;) {
        changed = false;
        for (size_t i = 0; i < doings->count; i++)
            for (size_t j = 0; j < doings->count; j++) {
                int64_t gap_ms = doings->stretches[j].start_ms - doings->stretches[i].end_ms;
                int64_t back_ms = doings->stretches[i].start_ms - doings->stretches[j].end_ms;
                bool together = gap_ms <= HALF_HOUR_MS && back_ms <= HALF_HOUR_MS;
                if (!together || visit[i] >= visit[j])
                    continue;
                visit[j] = visit[i];
                changed = true;
            }
    }
    uint64_t visits = 0;
    for (size_t i = 0; i < doings->count; i++)
        visits += visit[i] == i;
    free(visit);
    return visits;
}

static bool reopened(const struct doings *doings)
{
    for (size_t i = 0; i < doings->count; i++)
        for (size_t j = 0; j < doings->count; j++)
            if (doings->stretches[i].is_open && doings->stretches[j].is_open &&
                doings->stretches[j].start_ms - doings->stretches[i].start_ms > HALF_HOUR_MS)
                return true;
    return false;
}

static int64_t end_of(const struct doings *doings)
{
    int64_t end_ms = INT64_MIN;
    for (size_t i = 0; i < doings->count; i++)
        if (doings->stretches[i].end_ms > end_ms)
            end_ms = doings->stretches[i].end_ms;
    return end_ms;
}

static bool active_before(const struct history *history, const struct figures_plan *plan, uint32_t learner,
                          int64_t before_ms)
{
    for (size_t i = 0; i < history->event_count; i++) {
        const struct happening *event = &history->events[i];
        bool activity = event->kind == KIND_OPEN || event->kind == KIND_DWELL;
        if (activity && event->learner == learner && covers(plan, event->content) && event->time_ms < before_ms)
            return true;
    }
    return false;
}

static bool active_in_period(const struct history *history, const struct figures_query *query,
                             const struct figures_plan *plan, uint32_t learner)
{
    struct doings doings = doings_of(history, query, plan, learner);
    free(doings.stretches);
    return doings.count > 0;
}

static bool loves_path(const struct history *history, uint32_t content, uint32_t learner, int64_t before_ms)
{
    int64_t latest_ms = INT64_MIN;
    bool loved = false;
    for (size_t i = 0; i < history->event_count; i++) {
        const struct happening *event = &history->events[i];
        if (event->learner != learner || event->content != content || event->time_ms >= before_ms)
            continue;
        if (event->kind == KIND_FAVORITE && event->time_ms >= latest_ms)
            loved = true;
        else if (event->kind == KIND_UNFAVORITE && event->time_ms > latest_ms)
            loved = false;
        else
            continue;
        latest_ms = event->time_ms;
    }
    return loved;
}

static bool loves(const struct history *history, const struct figures_plan *plan, uint32_t learner, int64_t before_ms)
{
    for (uint32_t i = 0; i < plan->content_count; i++)
        if (loves_path(history, plan->contents[i], learner, before_ms))
            return true;
    return false;
}

static bool completed(const struct history *history, const struct figures_plan *plan, uint32_t learner,
                      int64_t before_ms)
{
    uint32_t greatest = 0;
    for (size_t i = 0; i < history->event_count; i++) {
        const struct happening *event = &history->events[i];
        if (event->kind == KIND_PROGRESS && event->learner == learner && covers(plan, event->content) &&
            event->time_ms < before_ms && event->value > greatest)
            greatest = event->value;
    }
    return greatest == 100;
}

static const char *cohort_of(const struct history *history, uint32_t learner, int64_t before_ms)
{
    const struct happening *latest = NULL;
    for (size_t i = 0; i < history->event_count; i++) {
        const struct happening *event = &history->events[i];
        if (event->kind != KIND_COHORT || event->learner != learner || event->time_ms >= before_ms)
            continue;
        if (!latest || event->time_ms > latest->time_ms ||
            (event->time_ms == latest->time_ms && strcmp(event->cohort, latest->cohort) > 0))
            latest = event;
    }
    return latest ? latest->cohort : "-";
}

static bool asked(const struct history *history, const struct figures_query *query, uint32_t learner)
{
    return !history->restricted[learner] &&
           (!query->cohort || strcmp(query->cohort, cohort_of(history, learner, query->to_ms)) == 0);
}

/* Once per (learner, path, time), from the longest slice. */
static uint64_t clipped_ms_of(const struct history *history, const struct figures_query *query,
                              const struct figures_plan *plan)
{
    uint64_t clipped_ms = 0;
    for (size_t i = 0; i < history->event_count; i++) {
        const struct happening *event = &history->events[i];
        bool counts = event->kind == KIND_DWELL && covers(plan, event->content) && event->time_ms >= query->from_ms &&
                      event->time_ms < query->to_ms && !history->restricted[event->learner] &&
                      event->value > history->max_slice_ms;
        for (size_t j = 0; counts && j < history->event_count; j++) {
            const struct happening *other = &history->events[j];
            if (other->kind == KIND_DWELL && other->learner == event->learner && other->content == event->content &&
                other->time_ms == event->time_ms)
                counts = other->value < event->value || (other->value == event->value && j >= i);
        }
        if (counts)
            clipped_ms += event->value - history->max_slice_ms;
    }
    return clipped_ms;
}

static int compare_u64(const void *a, const void *b)
{
    uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;
    return left < right ? -1 : left > right;
}

/* Type 7 by its definition in Hyndman & Fan: p(k) = (k - 1) / (n - 1) for the k-th smallest, linear in between. */
static double quantile(const uint64_t *sorted, size_t n, double q)
{
    if (n == 0)
        return NAN;
    for (size_t k = 1; k < n; k++) {
        double left = (double)(k - 1) / (double)(n - 1), right = (double)k / (double)(n - 1);
        if (q <= right)
            return (double)sorted[k - 1] + (q - left) / (right - left) * ((double)sorted[k] - (double)sorted[k - 1]);
    }
    return (double)sorted[n - 1];
}

/* n <= 60: 2^n and the binomial coefficients are whole numbers. */
static uint64_t median_rank(uint64_t n)
{
    unsigned __int128 sum = 0, coefficient = 1;
    uint64_t j = 0;
    for (;; j++) {
        sum += coefficient; /* of P(X < j + 1) */
        if (sum * 40 > (unsigned __int128)1 << n)
            return j;
        coefficient = coefficient * (n - j) / (j + 1);
    }
}

static double ratio(double part, double whole)
{
    return whole > 0 ? part / whole : NAN;
}

static void fill_dwell(struct figures *row, uint64_t *active_ms)
{
    size_t n = row->dwell_learners;
    qsort(active_ms, n, sizeof *active_ms, compare_u64);
    row->dwell_p25 = quantile(active_ms, n, 0.25) / 1000;
    row->dwell_median = quantile(active_ms, n, 0.5) / 1000;
    row->dwell_p75 = quantile(active_ms, n, 0.75) / 1000;
    row->dwell_p90 = quantile(active_ms, n, 0.9) / 1000;
    uint64_t j = median_rank(n);
    row->dwell_median_low = j ? (double)active_ms[j - 1] / 1000 : NAN;
    row->dwell_median_high = j ? (double)active_ms[n - j] / 1000 : NAN;
    double kept_ms = 0;
    for (size_t i = n / 10; i < n - n / 10; i++)
        kept_ms += (double)active_ms[i];
    row->dwell_mean = ratio((double)row->active_ms, (double)n) / 1000;
    row->dwell_trimmed_mean = ratio(kept_ms, (double)(n - 2 * (n / 10))) / 1000;
    row->dwell_total_h = (double)row->active_ms / 1000 / 3600;
}

static void fill_expected(struct figures *row, const struct figures_plan *plan)
{
    double n = (double)row->dwell_learners, s = (double)row->over_learners;
    bool defined = plan->expected_minutes > 0 && n > 0;
    double root = defined ? Z * sqrt(s * (n - s) / n + Z * Z / 4) : NAN;
    row->over_expected = defined ? s / n : NAN;
    row->over_expected_low = defined ? (s + Z * Z / 2 - root) / (n + Z * Z) : NAN;
    row->over_expected_high = defined ? (s + Z * Z / 2 + root) / (n + Z * Z) : NAN;
    row->dwell_ratio = defined ? row->dwell_median / 60 / plan->expected_minutes : NAN;
}

static void fill_row(struct figures *row, const struct figures_plan *plan, uint64_t *active_ms, uint64_t *visits)
{
    qsort(visits, row->learners, sizeof *visits, compare_u64);
    fill_dwell(row, active_ms);
    fill_expected(row, plan);
    row->visits_median = quantile(visits, row->learners, 0.5);
    row->dwell_coverage = ratio((double)row->dwell_learners, (double)row->learners);
    row->reopen_rate = ratio((double)row->reopen_learners, (double)row->open_learners);
    row->favorite_rate = ratio((double)row->favorites, (double)row->learners);
    row->completion = ratio((double)row->completed, (double)row->learners);
    row->drop_off = ratio((double)row->drop_learners, (double)row->drop_base);
    row->skip_rate = ratio((double)row->skip_learners, (double)row->skip_base);
}

static bool over(const struct figures_query *query, const struct figures_plan *plan, uint64_t active_ms)
{
    /* expected minutes are whole tenths, over_factor whole tenths: hundredths of a minute are 600 ms */
    int64_t hundredths = llround(query->over_factor * 10) * llround(plan->expected_minutes * 10);
    return hundredths > 0 && (int64_t)active_ms > hundredths * 600;
}

static void count_doings(struct figures *row, const struct doings *doings, uint64_t active_ms)
{
    row->learners++;
    row->opens += opens_of(doings);
    row->open_learners += opens_of(doings) > 0;
    row->reopen_learners += reopened(doings);
    row->dwell_learners += active_ms > 0;
    row->active_ms += active_ms;
    if (active_ms > row->greatest_active_ms)
        row->greatest_active_ms = active_ms;
}

struct question {
    const struct history *history;
    const struct figures_query *query;
    struct figures_table *table;
    uint32_t row;
};

/* In any later row: before `to`, and in the period. */
static void look_later(const struct question *q, uint32_t learner, bool *ever, bool *period)
{
    *ever = *period = false;
    for (uint32_t later = q->row + 1; later < q->query->plan_count; later++) {
        *ever |= active_before(q->history, &q->query->plans[later], learner, q->query->to_ms);
        *period |= active_in_period(q->history, q->query, &q->query->plans[later], learner);
    }
}

static void count_group(const struct question *q, const struct doings *doings, uint32_t learner, uint64_t active_ms)
{
    const char *cohort = cohort_of(q->history, learner, q->query->to_ms);
    for (uint32_t i = 0; i < q->table->group_count; i++) {
        struct figures_group *group = &q->table->groups[q->row * q->table->group_count + i];
        if (strcmp(q->table->group_names[i], cohort) != 0)
            continue;
        group->learners++;
        group->opens += opens_of(doings);
        group->open_learners += opens_of(doings) > 0;
        group->dwell_learners += active_ms > 0;
    }
}

static void count_learner(const struct question *q, uint32_t learner, uint64_t *dwell, uint64_t *visits)
{
    const struct figures_plan *plan = &q->query->plans[q->row];
    struct figures *row = &q->table->rows[q->row];
    struct doings doings = doings_of(q->history, q->query, plan, learner);
    uint64_t active_ms = active_ms_of(&doings);
    bool later_ever, later_period;
    look_later(q, learner, &later_ever, &later_period);
    if (doings.count > 0)
        count_group(q, &doings, learner, active_ms);
    if (asked(q->history, q->query, learner)) {
        row->skip_base += later_period;
        row->skip_learners += later_period && !active_before(q->history, plan, learner, q->query->to_ms);
        if (doings.count > 0) {
            if (active_ms > 0)
                dwell[row->dwell_learners] = active_ms;
            visits[row->learners] = visits_of(&doings);
            row->over_learners += over(q->query, plan, active_ms);
            row->favorites += loves(q->history, plan, learner, q->query->to_ms);
            row->completed += completed(q->history, plan, learner, q->query->to_ms);
            bool left = end_of(&doings) <= q->query->to_ms - FORTNIGHT_MS;
            row->drop_base += left;
            row->drop_learners += left && !later_ever;
            count_doings(row, &doings, active_ms);
        }
    }
    free(doings.stretches);
}

/* "-" and the state of everybody who is not restricted, in byte order. */
static void name_groups(const struct history *history, const struct figures_query *query, struct figures_table *table)
{
    table->group_names = mem_new((size_t)history->learner_count + 1, sizeof *table->group_names);
    table->group_names[table->group_count++] = mem_text("-");
    for (;;) {
        const char *least = NULL, *last = table->group_names[table->group_count - 1];
        for (uint32_t learner = 0; learner < history->learner_count; learner++) {
            const char *cohort = cohort_of(history, learner, query->to_ms);
            bool follows = table->group_count == 1 || strcmp(cohort, last) > 0;
            if (!history->restricted[learner] && strcmp(cohort, "-") != 0 && follows &&
                (!least || strcmp(cohort, least) < 0))
                least = cohort;
        }
        if (!least)
            return;
        table->group_names[table->group_count++] = mem_text("%s", least);
    }
}

struct figures_table oracle_figures(const struct history *history, const struct figures_query *query)
{
    struct figures_table table = {.row_count = query->plan_count};
    name_groups(history, query, &table);
    table.rows = mem_new(table.row_count, sizeof *table.rows);
    table.groups = mem_new((size_t)table.row_count * table.group_count, sizeof *table.groups);
    uint64_t *dwell = mem_new(history->learner_count, sizeof *dwell);
    uint64_t *visits = mem_new(history->learner_count, sizeof *visits);
    for (uint32_t row = 0; row < table.row_count; row++) {
        struct question question = {history, query, &table, row};
        const struct figures_plan *plan = &query->plans[row];
        for (uint32_t learner = 0; learner < history->learner_count; learner++)
            if (!history->restricted[learner])
                count_learner(&question, learner, dwell, visits);
        if (!plan->wanted)
            table.rows[row] = (struct figures){0};
        if (!query->without_clipped)
            table.rows[row].clipped_ms = clipped_ms_of(history, query, plan);
        fill_row(&table.rows[row], plan, dwell, visits);
    }
    free(dwell);
    free(visits);
    return table;
}
