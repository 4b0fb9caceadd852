#include "aggregator/figures_kept.h"

#include "aggregator/cells_write.h"
#include "tests/aggregator/oracle.h"
#include "tests/aggregator/same_figures.h"
#include "tests/aggregator/scribe.h"
#include "tests/scratch.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <time.h>

enum {
    STEPS = 6,
    QUERIES = 4,
};

#define NOBODY UINT32_MAX

static struct error error;
static char *folder;

static void setup(void)
{
    folder = scratch_make();
}

static void teardown(void)
{
    scratch_remove(folder);
}

TestSuite(figures_kept, .init = setup, .fini = teardown, .timeout = 60);

/* ---- one crew through a history that grows ---- */

struct school {
    struct history history; /* all of it */
    size_t told;            /* so many of its events are in the log */
    struct scribe scribe;
    struct cells *cells;
    struct crew *crew;
};

static void without(struct school *school, uint32_t person)
{
    struct history *history = &school->history;
    size_t kept = 0, told = 0;
    for (size_t i = 0; i < history->event_count; i++) {
        if (history->events[i].learner == person)
            continue;
        told += i < school->told;
        history->events[kept++] = history->events[i];
    }
    history->event_count = kept;
    school->told = told;
}

/* More events, as a rule; or somebody's rights. */
static void go_on(struct school *school, struct dice *dice)
{
    struct history *history = &school->history;
    uint32_t person = (uint32_t)dice_roll(dice, history->learner_count);
    uint64_t what = dice_roll(dice, 6);
    if (what == 0) {
        history->restricted[person] = !history->restricted[person];
        scribe_control(&school->scribe, history->restricted[person] ? RECORD_RESTRICT : RECORD_LIFT, person);
    } else if (what == 1) {
        history->restricted[person] = false;
        scribe_control(&school->scribe, RECORD_FORGET, person);
        without(school, person);
    } else if (what > 2) {
        size_t some = dice_roll(dice, history->event_count - school->told + 1);
        for (size_t i = school->told; i < school->told + some; i++)
            if (history->events[i].learner >= school->scribe.learners)
                school->scribe.learners = history->events[i].learner + 1;
        if (some > 0)
            scribe_events(&school->scribe, history, history->events + school->told, (uint32_t)some);
        school->told += some;
    }
    scribe_fold(&school->scribe, school->cells, dice, NOBODY);
}

/* The rows' content paths under the numbers that these cells gave them. */
static void renumber(struct figures_query *query, struct plan_book *book, const struct school *school)
{
    for (uint32_t p = 0; p < query->plan_count; p++) {
        struct figures_plan *plan = &book->plans[p];
        uint32_t kept = 0, *contents = book->contents[(plan->contents - book->contents[0]) / HISTORY_CONTENTS];
        for (uint32_t c = 0; c < plan->content_count; c++)
            for (uint32_t n = 0; n < cells_content_count(school->cells); n++)
                if (strcmp(cells_content_path(school->cells, n), school->history.contents[plan->contents[c]]) == 0) {
                    contents[kept++] = n;
                    break;
                }
        plan->content_count = kept;
    }
}

static void ask(struct school *school, struct dice dice, uint64_t seed)
{
    struct history told = school->history;
    struct plan_book book, oracles_book;
    struct figures_table got = {0};
    struct dice oracles = dice;
    char where[256];
    told.event_count = school->told;
    struct figures_query query = history_query(&school->history, &dice, &book);
    struct figures_query oracles_query = history_query(&school->history, &oracles, &oracles_book);
    struct figures_table expected = oracle_figures(&told, &oracles_query);
    renumber(&query, &book, school);
    cr_assert_eq(figures_compute(school->crew, &query, &got, &error), STATUS_OK, "%s", error.text);
    cr_assert(same_figures(&got, &expected, where), "%s (JEJAK_SEED=%" PRIu64 ")", where, seed);
    figures_table_close(&got);
    figures_table_close(&expected);
}

Test(figures_kept, one_crew_gives_the_oracles_figures_whatever_changes)
{
    const char *given = getenv("JEJAK_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) / 86400 * 1000;
    for (uint64_t end = seed + (given ? 1 : 12); seed < end; seed++) {
        struct dice dice = {seed};
        struct school school = {.history = history_roll(&dice)};
        memset(school.history.restricted, 0, school.history.learner_count * sizeof(bool));
        char *path = scratch_path(folder, "cells");
        cr_assert_eq(cells_wipe(path, &error), STATUS_OK, "%s", error.text);
        free(path);
        school.cells = scribe_cells_open(folder, &school.history);
        school.crew = crew_open(school.cells, 1 + (uint32_t)dice_roll(&dice, 2));
        struct dice questions = {dice_roll(&dice, UINT32_MAX)};
        for (int step = 0; step < STEPS; step++) {
            go_on(&school, &dice);
            for (uint64_t i = 0; i < QUERIES; i++)
                ask(&school, (struct dice){questions.state + i % (QUERIES - 1)}, seed);
        }
        crew_close(school.crew);
        cells_close(school.cells);
        scribe_close(&school.scribe);
        history_close(&school.history);
    }
}

/* ---- what goes ---- */

static const char *const paths[HISTORY_CONTENTS] = {"m1"};
static const struct history empty = {.learner_count = 1, .contents = paths, .max_slice_ms = 1800000};

static struct figures_query query_until(int64_t to_ms)
{
    return (struct figures_query){.to_ms = to_ms, .level = 1};
}

static void keep(struct kept *kept, const struct cells *cells, int64_t to_ms, uint32_t row_count)
{
    struct figures_query query = query_until(to_ms);
    struct figures_table table = {.row_count = row_count, .rows = mem_new(row_count, sizeof *table.rows)};
    table.rows[0].learners = (uint64_t)to_ms;
    kept_add(kept, &query, cells_change(cells), &table);
    figures_table_close(&table);
}

static bool has(struct kept *kept, int64_t to_ms)
{
    struct figures_query query = query_until(to_ms);
    struct figures_table table = {0};
    if (!kept_find(kept, &query, &table))
        return false;
    cr_assert_eq(table.rows[0].learners, (uint64_t)to_ms);
    figures_table_close(&table);
    return true;
}

Test(figures_kept, what_was_not_asked_for_the_longest_goes)
{
    struct cells *cells = scribe_cells_open(folder, &empty);
    struct kept *kept = kept_open(cells);
    for (int64_t i = 1; i <= KEPT_TABLES; i++)
        keep(kept, cells, i, 1);
    cr_assert(has(kept, 1));
    keep(kept, cells, KEPT_TABLES + 1, 1);
    cr_assert(has(kept, 1));
    cr_assert_not(has(kept, 2));
    cr_assert(has(kept, 3));
    cr_assert(has(kept, KEPT_TABLES + 1));
    kept_close(kept);
    cells_close(cells);
}

Test(figures_kept, tables_stay_within_their_bytes)
{
    struct cells *cells = scribe_cells_open(folder, &empty);
    struct kept *kept = kept_open(cells);
    uint32_t half = KEPT_TABLE_BYTES / sizeof(struct figures) / 2;
    keep(kept, cells, 1, half);
    keep(kept, cells, 2, half);
    cr_assert(has(kept, 1) && has(kept, 2));
    keep(kept, cells, 3, 1000);
    cr_assert_not(has(kept, 1));
    cr_assert(has(kept, 2) && has(kept, 3));
    keep(kept, cells, 4, 2 * half + 1000); /* more than fits: not kept, and nothing else goes for it */
    cr_assert_not(has(kept, 4));
    cr_assert(has(kept, 2) && has(kept, 3));
    kept_close(kept);
    cells_close(cells);
}

Test(figures_kept, another_question_is_another_answer)
{
    struct cells *cells = scribe_cells_open(folder, &empty);
    struct kept *kept = kept_open(cells);
    uint32_t content = 0, other = 1;
    struct figures_plan plan = {.contents = &content, .content_count = 1, .wanted = true};
    struct figures_query asked = {.to_ms = 5, .over_factor = 1.5, .level = 1, .plans = &plan, .plan_count = 1};
    struct figures_table table = {.row_count = 1, .rows = mem_new(1, sizeof *table.rows)}, found = {0};
    kept_add(kept, &asked, cells_change(cells), &table);
    figures_table_close(&table);
    struct figures_plan plans[] = {{.contents = &other, .content_count = 1, .wanted = true},
                                   {.contents = &content, .content_count = 1, .wanted = false},
                                   {.contents = &content, .content_count = 1, .wanted = true, .expected_minutes = 5}};
    for (size_t i = 0; i < ARRAY_COUNT(plans); i++) {
        struct figures_query query = asked;
        query.plans = &plans[i];
        cr_assert_not(kept_find(kept, &query, &found), "plan %zu", i);
    }
    struct figures_query others[] = {asked, asked, asked, asked, asked, asked};
    others[0].from_ms = 1;
    others[1].to_ms = 6;
    others[2].cohort = "-";
    others[3].over_factor = 2;
    others[4].level = 2;
    others[5].without_clipped = true;
    for (size_t i = 0; i < ARRAY_COUNT(others); i++)
        cr_assert_not(kept_find(kept, &others[i], &found), "question %zu", i);
    cr_assert(kept_find(kept, &asked, &found));
    figures_table_close(&found);
    kept_close(kept);
    cells_close(cells);
}
