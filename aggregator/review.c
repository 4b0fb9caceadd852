#include "aggregator/review.h"

#include "aggregator/stats.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *name, *words;
} verdicts[REVIEW_VERDICT_COUNT] = {
#define X(name, json, what) {json, what},
    REVIEW_TABLE(X)
#undef X
};

/* The sentences, one table for one language. Every one ends with the learners it is about. */
enum reason {
    REASON_COVERAGE,
    REASON_OVER,
    REASON_RATIO,
    REASON_REOPEN,
    REASON_DROP_OFF,
    REASON_FAVORITE,
    REASON_PLANNED,
    REASON_MEDIAN,
    REASON_VISITS,
    REASON_SPREAD,
    REASON_SKIMMED,
    REASON_COUNT
};
static const char *const english[REASON_COUNT] = {
    [REASON_COVERAGE] = "active time was seen for %.0f %% only, less than %.0f %% (n = %.0f)",
    [REASON_OVER] = "%.0f %% took longer than %.4g times the planned %.4g min (95 %% interval from %.0f %%; n = %.0f)",
    [REASON_RATIO] = "half of them took longer than %.1f times the planned %.4g min (n = %.0f)",
    [REASON_REOPEN] = "%.0f %% came back to it after more than half an hour, in the top quarter of the rows (n = %.0f)",
    [REASON_DROP_OFF] = "%.0f %% of those who ended here went no further, in the top quarter of the rows (n = %.0f)",
    [REASON_FAVORITE] = "%.0f %% keep it as a favourite, in the top quarter of the rows (n = %.0f)",
    [REASON_PLANNED] = "%.4g min are planned, more than %.4g (n = %.0f)",
    [REASON_MEDIAN] = "half of them took longer than %.1f min, more than %.4g (n = %.0f)",
    [REASON_VISITS] = "half of them needed %.4g visits or more (n = %.0f)",
    [REASON_SPREAD] = "the slowest tenth took more than %.1f times the median (n = %.0f)",
    [REASON_SKIMMED] = "half of them spent less than %.2f of the planned %.4g min (n = %.0f)",
};

/* Figures whose top quarter counts. */
enum top {
    TOP_REOPEN,
    TOP_DROP_OFF,
    TOP_FAVORITE,
    TOP_COUNT
};
static const enum figure top_figures[TOP_COUNT] = {FIGURE_reopen_rate, FIGURE_drop_off, FIGURE_favorite_rate};

/* One row being judged. */
struct judging {
    const struct review_thresholds *thresholds;
    const struct review_row *row;
    bool top[TOP_COUNT];
    struct review_entry *entry;
};

const char *review_verdict_name(enum review_verdict verdict)
{
    return verdicts[verdict].name;
}

const char *review_verdict_words(enum review_verdict verdict)
{
    return verdicts[verdict].words;
}

static const struct visible_value *get(const struct review_row *row, enum figure figure)
{
    return &row->figures->value[figure];
}

static bool shown(const struct review_row *row, enum figure figure)
{
    return get(row, figure)->state == VISIBLE_SHOWN;
}

static double learners(const struct review_row *row)
{
    return get(row, FIGURE_learners)->value;
}

/* The least a figure can be for all that is seen of it; -1 where nothing is. */
static double least(const struct review_row *row, enum figure figure)
{
    const struct visible_value *value = get(row, figure);
    return value->state == VISIBLE_SHOWN || value->state == VISIBLE_AT_LEAST ? value->value : -1;
}

static double most(const struct review_row *row, enum figure figure)
{
    const struct visible_value *value = get(row, figure);
    return value->state == VISIBLE_SHOWN || value->state == VISIBLE_AT_MOST ? value->value : INFINITY;
}

/* over_expected_low; of a share that is only known to be at least 1 - (k - 1) / n, the interval that this would have.
 */
static double least_over_low(const struct review_row *row, uint64_t k)
{
    const struct visible_value *over = get(row, FIGURE_over_expected);
    if (shown(row, FIGURE_over_expected_low))
        return get(row, FIGURE_over_expected_low)->value;
    if (over->state != VISIBLE_AT_LEAST)
        return -1;
    uint64_t n = (uint64_t)llround((double)(k - 1) / (1 - over->value));
    double low, high;
    stats_wilson(n - (k - 1), n, &low, &high);
    return low;
}

static void say(const struct judging *j, enum reason reason, ...)
{
    struct review_entry *entry = j->entry;
    char text[256];
    va_list args;
    va_start(args, reason);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    vsnprintf(text, sizeof text, english[reason], args);
#pragma GCC diagnostic pop
    va_end(args);
    ensure(entry->reason_count < REVIEW_MAX_REASONS);
    entry->reasons[entry->reason_count++] = mem_text("%s", text);
}

static double percent(const struct review_row *row, enum figure figure)
{
    return 100 * get(row, figure)->value;
}

static bool is_insufficient(const struct judging *j)
{
    double limit = j->thresholds->min_coverage;
    if (!(most(j->row, FIGURE_dwell_coverage) < limit))
        return false;
    if (shown(j->row, FIGURE_dwell_coverage))
        say(j, REASON_COVERAGE, percent(j->row, FIGURE_dwell_coverage), 100 * limit, learners(j->row));
    return true;
}

static bool over_is_long(const struct judging *j)
{
    return least_over_low(j->row, j->thresholds->k) >= j->thresholds->long_share;
}

static bool ratio_is_long(const struct judging *j)
{
    return least(j->row, FIGURE_dwell_ratio) > j->thresholds->long_ratio;
}

static bool is_long(const struct judging *j)
{
    return over_is_long(j) || ratio_is_long(j);
}

static void say_long(const struct judging *j)
{
    const struct review_row *row = j->row;
    if (over_is_long(j) && shown(row, FIGURE_over_expected))
        say(j, REASON_OVER, percent(row, FIGURE_over_expected), j->thresholds->over_factor, row->expected_minutes,
            percent(row, FIGURE_over_expected_low), learners(row));
    if (ratio_is_long(j))
        say(j, REASON_RATIO, get(row, FIGURE_dwell_ratio)->value, row->expected_minutes, learners(row));
}

static void say_top(const struct judging *j, enum top top)
{
    static const enum reason reasons[TOP_COUNT] = {REASON_REOPEN, REASON_DROP_OFF, REASON_FAVORITE};
    if (j->top[top] && shown(j->row, top_figures[top]))
        say(j, reasons[top], percent(j->row, top_figures[top]), learners(j->row));
}

static bool is_clarify(const struct judging *j)
{
    if (!is_long(j) || !(j->top[TOP_REOPEN] || j->top[TOP_DROP_OFF]) || j->top[TOP_FAVORITE])
        return false;
    say_long(j);
    say_top(j, TOP_REOPEN);
    say_top(j, TOP_DROP_OFF);
    return true;
}

static double spread(const struct review_row *row)
{
    if (!shown(row, FIGURE_dwell_p90) || !shown(row, FIGURE_dwell_median))
        return -1;
    return get(row, FIGURE_dwell_p90)->value / get(row, FIGURE_dwell_median)->value;
}

static bool is_split(const struct judging *j)
{
    const struct review_row *row = j->row;
    const struct review_thresholds *t = j->thresholds;
    double median_minutes = least(row, FIGURE_dwell_median) / 60;
    bool planned = row->expected_minutes > t->split_minutes, taken = median_minutes > t->split_minutes;
    bool often = least(row, FIGURE_visits_median) >= t->split_visits;
    bool spread_out = spread(row) > t->split_spread && j->top[TOP_REOPEN];
    if (planned)
        say(j, REASON_PLANNED, row->expected_minutes, t->split_minutes, learners(row));
    if (taken)
        say(j, REASON_MEDIAN, median_minutes, t->split_minutes, learners(row));
    if (often)
        say(j, REASON_VISITS, get(row, FIGURE_visits_median)->value, learners(row));
    if (spread_out) {
        say(j, REASON_SPREAD, t->split_spread, learners(row));
        say_top(j, TOP_REOPEN);
    }
    return planned || taken || often || spread_out;
}

static bool is_interest(const struct judging *j)
{
    if (!is_long(j) || !j->top[TOP_FAVORITE] || j->top[TOP_DROP_OFF])
        return false;
    say_long(j);
    say_top(j, TOP_FAVORITE);
    return true;
}

static bool is_skimmed(const struct judging *j)
{
    if (!shown(j->row, FIGURE_dwell_ratio) || !(get(j->row, FIGURE_dwell_ratio)->value < j->thresholds->skimmed_ratio))
        return false;
    say(j, REASON_SKIMMED, j->thresholds->skimmed_ratio, j->row->expected_minutes, learners(j->row));
    return true;
}

/* The first that matches. Reasons are said only by the one that does: each says nothing where it does not match. */
static enum review_verdict judge(const struct judging *j)
{
    if (is_insufficient(j))
        return REVIEW_INSUFFICIENT;
    if (is_clarify(j))
        return REVIEW_CLARIFY;
    if (is_split(j))
        return REVIEW_SPLIT;
    if (is_interest(j))
        return REVIEW_INTEREST;
    return is_skimmed(j) ? REVIEW_SKIMMED : REVIEW_STEADY;
}

/* Value > 0 and rank <= floor(rows / 4) among the rows of the same program; rank 1 is the greatest, equals share one.
 */
static bool in_top_quarter(const struct review_row *rows, uint32_t row_count, uint32_t index, enum figure figure)
{
    double value = least(&rows[index], figure);
    uint32_t of_program = 0, greater = 0;
    for (uint32_t i = 0; i < row_count; i++) {
        bool same = strcmp(rows[i].program, rows[index].program) == 0;
        of_program += same;
        greater += same && least(&rows[i], figure) > value;
    }
    return value > 0 && greater + 1 <= of_program / 4;
}

static int by_rank(const void *left, const void *right)
{
    const struct review_entry *a = left, *b = right;
    if (a->verdict != b->verdict)
        return a->verdict < b->verdict ? -1 : 1;
    if (a->weight != b->weight)
        return a->weight > b->weight ? -1 : 1;
    return (a->row > b->row) - (a->row < b->row);
}

void review_open(const struct review_row *rows, uint32_t row_count, const struct review_thresholds *thresholds,
                 struct review *review)
{
    *review = (struct review){0, mem_new(row_count, sizeof *review->entries)};
    for (uint32_t i = 0; i < row_count; i++) {
        struct review_entry *entry = &review->entries[review->count];
        struct judging judging = {.thresholds = thresholds, .row = &rows[i], .entry = entry};
        *entry = (struct review_entry){.row = i};
        for (enum top top = 0; top < TOP_COUNT; top++)
            judging.top[top] = in_top_quarter(rows, row_count, i, top_figures[top]);
        entry->verdict = judge(&judging);
        entry->weight = fmax(0, least_over_low(&rows[i], thresholds->k)) * learners(&rows[i]);
        review->count += entry->verdict != REVIEW_STEADY;
    }
    qsort(review->entries, review->count, sizeof *review->entries, by_rank);
}

void review_close(struct review *review)
{
    for (uint32_t i = 0; i < review->count; i++)
        for (uint32_t r = 0; r < review->entries[i].reason_count; r++)
            free(review->entries[i].reasons[r]);
    free(review->entries);
    *review = (struct review){0};
}
