#include "aggregator/scope.h"

#include <stdlib.h>

static bool is_wanted(const struct scope *scope, enum period_use use, const struct rows *rows, const struct row *row)
{
    if (rows != scope_rows(scope))
        return false;
    return use != PERIOD_WINDOW || (row->line && row->line->revised_count > 0);
}

static struct figures_plan *plans_open(const struct scope *scope, enum period_use use, const struct rows *rows)
{
    struct figures_plan *plans = mem_new(rows->count, sizeof *plans);
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->rows[i];
        plans[i] = (struct figures_plan){row->content, row->contents, row->content_count, row->expected_minutes,
                                         is_wanted(scope, use, rows, row)};
    }
    return plans;
}

/* Every row of a level has the row of its first segments above it: paths have no gaps. */
static void link_rows(struct scope *scope, uint32_t level)
{
    const struct rows *rows = &scope->rows[level];
    for (uint32_t i = 0; i < rows->count; i++) {
        struct slice content = slice_of_text(rows->rows[i].content);
        uint32_t parent = SUPPRESS_NO_PARENT;
        if (level > 0)
            parent = scope->row_start[level - 1] +
                     rows_find(&scope->rows[level - 1], rows_prefix(content, (enum level)level));
        scope->suppress_rows[scope->row_start[level] + i] = (struct suppress_row){rows->rows[i].content, level, parent};
    }
}

void scope_open(struct scope *scope, const struct curriculum *curriculum, enum level level)
{
    scope->cells = crew_cells(scope->crew);
    uint32_t path_count = cells_content_count(scope->cells), row_count = 0;
    const char **paths = mem_new(path_count, sizeof *paths);
    for (uint32_t i = 0; i < path_count; i++)
        paths[i] = cells_content_seen(scope->cells, i) ? cells_content_path(scope->cells, i) : NULL;
    scope->level_count = (uint32_t)level;
    for (uint32_t i = 0; i < scope->level_count; i++) {
        rows_open(paths, path_count, curriculum, (enum level)(i + 1), &scope->rows[i]);
        scope->row_start[i] = row_count;
        row_count += scope->rows[i].count;
    }
    scope->row_start[scope->level_count] = row_count;
    scope->suppress_rows = mem_new(row_count, sizeof *scope->suppress_rows);
    for (uint32_t i = 0; i < scope->level_count; i++)
        link_rows(scope, i);
    free(paths);
}

void scope_close(struct scope *scope)
{
    for (uint32_t i = 0; i < scope->level_count; i++)
        rows_close(&scope->rows[i]);
    free(scope->suppress_rows);
}

static enum status compute_tables(struct period *period, enum period_use use, struct error *error)
{
    const struct scope *scope = period->scope;
    enum status status = STATUS_OK;
    for (uint32_t i = 0; !status && i < scope->level_count; i++) {
        struct figures_plan *plans = plans_open(scope, use, &scope->rows[i]);
        struct figures_query query = {.from_ms = period->from_ms,
                                      .to_ms = period->to_ms,
                                      .cohort = scope->cohort,
                                      .over_factor = scope->over_factor,
                                      .plans = plans,
                                      .plan_count = scope->rows[i].count,
                                      .level = (uint32_t)scope->rows[i].level,
                                      .without_clipped = use != PERIOD_NOW};
        status = figures_compute(scope->crew, &query, &period->tables[i], error);
        free(plans);
    }
    return status;
}

/* Cohorts are those at `to`, so every level has the same. */
static void name_columns(struct period *period)
{
    const struct figures_table *table = &period->tables[0];
    const char *cohort = period->scope->cohort;
    uint32_t column_count = table->group_count + 1;
    period->column_names = mem_new(column_count, sizeof *period->column_names);
    period->column = cohort ? column_count : SUPPRESS_EVERYBODY;
    for (uint32_t group = 0; group < table->group_count; group++) {
        period->column_names[group + 1] = table->group_names[group];
        if (cohort && strcmp(table->group_names[group], cohort) == 0)
            period->column = group + 1;
    }
}

static void add_counts(struct suppress_cell *cell, const struct figures_group *group)
{
    cell->learners += group->learners;
    cell->opens += group->opens;
    cell->open_learners += group->open_learners;
    cell->dwell_learners += group->dwell_learners;
}

static void fill_cells(struct suppress_table *hidden, const struct figures_table *table, uint32_t row_start)
{
    for (uint32_t row = 0; row < table->row_count; row++) {
        for (uint32_t group = 0; group < table->group_count; group++) {
            const struct figures_group *counts = &table->groups[(size_t)row * table->group_count + group];
            add_counts(suppress_cell(hidden, row_start + row, SUPPRESS_EVERYBODY), counts);
            add_counts(suppress_cell(hidden, row_start + row, group + 1), counts);
        }
    }
}

static void decide(struct period *period)
{
    const struct scope *scope = period->scope;
    struct suppress_table *hidden = &period->hidden;
    *hidden = (struct suppress_table){
        .k = scope->k,
        .level_count = scope->level_count,
        .row_count = scope->row_start[scope->level_count],
        .column_count = period->tables[0].group_count + 1,
        .rows = scope->suppress_rows,
        .column_names = period->column_names,
    };
    hidden->cells = mem_new((size_t)hidden->row_count * hidden->column_count, sizeof *hidden->cells);
    for (uint32_t i = 0; i < scope->level_count; i++)
        fill_cells(hidden, &period->tables[i], scope->row_start[i]);
    suppress_primary(hidden);
    suppress_complement(hidden);
}

enum status period_open(const struct scope *scope, enum period_use use, int64_t from_ms, int64_t to_ms,
                        struct period *period, struct error *error)
{
    struct period opened = {.scope = scope, .from_ms = from_ms, .to_ms = to_ms};
    enum status status = compute_tables(&opened, use, error);
    if (status) {
        period_close(&opened);
        return status;
    }
    name_columns(&opened);
    decide(&opened);
    *period = opened;
    return STATUS_OK;
}

void period_close(struct period *period)
{
    for (uint32_t i = 0; i < SUPPRESS_MAX_LEVELS; i++)
        figures_table_close(&period->tables[i]);
    free(period->column_names);
    free(period->hidden.cells);
    *period = (struct period){0};
}

const struct figures *period_figures(const struct period *period, uint32_t row)
{
    return &period->tables[period->scope->level_count - 1].rows[row];
}

struct visibility_case period_rules(const struct period *period, uint32_t row)
{
    const struct scope *scope = period->scope;
    struct visibility_case rules = {scope->k, scope_rows(scope)->rows[row].expected_minutes, 0};
    if (period->column < period->hidden.column_count)
        rules.hidden =
            suppress_cell(&period->hidden, scope->row_start[scope->level_count - 1] + row, period->column)->hidden;
    return rules;
}
