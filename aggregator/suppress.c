#include "aggregator/suppress.h"

#include "aggregator/suppress_tree.h"

#include <stdlib.h>

static uint8_t too_small(const struct suppress_cell *cell, uint64_t k)
{
    if (cell->learners == 0)
        return 0;
    if (cell->learners < k)
        return HIDDEN_ALL;
    uint8_t opens = cell->open_learners > 0 && cell->open_learners < k ? HIDDEN_OPENS : 0;
    uint8_t dwell = cell->dwell_learners < k ? HIDDEN_DWELL : 0;
    return opens | dwell;
}

void suppress_primary(struct suppress_table *table)
{
    size_t cell_count = (size_t)table->row_count * table->column_count;
    for (size_t i = 0; i < cell_count; i++)
        table->cells[i].hidden = too_small(&table->cells[i], table->k);
}

static void hide(const struct suppress_table *table, uint32_t row, uint32_t column)
{
    struct suppress_cell *cell = suppress_cell(table, row, column);
    if (cell->learners > 0)
        cell->hidden = HIDDEN_ALL;
}

static void hide_everywhere(const struct suppress_table *table, uint32_t row)
{
    for (uint32_t column = 0; column < table->column_count; column++)
        hide(table, row, column);
}

void suppress_tree_hide(const struct suppress_tree *tree, uint32_t index, uint32_t column)
{
    if (column == SUPPRESS_EVERYBODY)
        hide_everywhere(tree->table, tree->rows[index]);
    else
        hide(tree->table, tree->rows[index], column);
}

/* Children of a hidden row are hidden in the same column. */
static void inherit(const struct suppress_table *table, uint32_t level)
{
    for (uint32_t row = 0; row < table->row_count; row++) {
        if (table->rows[row].level != level || level == 0)
            continue;
        for (uint32_t column = 0; column < table->column_count; column++)
            if (suppress_cell(table, table->rows[row].parent, column)->hidden & HIDDEN_ROW)
                suppress_tree_hide(&(struct suppress_tree){.table = table, .rows = &row}, 0, column);
    }
}

struct named {
    const char *name;
    uint32_t module, level, index;
};

static int by_module_level_name(const void *left, const void *right)
{
    const struct named *a = left, *b = right;
    if (a->module != b->module)
        return a->module < b->module ? -1 : 1;
    if (a->level != b->level)
        return a->level < b->level ? -1 : 1;
    return strcmp(a->name, b->name);
}

static uint32_t module_of(const struct suppress_table *table, uint32_t row)
{
    while (table->rows[row].parent != SUPPRESS_NO_PARENT)
        row = table->rows[row].parent;
    return row;
}

/* Table indices sorted by module, level and name. */
static uint32_t *sorted_rows(const struct suppress_table *table)
{
    struct named *named = mem_new(table->row_count, sizeof *named);
    for (uint32_t row = 0; row < table->row_count; row++)
        named[row] = (struct named){table->rows[row].content, module_of(table, row), table->rows[row].level, row};
    qsort(named, table->row_count, sizeof *named, by_module_level_name);
    uint32_t *rows = mem_new(table->row_count, sizeof *rows);
    for (uint32_t i = 0; i < table->row_count; i++)
        rows[i] = named[i].index;
    free(named);
    return rows;
}

static uint32_t *sorted_columns(const struct suppress_table *table)
{
    struct named *named = mem_new(table->column_count, sizeof *named);
    for (uint32_t column = 0; column < table->column_count; column++)
        named[column] = (struct named){column ? table->column_names[column] : "", 0, column > 0, column};
    qsort(named, table->column_count, sizeof *named, by_module_level_name);
    uint32_t *columns = mem_new(table->column_count, sizeof *columns);
    for (uint32_t i = 0; i < table->column_count; i++)
        columns[i] = named[i].index;
    free(named);
    return columns;
}

/* Each audit may hide rows that are small in the other's count; hiding only widens ranges, so this ends. */
static void settle(const struct suppress_tree *tree)
{
    bool hid;
    do {
        hid = suppress_learners(tree);
        hid |= suppress_opens(tree);
    } while (hid);
}

/* The first `end` of the sorted rows belong to one module. position: table row -> index among them. */
static void settle_module(const struct suppress_table *table, uint32_t level, const uint32_t *columns,
                          const uint32_t *rows, uint32_t end, uint32_t *position)
{
    uint32_t count = 0;
    uint32_t *parents = mem_new(end, sizeof *parents);
    uint32_t *first_child = mem_new(end, sizeof *first_child);
    uint32_t *child_count = mem_new(end, sizeof *child_count);
    for (; count < end && table->rows[rows[count]].level <= level; count++) {
        uint32_t parent = table->rows[rows[count]].parent;
        position[rows[count]] = count;
        parents[count] = parent == SUPPRESS_NO_PARENT ? SUPPRESS_NO_PARENT : position[parent];
        if (parent != SUPPRESS_NO_PARENT && child_count[parents[count]]++ == 0)
            first_child[parents[count]] = count;
    }
    settle(&(struct suppress_tree){table, level, count, rows, parents, first_child, child_count, columns});
    free(child_count);
    free(first_child);
    free(parents);
}

void suppress_complement(struct suppress_table *table)
{
    uint32_t *rows = sorted_rows(table);
    uint32_t *columns = sorted_columns(table);
    uint32_t *position = mem_new(table->row_count, sizeof *position);
    for (uint32_t level = 0; level < table->level_count; level++) {
        inherit(table, level);
        for (uint32_t start = 0, end; start < table->row_count; start = end) {
            uint32_t module = module_of(table, rows[start]);
            for (end = start; end < table->row_count && module_of(table, rows[end]) == module; end++)
                ;
            settle_module(table, level, columns, rows + start, end - start, position);
        }
    }
    free(position);
    free(columns);
    free(rows);
}
