/* What is hidden is checked by an attacker who knows every printed count and searches for a history in which the hidden
 * one is k or more. It counts histories out, so the tables are small; they come from simulated learners, so that the
 * counts are possible ones. */
#include "aggregator/suppress.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

TestSuite(suppress, .timeout = 50);

enum {
    MAX_ROWS = 8,
    MAX_COLUMNS = 4,
    MAX_VARIABLES = 48,
    CAP = 40, /* above every count of the simulated tables; no hidden one is tried above it */
};

static const char *const names[] = {"", "-", "a", "b"};

struct fixture {
    struct suppress_table table;
    struct suppress_row rows[MAX_ROWS];
    struct suppress_cell cells[MAX_ROWS * MAX_COLUMNS];
    char paths[MAX_ROWS][16];
};

static void fixture_open(struct fixture *f, uint64_t k, uint32_t columns)
{
    memset(f, 0, sizeof *f);
    f->table = (struct suppress_table){k, 1, 0, columns, f->rows, names, f->cells};
}

static uint32_t add_row(struct fixture *f, const char *path, uint32_t level, uint32_t parent)
{
    uint32_t row = f->table.row_count++;
    snprintf(f->paths[row], sizeof f->paths[row], "%s", path);
    f->rows[row] = (struct suppress_row){f->paths[row], level, parent};
    if (level + 1 > f->table.level_count)
        f->table.level_count = level + 1;
    return row;
}

/* A cohort in which everybody opened once and was active. */
static void set_plain(struct fixture *f, uint32_t row, uint32_t column, uint64_t learners)
{
    struct suppress_cell *all = suppress_cell(&f->table, row, SUPPRESS_EVERYBODY);
    *suppress_cell(&f->table, row, column) = (struct suppress_cell){learners, learners, learners, learners, 0};
    *all = (struct suppress_cell){all->learners + learners, all->opens + learners, all->open_learners + learners,
                                  all->dwell_learners + learners, 0};
}

static uint8_t hidden(const struct fixture *f, uint32_t row, uint32_t column)
{
    return suppress_cell(&f->table, row, column)->hidden;
}

static void suppress(struct fixture *f)
{
    suppress_primary(&f->table);
    suppress_complement(&f->table);
}

Test(suppress, fewer_than_k_learners_are_hidden_and_k_are_not)
{
    struct fixture f;
    fixture_open(&f, 10, 2);
    uint32_t small = add_row(&f, "m1", 0, SUPPRESS_NO_PARENT), enough = add_row(&f, "m2", 0, SUPPRESS_NO_PARENT);
    set_plain(&f, small, 1, 9);
    set_plain(&f, enough, 1, 10);
    suppress(&f);
    cr_assert_eq(hidden(&f, small, 0), HIDDEN_ALL);
    cr_assert_eq(hidden(&f, small, 1), HIDDEN_ALL);
    cr_assert_eq(hidden(&f, enough, 0), 0);
    cr_assert_eq(hidden(&f, enough, 1), 0);
}

Test(suppress, nobody_is_not_hidden)
{
    struct fixture f;
    fixture_open(&f, 10, 3);
    uint32_t row = add_row(&f, "m1", 0, SUPPRESS_NO_PARENT);
    set_plain(&f, row, 2, 30);
    suppress(&f);
    cr_assert_eq(hidden(&f, row, 1), 0);
    cr_assert_eq(hidden(&f, row, 2), 0);
}

Test(suppress, few_who_opened_hide_the_opens_and_few_who_were_active_the_dwell)
{
    struct fixture f;
    fixture_open(&f, 10, 2);
    uint32_t row = add_row(&f, "m1", 0, SUPPRESS_NO_PARENT);
    *suppress_cell(&f.table, row, 0) = (struct suppress_cell){30, 40, 9, 30, 0};
    *suppress_cell(&f.table, row, 1) = (struct suppress_cell){30, 40, 30, 9, 0};
    suppress_primary(&f.table);
    cr_assert_eq(hidden(&f, row, 0), HIDDEN_OPENS);
    cr_assert_eq(hidden(&f, row, 1), HIDDEN_DWELL);
}

/* Everybody 55, a: 20, b: 30, none: 5. From 55 - 20 - 30 the 5 would follow: the smaller of the others goes too. */
Test(suppress, the_smallest_other_cohort_goes_with_a_small_one)
{
    struct fixture f;
    fixture_open(&f, 10, 4);
    uint32_t row = add_row(&f, "m1", 0, SUPPRESS_NO_PARENT);
    set_plain(&f, row, 1, 5);
    set_plain(&f, row, 2, 20);
    set_plain(&f, row, 3, 30);
    suppress(&f);
    cr_assert_eq(hidden(&f, row, 1), HIDDEN_ALL);
    cr_assert_eq(hidden(&f, row, 2), HIDDEN_ALL, "the smaller of the two that could hide it");
    cr_assert_eq(hidden(&f, row, 3), 0);
    cr_assert_eq(hidden(&f, row, 0), 0);
}

/* 6 + 6 hidden: each may be up to 11. 5 + 5: each has at least the one that lists it, so at most 9. */
Test(suppress, small_cohorts_hide_each_other_where_they_are_enough_together)
{
    struct fixture f;
    fixture_open(&f, 10, 4);
    uint32_t enough = add_row(&f, "m1", 0, SUPPRESS_NO_PARENT), few = add_row(&f, "m2", 0, SUPPRESS_NO_PARENT);
    set_plain(&f, enough, 1, 6);
    set_plain(&f, enough, 2, 6);
    set_plain(&f, enough, 3, 30);
    set_plain(&f, few, 1, 5);
    set_plain(&f, few, 2, 5);
    set_plain(&f, few, 3, 30);
    suppress(&f);
    cr_assert_eq(hidden(&f, enough, 3), 0);
    cr_assert_eq(hidden(&f, few, 3), HIDDEN_ALL);
}

/* Module 60 opens = topics 40 + 16 + 4: the 4 would follow; with the 16 hidden too, 20 may be split in any way. */
Test(suppress, the_smallest_sibling_goes_with_a_small_topic)
{
    struct fixture f;
    fixture_open(&f, 10, 2);
    uint32_t module = add_row(&f, "m", 0, SUPPRESS_NO_PARENT);
    uint32_t big = add_row(&f, "m/a", 1, module), middle = add_row(&f, "m/b", 1, module);
    uint32_t small = add_row(&f, "m/c", 1, module);
    set_plain(&f, module, 1, 60);
    set_plain(&f, big, 1, 40);
    set_plain(&f, middle, 1, 16);
    set_plain(&f, small, 1, 4);
    suppress(&f);
    cr_assert_eq(hidden(&f, module, 0), 0);
    cr_assert_eq(hidden(&f, small, 0), HIDDEN_ALL);
    cr_assert_eq(hidden(&f, middle, 0), HIDDEN_ALL);
    cr_assert_eq(hidden(&f, big, 0), 0);
}

/* The same with 16 opens on the module's own path, which are printed nowhere: they hide the 4. */
Test(suppress, opens_on_the_module_itself_hide_a_small_topic)
{
    struct fixture f;
    fixture_open(&f, 10, 2);
    uint32_t module = add_row(&f, "m", 0, SUPPRESS_NO_PARENT);
    uint32_t big = add_row(&f, "m/a", 1, module), small = add_row(&f, "m/c", 1, module);
    set_plain(&f, module, 1, 60);
    set_plain(&f, big, 1, 40);
    set_plain(&f, small, 1, 4);
    suppress(&f);
    cr_assert_eq(hidden(&f, small, 0), HIDDEN_ALL);
    cr_assert_eq(hidden(&f, big, 0), 0);
}

Test(suppress, a_topic_report_hides_no_module_that_the_module_report_shows)
{
    struct fixture modules, topics;
    for (uint32_t levels = 1; levels <= 2; levels++) {
        struct fixture *f = levels == 1 ? &modules : &topics;
        fixture_open(f, 10, 4);
        uint32_t module = add_row(f, "m", 0, SUPPRESS_NO_PARENT);
        set_plain(f, module, 2, 12);
        set_plain(f, module, 3, 60);
        if (levels == 1)
            continue;
        uint32_t topic = add_row(f, "m/a", 1, module);
        set_plain(f, topic, 2, 3);
        set_plain(f, topic, 3, 55);
    }
    suppress(&modules);
    suppress(&topics);
    for (uint32_t column = 0; column < 4; column++)
        cr_assert_eq(hidden(&modules, 0, column), hidden(&topics, 0, column));
    cr_assert_eq(hidden(&topics, 1, 2), HIDDEN_ALL);
    cr_assert_eq(hidden(&topics, 1, 3), HIDDEN_ALL);
}

/* --- the attacker ---------------------------------------------------------------------------------------------- */

/* Values to find: each within bounds, sums of them within bounds, some not above others. */
struct sum {
    uint64_t members; /* a bit a variable */
    int least, most;
};
struct puzzle {
    int variable_count, sum_count, order_count;
    int least[MAX_VARIABLES], most[MAX_VARIABLES];
    struct sum sums[64];
    struct {
        int below, above;
    } orders[64];
};

static bool narrow(int *least, int *most, int new_least, int new_most, bool *moved)
{
    *moved |= new_least > *least || new_most < *most;
    *least = new_least > *least ? new_least : *least;
    *most = new_most < *most ? new_most : *most;
    return *least <= *most;
}

static bool narrow_sum(struct puzzle *p, const struct sum *sum, bool *moved)
{
    int least = 0, most = 0;
    for (int v = 0; v < p->variable_count; v++) {
        least += sum->members >> v & 1 ? p->least[v] : 0;
        most += sum->members >> v & 1 ? p->most[v] : 0;
    }
    if (least > sum->most || most < sum->least)
        return false;
    for (int v = 0; v < p->variable_count; v++)
        if ((sum->members >> v & 1) && !narrow(&p->least[v], &p->most[v], sum->least - (most - p->most[v]),
                                               sum->most - (least - p->least[v]), moved))
            return false;
    return true;
}

static bool narrow_all(struct puzzle *p)
{
    for (bool moved = true; moved;) {
        moved = false;
        for (int s = 0; s < p->sum_count; s++)
            if (!narrow_sum(p, &p->sums[s], &moved))
                return false;
        for (int o = 0; o < p->order_count; o++) {
            int below = p->orders[o].below, above = p->orders[o].above;
            if (!narrow(&p->least[below], &p->most[below], 0, p->most[above], &moved) ||
                !narrow(&p->least[above], &p->most[above], p->least[below], CAP, &moved))
                return false;
        }
    }
    return true;
}

/* Every way: narrows what is possible, then tries each value of the count that has fewest left. */
static bool solvable(const struct puzzle *given)
{
    struct puzzle p = *given;
    if (!narrow_all(&p))
        return false;
    int chosen = -1;
    for (int v = 0; v < p.variable_count; v++)
        if (p.least[v] < p.most[v] && (chosen < 0 || p.most[v] - p.least[v] < p.most[chosen] - p.least[chosen]))
            chosen = v;
    if (chosen < 0)
        return true;
    for (int value = p.least[chosen]; value <= p.most[chosen]; value++) {
        struct puzzle next = p;
        next.least[chosen] = next.most[chosen] = value;
        if (solvable(&next))
            return true;
    }
    return false;
}

enum measure {
    LEARNERS = HIDDEN_ROW,
    OPENS = HIDDEN_OPENS,
    DWELL = HIDDEN_DWELL,
};

static int count_of(const struct suppress_cell *cell, enum measure measure)
{
    return measure == LEARNERS ? (int)cell->learners : measure == OPENS ? (int)cell->opens : (int)cell->dwell_learners;
}

/* What is known of one count: itself where printed; at least one learner where a row is listed. */
static void bounds_of(const struct suppress_cell *cell, enum measure measure, int *least, int *most)
{
    bool is_hidden = cell->hidden & measure;
    *least = is_hidden ? (measure == LEARNERS || (measure == OPENS && !(cell->hidden & HIDDEN_ROW)))
                       : count_of(cell, measure);
    *most = is_hidden ? CAP : count_of(cell, measure);
}

static void add_sum(struct puzzle *p, uint64_t members, const struct suppress_cell *cell, enum measure measure)
{
    struct sum *sum = &p->sums[p->sum_count++];
    sum->members = members;
    bounds_of(cell, measure, &sum->least, &sum->most);
    if (cell->hidden & measure)
        sum->most = MAX_VARIABLES * CAP;
}

static int add_variable(struct puzzle *p, int least, int most)
{
    p->least[p->variable_count] = least;
    p->most[p->variable_count] = most;
    return p->variable_count++;
}

/* Opens: a variable for each cohort's opens on a row's own path; a row's count is the sum of those at and below it. */
static void pose_opens(const struct fixture *f, struct puzzle *p, uint64_t *members)
{
    const struct suppress_table *t = &f->table;
    for (uint32_t row = 0; row < t->row_count; row++) {
        bool has_own = f->rows[row].level + 1 < t->level_count;
        for (uint32_t column = 1; column < t->column_count; column++) {
            int least = 0, most = CAP;
            if (!has_own)
                bounds_of(suppress_cell(t, row, column), OPENS, &least, &most);
            uint64_t bit = UINT64_C(1) << add_variable(p, least, most);
            for (uint32_t above = row; above != SUPPRESS_NO_PARENT; above = f->rows[above].parent) {
                members[above * MAX_COLUMNS + column] |= bit;
                members[above * MAX_COLUMNS] |= bit;
            }
        }
    }
    for (uint32_t row = 0; row < t->row_count; row++)
        for (uint32_t column = 0; column < t->column_count; column++)
            add_sum(p, members[row * MAX_COLUMNS + column], suppress_cell(t, row, column), OPENS);
}

/* Learners: a variable for each row and cohort; not above the row above it. */
static void pose_learners(const struct fixture *f, enum measure measure, struct puzzle *p, uint64_t *members)
{
    const struct suppress_table *t = &f->table;
    for (uint32_t row = 0; row < t->row_count; row++) {
        for (uint32_t column = 1; column < t->column_count; column++) {
            int least, most;
            bounds_of(suppress_cell(t, row, column), measure, &least, &most);
            int variable = add_variable(p, least, most);
            members[row * MAX_COLUMNS + column] = UINT64_C(1) << variable;
            members[row * MAX_COLUMNS] |= UINT64_C(1) << variable;
            if (f->rows[row].parent != SUPPRESS_NO_PARENT) {
                p->orders[p->order_count].below = variable;
                p->orders[p->order_count++].above =
                    __builtin_ctzll(members[f->rows[row].parent * MAX_COLUMNS + column]);
            }
        }
        add_sum(p, members[row * MAX_COLUMNS], suppress_cell(t, row, 0), measure);
    }
}

/* Can this hidden count be k or more, for all that is printed? */
static bool may_be_k(const struct fixture *f, uint32_t row, uint32_t column, enum measure measure)
{
    struct puzzle p = {0};
    uint64_t members[MAX_ROWS * MAX_COLUMNS] = {0};
    if (measure == OPENS)
        pose_opens(f, &p, members);
    else
        pose_learners(f, measure, &p, members);
    p.sums[p.sum_count++] = (struct sum){members[row * MAX_COLUMNS + column], (int)f->table.k, MAX_VARIABLES * CAP};
    return solvable(&p);
}

/* Fewer than k, and not a 0 that follows from a printed 0 of everybody or of a row above. */
static bool is_at_risk(const struct fixture *f, uint32_t row, uint32_t column, enum measure measure)
{
    const struct suppress_cell *cell = suppress_cell(&f->table, row, column);
    if (!(cell->hidden & measure) || count_of(cell, measure) >= (int)f->table.k)
        return false;
    bool known_zero = false;
    for (; row != SUPPRESS_NO_PARENT; row = f->rows[row].parent)
        known_zero |= count_of(suppress_cell(&f->table, row, column), measure) == 0 &&
                      (!(suppress_cell(&f->table, row, column)->hidden & measure) ||
                       count_of(suppress_cell(&f->table, row, 0), measure) == 0);
    return !known_zero;
}

static int exposed_counts(const struct fixture *f)
{
    static const enum measure measures[] = {LEARNERS, OPENS, DWELL};
    int exposed = 0;
    for (size_t m = 0; m < ARRAY_COUNT(measures); m++)
        for (uint32_t row = 0; row < f->table.row_count; row++)
            for (uint32_t column = 0; column < f->table.column_count; column++)
                exposed += is_at_risk(f, row, column, measures[m]) && !may_be_k(f, row, column, measures[m]);
    return exposed;
}

/* Learners with a cohort each who open and read at random; `rare` of 8 learners go to a row. */
static void simulate(struct fixture *f, unsigned *seed, int learner_count, int rare)
{
    int columns = (int)f->table.column_count;
    for (int learner = 0; learner < learner_count; learner++) {
        uint32_t column = 1 + (uint32_t)rand_r(seed) % (uint32_t)(columns - 1);
        struct suppress_cell seen[MAX_ROWS] = {0};
        for (uint32_t row = f->table.row_count; row-- > 0;) {
            bool comes =
                rand_r(seed) % 8 < rare && (f->rows[row].level + 1 == f->table.level_count || rand_r(seed) % 3 == 0);
            seen[row].opens += comes ? (uint64_t)rand_r(seed) % 3 : 0;
            seen[row].dwell_learners |= comes && rand_r(seed) % 4 > 0;
            if (f->rows[row].parent != SUPPRESS_NO_PARENT) {
                seen[f->rows[row].parent].opens += seen[row].opens;
                seen[f->rows[row].parent].dwell_learners |= seen[row].dwell_learners;
            }
            for (int each = 0; each < 2; each++) {
                struct suppress_cell *cell = suppress_cell(&f->table, row, each ? column : 0);
                cell->learners += seen[row].opens > 0 || seen[row].dwell_learners;
                cell->opens += seen[row].opens;
                cell->open_learners += seen[row].opens > 0;
                cell->dwell_learners += seen[row].dwell_learners;
            }
        }
    }
}

static void shape_two_levels(struct fixture *f)
{
    fixture_open(f, 3, 4);
    uint32_t module = add_row(f, "m", 0, SUPPRESS_NO_PARENT);
    add_row(f, "m/a", 1, module);
    add_row(f, "m/b", 1, module);
    add_row(f, "m/c", 1, module);
}

static void shape_three_levels(struct fixture *f)
{
    fixture_open(f, 3, 3);
    uint32_t module = add_row(f, "m", 0, SUPPRESS_NO_PARENT);
    uint32_t a = add_row(f, "m/a", 1, module), b = add_row(f, "m/b", 1, module);
    add_row(f, "m/a/x", 2, a);
    add_row(f, "m/a/y", 2, a);
    add_row(f, "m/b/x", 2, b);
}

static void attack(void (*shape)(struct fixture *), int tables, int *exposed_plain, int *shown)
{
    unsigned seed = 7;
    for (int i = 0; i < tables; i++) {
        struct fixture f;
        shape(&f);
        simulate(&f, &seed, 4 + i % 7, 3 + i % 5);
        suppress_primary(&f.table);
        *exposed_plain += exposed_counts(&f) > 0;
        suppress_complement(&f.table);
        cr_assert_eq(exposed_counts(&f), 0, "table %d", i);
        for (uint32_t c = 0; c < f.table.row_count * f.table.column_count; c++)
            *shown += f.cells[c].learners > 0 && !(f.cells[c].hidden & HIDDEN_ROW);
    }
}

Test(suppress, an_attacker_learns_of_no_hidden_count_that_it_is_small)
{
    int exposed_plain = 0, shown = 0;
    attack(shape_two_levels, 300, &exposed_plain, &shown);
    cr_assert_gt(exposed_plain, 100, "control: without complements the attacker succeeds (%d of 300)", exposed_plain);
    cr_assert_gt(shown, 600, "not everything is hidden (%d)", shown);
}

Test(suppress, nor_through_three_levels)
{
    int exposed_plain = 0, shown = 0;
    attack(shape_three_levels, 200, &exposed_plain, &shown);
    cr_assert_gt(exposed_plain, 60, "control: without complements the attacker succeeds (%d of 200)", exposed_plain);
    cr_assert_gt(shown, 400, "not everything is hidden (%d)", shown);
}
