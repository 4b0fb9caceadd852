#include "aggregator/scope.h"

#include "tests/aggregator/scribe.h"
#include "tests/scratch.h"

#include <criterion/criterion.h>

#define NOON   INT64_C(1700024400000)
#define NOBODY UINT32_MAX

static char *folder;
static struct error error;

static struct curriculum *none;

static void setup(void)
{
    folder = scratch_make();
    cr_assert_eq(curriculum_open(NULL, slice_of("", 0), &none, &error), STATUS_OK, "%s", error.text);
}

static void teardown(void)
{
    curriculum_close(none);
    scratch_remove(folder);
}

TestSuite(scope, .init = setup, .fini = teardown, .timeout = 20);

static const char *const paths[HISTORY_CONTENTS] = {"m1", "m2/t1"};
static const struct history small = {
    .learner_count = 4, .contents = paths, .max_slice_ms = 1800000, .zone_offset_ms = 7 * 3600000};

static struct scope scope_of(struct crew *crew)
{
    struct scope scope = {.crew = crew, .over_factor = 1.5, .k = 5};
    scope_open(&scope, none, LEVEL_TOPIC);
    return scope;
}

Test(scope, a_path_whose_only_learner_is_forgotten_is_as_if_never_seen)
{
    struct happening events[] = {{.learner = 1, .kind = KIND_OPEN, .time_ms = NOON, .content = 0},
                                 {.learner = 2, .kind = KIND_OPEN, .time_ms = NOON, .content = 1}};
    struct scribe scribe = {.learners = 4};
    struct dice dice = {1};
    scribe_events(&scribe, &small, events, 2);
    struct cells *cells = scribe_cells_open(folder, &small);
    struct crew *crew = crew_open(cells, 1);
    scribe_fold(&scribe, cells, &dice, NOBODY);
    struct scope scope = scope_of(crew);
    cr_assert_eq(scope.rows[0].count, 2);
    cr_assert_eq(scope.rows[1].count, 1);
    scope_close(&scope);
    scribe_control(&scribe, RECORD_FORGET, 2);
    scribe_fold(&scribe, cells, &dice, NOBODY);
    scope = scope_of(crew);
    cr_assert_eq(scope.rows[0].count, 1);
    cr_assert_str_eq(scope.rows[0].rows[0].content, "m1");
    cr_assert_eq(scope.rows[1].count, 0);
    scope_close(&scope);
    crew_close(crew);
    cells_close(cells);
    scribe_close(&scribe);
}
