/* suppress_tree.h - one module's part of a suppress_table, down to a level: what suppress.c shares with its two audits.
 *
 * Nothing printed adds modules up, so each module stands for itself. Rows and columns are visited in an order of their
 * names alone, so that the outcome does not depend on the order in which the cells hand them out.
 */
#ifndef JEJAK_AGGREGATOR_SUPPRESS_TREE_H
#define JEJAK_AGGREGATOR_SUPPRESS_TREE_H

#include "aggregator/suppress.h"

struct suppress_tree {
    const struct suppress_table *table;
    uint32_t level; /* the deepest one; only its rows may still be hidden */
    uint32_t count;
    const uint32_t *rows;                      /* of the table, by level, then content */
    const uint32_t *parents;                   /* index into `rows`; SUPPRESS_NO_PARENT for the module */
    const uint32_t *first_child, *child_count; /* of each: rows below stand together */
    const uint32_t *columns;                   /* of the table, everybody first, then by name; column_count of them */
};

static inline struct suppress_cell *suppress_tree_cell(const struct suppress_tree *tree, uint32_t index,
                                                       uint32_t column)
{
    return suppress_cell(tree->table, tree->rows[index], column);
}

static inline uint32_t suppress_tree_level(const struct suppress_tree *tree, uint32_t index)
{
    return tree->table->rows[tree->rows[index]].level;
}

/* Hides a row of the deepest level in a column; in everybody's, in all of them. */
void suppress_tree_hide(const struct suppress_tree *tree, uint32_t index, uint32_t column);

/* Both hide rows of the deepest level until every hidden count of the tree reaches k. True where they hid any. */
bool suppress_opens(const struct suppress_tree *tree);
bool suppress_learners(const struct suppress_tree *tree);

#endif
