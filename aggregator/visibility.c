#include "aggregator/visibility.h"

#include "aggregator/stats.h"
#include "aggregator/suppress.h"

#include <math.h>

static const struct {
    const char *name;
    bool whole, previous;
} table[FIGURE_COUNT] = {
#define X(name, whole, previous) {#name, whole, previous},
    FIGURE_TABLE(X)
#undef X
};

const char *figure_name(enum figure figure)
{
    return table[figure].name;
}

bool figure_is_whole(enum figure figure)
{
    return table[figure].whole;
}

bool figure_has_previous(enum figure figure)
{
    return table[figure].previous;
}

static const struct visible_value none = {VISIBLE_NONE, 0}, withheld = {VISIBLE_WITHHELD, 0};

static struct visible_value show(double value)
{
    return isnan(value) ? none : (struct visible_value){VISIBLE_SHOWN, value};
}

static struct visible_value show_if(bool allowed, double value)
{
    return allowed || isnan(value) ? show(value) : withheld;
}

static struct visible_value show_share(uint64_t part, uint64_t whole, uint64_t k, double value)
{
    if (whole == 0 || isnan(value))
        return none;
    if (whole < k)
        return withheld;
    double bound = (double)(k - 1) / (double)whole;
    if (part < k)
        return (struct visible_value){VISIBLE_AT_MOST, bound};
    if (whole - part < k)
        return (struct visible_value){VISIBLE_AT_LEAST, 1 - bound};
    return show(value);
}

/* n min(q, 1 - q) >= k in whole numbers; tail_percent is 100 min(q, 1 - q). */
static bool quantile_allowed(uint64_t n, uint64_t tail_percent, uint64_t k)
{
    return n * tail_percent >= 100 * k;
}

static void apply_quantiles(const struct figures *f, uint64_t k, struct visible_value *v)
{
    uint64_t n = f->dwell_learners;
    bool quarter = quantile_allowed(n, 25, k), half = quantile_allowed(n, 50, k), tenth = quantile_allowed(n, 10, k);
    bool interval = half && stats_median_rank(n) >= k;
    v[FIGURE_dwell_p25] = show_if(quarter, f->dwell_p25);
    v[FIGURE_dwell_median] = show_if(half, f->dwell_median);
    v[FIGURE_dwell_p75] = show_if(quarter, f->dwell_p75);
    v[FIGURE_dwell_p90] = show_if(tenth, f->dwell_p90);
    v[FIGURE_dwell_median_low] = show_if(interval, f->dwell_median_low);
    v[FIGURE_dwell_median_high] = show_if(interval, f->dwell_median_high);
    v[FIGURE_dwell_ratio] = show_if(half, f->dwell_ratio);
}

static void apply_dwell(const struct figures *f, uint64_t k, struct visible_value *v)
{
    v[FIGURE_dwell_coverage] = show_share(f->dwell_learners, f->learners, k, f->dwell_coverage);
    bool counted = v[FIGURE_dwell_coverage].state == VISIBLE_SHOWN;
    bool dominated = f->greatest_active_ms > f->active_ms - f->greatest_active_ms;
    v[FIGURE_dwell_learners] = show_if(counted, (double)f->dwell_learners);
    v[FIGURE_dwell_mean] = show_if(counted && !dominated, f->dwell_mean);
    v[FIGURE_dwell_trimmed_mean] = show_if(!dominated, f->dwell_trimmed_mean);
    v[FIGURE_dwell_total_h] = show_if(!dominated, f->dwell_total_h);
    apply_quantiles(f, k, v);
    v[FIGURE_over_expected] = show_share(f->over_learners, f->dwell_learners, k, f->over_expected);
    bool exact = v[FIGURE_over_expected].state == VISIBLE_SHOWN;
    v[FIGURE_over_expected_low] = show_if(exact, f->over_expected_low);
    v[FIGURE_over_expected_high] = show_if(exact, f->over_expected_high);
}

/* Too few learners with active time: no plan still shows as nothing to compare with, which the curriculum file tells.
 */
static void withhold_dwell(uint64_t learners, uint64_t k, bool planned, struct visible_value *v)
{
    static const enum figure of_dwell[] = {FIGURE_dwell_learners,    FIGURE_dwell_p25,  FIGURE_dwell_median,
                                           FIGURE_dwell_p75,         FIGURE_dwell_p90,  FIGURE_dwell_median_low,
                                           FIGURE_dwell_median_high, FIGURE_dwell_mean, FIGURE_dwell_trimmed_mean,
                                           FIGURE_dwell_total_h};
    static const enum figure of_plan[] = {FIGURE_over_expected, FIGURE_over_expected_low, FIGURE_over_expected_high,
                                          FIGURE_dwell_ratio};
    for (size_t i = 0; i < ARRAY_COUNT(of_dwell); i++)
        v[of_dwell[i]] = withheld;
    for (size_t i = 0; i < ARRAY_COUNT(of_plan); i++)
        v[of_plan[i]] = planned ? withheld : none;
    v[FIGURE_dwell_coverage] = (struct visible_value){VISIBLE_AT_MOST, (double)(k - 1) / (double)learners};
}

static void apply_rates(const struct figures *f, uint8_t hidden, uint64_t k, struct visible_value *v)
{
    v[FIGURE_opens] = show_if(!(hidden & HIDDEN_OPENS), (double)f->opens);
    v[FIGURE_reopen_rate] = show_share(f->reopen_learners, f->open_learners, k, f->reopen_rate);
    v[FIGURE_visits_median] = show_if(quantile_allowed(f->learners, 50, k), f->visits_median);
    v[FIGURE_favorite_rate] = show_share(f->favorites, f->learners, k, f->favorite_rate);
    v[FIGURE_favorites] = show_if(v[FIGURE_favorite_rate].state == VISIBLE_SHOWN, (double)f->favorites);
    v[FIGURE_completion] = show_share(f->completed, f->learners, k, f->completion);
    v[FIGURE_drop_off] = show_share(f->drop_learners, f->drop_base, k, f->drop_off);
    v[FIGURE_skip_rate] = show_share(f->skip_learners, f->skip_base, k, f->skip_rate);
}

/* Nobody was active: the row is not there, and nothing is hidden about that. */
static void apply_nobody(struct visible_value *v)
{
    for (enum figure figure = 0; figure < FIGURE_COUNT; figure++)
        v[figure] = figure_is_whole(figure) || figure == FIGURE_dwell_total_h ? show(0) : none;
}

static void withhold_all(struct visible_value *v)
{
    for (enum figure figure = 0; figure < FIGURE_COUNT; figure++)
        v[figure] = withheld;
}

void visibility_apply(const struct figures *figures, const struct visibility_case *rules,
                      struct visible_figures *visible)
{
    struct visible_value *v = visible->value;
    if (figures->learners == 0) {
        apply_nobody(v);
        return;
    }
    if (figures->learners < rules->k || (rules->hidden & HIDDEN_ROW)) {
        withhold_all(v);
        return;
    }
    v[FIGURE_learners] = show((double)figures->learners);
    apply_rates(figures, rules->hidden, rules->k, v);
    if (figures->dwell_learners < rules->k)
        withhold_dwell(figures->learners, rules->k, rules->expected_minutes > 0, v);
    else
        apply_dwell(figures, rules->k, v);
}

static bool is_bounded(const struct visible_value *value)
{
    return value->state == VISIBLE_AT_MOST || value->state == VISIBLE_AT_LEAST;
}

void visibility_apply_previous(const struct figures *before, const struct visibility_case *rules,
                               const struct visible_figures *now, struct visible_figures *previous)
{
    struct visible_figures all;
    visibility_apply(before, rules, &all);
    for (enum figure figure = 0; figure < FIGURE_COUNT; figure++) {
        if (!figure_has_previous(figure))
            previous->value[figure] = none;
        else
            previous->value[figure] = is_bounded(&now->value[figure]) ? withheld : all.value[figure];
    }
}
