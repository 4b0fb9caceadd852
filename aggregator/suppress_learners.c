/* Learners and learners with active time. Over cohorts they add up; over levels a row has at least as many as each row
 * below it. That a hidden count may be k is shown by an example: learners are moved, one at a time, from one cohort to
 * another wherever both counts are hidden, until it is; rows below follow where they would have more than the row
 * above. An example proves that nothing printed contradicts it. That none is found proves nothing, but then more is
 * hidden. */
#include "aggregator/suppress_tree.h"

#include <stdlib.h>

struct change {
    size_t cell;
    bool up;
};

struct example {
    const struct suppress_tree *tree;
    enum suppress_hidden measure; /* HIDDEN_ROW: learners; HIDDEN_DWELL: dwell_learners */
    uint64_t *count;              /* [index * column_count + column]; cohorts only */
    struct change *changes;       /* since the start, to take back */
    size_t change_count, change_room;
    uint32_t blocked; /* the last row of the deepest level that stood in the way and could still be hidden */
};

static size_t cell_at(const struct example *e, uint32_t index, uint32_t column)
{
    return (size_t)index * e->tree->table->column_count + column;
}

static uint64_t count_of(const struct example *e, uint32_t index, uint32_t column)
{
    const struct suppress_cell *cell = suppress_tree_cell(e->tree, index, column);
    return e->measure == HIDDEN_ROW ? cell->learners : cell->dwell_learners;
}

static bool is_hidden(const struct example *e, uint32_t index, uint32_t column)
{
    return suppress_tree_cell(e->tree, index, column)->hidden & e->measure;
}

static void change(struct example *e, size_t cell, bool up)
{
    if (e->change_count == e->change_room) {
        e->change_room = e->change_room ? e->change_room * 2 : 64;
        e->changes = mem_grow(e->changes, e->change_room, sizeof *e->changes);
    }
    e->changes[e->change_count++] = (struct change){cell, up};
    e->count[cell] += up ? 1 : -UINT64_C(1);
}

static void take_back(struct example *e, size_t mark)
{
    while (e->change_count > mark) {
        const struct change *last = &e->changes[--e->change_count];
        e->count[last->cell] -= last->up ? 1 : -UINT64_C(1);
    }
}

static void note_blocked(struct example *e, uint32_t index)
{
    bool shown = !(suppress_tree_cell(e->tree, index, SUPPRESS_EVERYBODY)->hidden & HIDDEN_ROW);
    if (shown && suppress_tree_level(e->tree, index) == e->tree->level)
        e->blocked = index;
}

/* The functions that follow call each other for the rows below, and raise() itself for the rows above: as deep as there
 * are levels, three at most. NOLINTBEGIN(misc-no-recursion) */
static bool lower_children(struct example *e, uint32_t index, uint32_t from, uint32_t to);

/* One learner of a row less in one cohort and, where the row's total is printed, one more in the other. */
static bool move(struct example *e, uint32_t index, uint32_t from, uint32_t to)
{
    bool total_printed = !is_hidden(e, index, SUPPRESS_EVERYBODY);
    uint64_t least = e->measure == HIDDEN_ROW; /* a listed row has a learner */
    if (!is_hidden(e, index, from) || e->count[cell_at(e, index, from)] <= least)
        return false;
    if (total_printed && (to == from || !is_hidden(e, index, to)))
        return false;
    size_t mark = e->change_count;
    change(e, cell_at(e, index, from), false);
    if (total_printed)
        change(e, cell_at(e, index, to), true);
    if (lower_children(e, index, from, to))
        return true;
    take_back(e, mark);
    return false;
}

static bool has_room(const struct example *e, uint32_t index, uint32_t column)
{
    uint32_t parent = e->tree->parents[index];
    return parent == SUPPRESS_NO_PARENT || e->count[cell_at(e, index, column)] < e->count[cell_at(e, parent, column)];
}

/* A row that has more than the row above gives one up, to the cohort asked for or to any other with room. */
static bool lower(struct example *e, uint32_t index, uint32_t from, uint32_t to)
{
    bool anywhere = is_hidden(e, index, SUPPRESS_EVERYBODY);
    if ((anywhere || has_room(e, index, to)) && move(e, index, from, to))
        return true;
    for (uint32_t c = 1; !anywhere && c < e->tree->table->column_count; c++) {
        uint32_t column = e->tree->columns[c];
        if (column != from && column != to && has_room(e, index, column) && move(e, index, from, column))
            return true;
    }
    note_blocked(e, index);
    return false;
}

static bool lower_children(struct example *e, uint32_t index, uint32_t from, uint32_t to)
{
    uint32_t first = e->tree->first_child[index], end = first + e->tree->child_count[index];
    for (uint32_t child = first; child < end; child++)
        if (e->count[cell_at(e, child, from)] > e->count[cell_at(e, index, from)] && !lower(e, child, from, to))
            return false;
    return true;
}

/* From the cohort that has most; where that fails, from the next. */
static bool take_from_any(struct example *e, uint32_t index, uint32_t to)
{
    uint32_t column_count = e->tree->table->column_count;
    uint64_t below = UINT64_MAX; /* cohorts are tried by count, and among equal ones in order */
    while (true) {
        uint64_t next = 0;
        for (uint32_t c = 1; c < column_count; c++) {
            uint64_t count = e->count[cell_at(e, index, e->tree->columns[c])];
            if (count < below && count > next)
                next = count;
        }
        if (next == 0)
            return false;
        for (uint32_t c = 1; c < column_count; c++) {
            uint32_t column = e->tree->columns[c];
            if (column != to && e->count[cell_at(e, index, column)] == next && move(e, index, column, to))
                return true;
        }
        below = next;
    }
}

/* One more in a cohort of a row, and of the rows above where they have no room. */
static bool raise(struct example *e, uint32_t index, uint32_t column)
{
    if (!is_hidden(e, index, column))
        return false;
    size_t mark = e->change_count;
    if (!has_room(e, index, column) && !raise(e, e->tree->parents[index], column))
        return false;
    if (is_hidden(e, index, SUPPRESS_EVERYBODY)) {
        change(e, cell_at(e, index, column), true);
        return true;
    }
    if (take_from_any(e, index, column))
        return true;
    note_blocked(e, index);
    take_back(e, mark);
    return false;
}

/* NOLINTEND(misc-no-recursion) */

/* Everybody's hidden total rises with any of its cohorts. */
static bool raise_count(struct example *e, uint32_t index, uint32_t column)
{
    if (column != SUPPRESS_EVERYBODY)
        return raise(e, index, column);
    for (uint32_t c = 1; c < e->tree->table->column_count; c++)
        if (raise(e, index, e->tree->columns[c]))
            return true;
    return false;
}

static bool reaches_k(struct example *e, uint32_t index, uint32_t column)
{
    uint64_t k = e->tree->table->k, count = count_of(e, index, column);
    e->blocked = SUPPRESS_NO_PARENT;
    while (count < k && raise_count(e, index, column))
        count++;
    take_back(e, 0);
    return count >= k;
}

static bool at_risk(const struct example *e, uint32_t index, uint32_t column)
{
    uint64_t count = count_of(e, index, column);
    return is_hidden(e, index, column) && count < e->tree->table->k &&
           (count > 0 || count_of(e, index, SUPPRESS_EVERYBODY) > 0);
}

/* The cohort with the fewest learners that still shows this count; everybody where none does. */
static uint32_t smallest_shown(const struct example *e, uint32_t index)
{
    const struct suppress_tree *tree = e->tree;
    uint32_t found = SUPPRESS_EVERYBODY;
    for (uint32_t c = 1; c < tree->table->column_count; c++) {
        uint32_t column = tree->columns[c];
        if (count_of(e, index, column) == 0 || (suppress_tree_cell(tree, index, column)->hidden & HIDDEN_ROW))
            continue;
        if (found == SUPPRESS_EVERYBODY ||
            suppress_tree_cell(tree, index, column)->learners < suppress_tree_cell(tree, index, found)->learners)
            found = column;
    }
    return found;
}

/* Hides more, a row at a time, until this count reaches k or nothing of this level stands in its way. */
static bool protect(struct example *e, uint32_t index, uint32_t column)
{
    bool hid = false;
    while (!reaches_k(e, index, column) && e->blocked != SUPPRESS_NO_PARENT) {
        suppress_tree_hide(e->tree, e->blocked, smallest_shown(e, e->blocked));
        hid = true;
    }
    return hid;
}

static bool protect_measure(const struct suppress_tree *tree, enum suppress_hidden measure)
{
    struct example e = {.tree = tree, .measure = measure};
    uint32_t column_count = tree->table->column_count;
    e.count = mem_new((size_t)tree->count * column_count, sizeof *e.count);
    for (uint32_t i = 0; i < tree->count; i++)
        for (uint32_t column = 0; column < column_count; column++)
            e.count[cell_at(&e, i, column)] = count_of(&e, i, column);
    bool hid = false;
    for (uint32_t i = 0; i < tree->count; i++)
        for (uint32_t c = 0; c < column_count; c++)
            if (at_risk(&e, i, tree->columns[c]))
                hid |= protect(&e, i, tree->columns[c]);
    free(e.changes);
    free(e.count);
    return hid;
}

bool suppress_learners(const struct suppress_tree *tree)
{
    bool hid = protect_measure(tree, HIDDEN_ROW);
    return protect_measure(tree, HIDDEN_DWELL) || hid;
}
