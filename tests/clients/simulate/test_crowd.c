#include "tests/clients/simulate/model.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct course *course;
static struct simulate_model model;

static void open_course(void)
{
    model = model_default();
    model.learners = 1000;
    course = course_open(&model);
}
static void close_course(void)
{
    course_close(course);
}
TestSuite(crowd, .init = open_course, .fini = close_course);

Test(crowd, events_come_in_time_order_and_repeat_for_a_seed)
{
    struct crowd *crowd = crowd_open(course), *again = crowd_open(course);
    struct simulate_event event, same;
    int64_t last_ms = 0;
    uint64_t count = 0;
    for (; crowd_next(crowd, &event); count++) {
        cr_assert_geq(event.time_ms, last_ms);
        last_ms = event.time_ms;
        cr_assert(crowd_next(again, &same));
        cr_assert_eq(memcmp(&event, &same, offsetof(struct simulate_event, kind) + 1), 0);
    }
    cr_assert_not(crowd_next(again, &same));
    cr_assert(count > 300 * 1000 && count < 700 * 1000, "%lu events of 1,000 learners", count);
    crowd_close(crowd);
    crowd_close(again);
}

/* What each learner does in each module, as METRICS.md counts it. */
struct table {
    uint64_t *active_ms; /* [module * learners + learner] */
    int64_t *first_open_ms, *last_open_ms;
    uint8_t *favorite, *finished;
};

static struct table table_of(struct crowd *crowd)
{
    size_t cells = (size_t)model.modules * model.learners;
    struct table table = {mem_new(cells, 8), mem_new(cells, 8), mem_new(cells, 8), mem_new(cells, 1),
                          mem_new(cells, 1)};
    for (struct simulate_event event; crowd_next(crowd, &event);) {
        uint32_t module = model_place(course, event.content).module;
        if (module == UINT32_MAX)
            continue;
        size_t cell = (size_t)module * model.learners + event.learner;
        if (event.kind == KIND_DWELL)
            table.active_ms[cell] += event.value;
        if (event.kind == KIND_OPEN && table.first_open_ms[cell] == 0)
            table.first_open_ms[cell] = event.time_ms;
        if (event.kind == KIND_OPEN)
            table.last_open_ms[cell] = event.time_ms;
        if (event.kind == KIND_FAVORITE || event.kind == KIND_UNFAVORITE)
            table.favorite[cell] = event.kind == KIND_FAVORITE;
        if (event.kind == KIND_PROGRESS && event.value == 100)
            table.finished[cell] = 1;
    }
    return table;
}

static void table_close(struct table *table)
{
    free(table->active_ms);
    free(table->first_open_ms);
    free(table->last_open_ms);
    free(table->favorite);
    free(table->finished);
}

static int by_size(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

struct row {
    double learners, ratio, reopened, favorites, gone;
};

/* gone: of those who finished it, the share that opened no later module. */
static struct row row_of(const struct table *table, uint32_t module)
{
    uint32_t n = model.learners, present = 0, reopened = 0, favorites = 0, finished = 0, gone = 0;
    uint64_t *active = mem_new(n, sizeof *active);
    for (uint32_t i = 0; i < n; i++) {
        size_t cell = (size_t)module * n + i;
        if (table->active_ms[cell] == 0)
            continue;
        active[present++] = table->active_ms[cell];
        reopened += table->last_open_ms[cell] - table->first_open_ms[cell] > 30 * MINUTE_MS;
        favorites += table->favorite[cell];
        bool later = false;
        for (uint32_t m = module + 1; m < model.modules; m++)
            later |= table->first_open_ms[(size_t)m * n + i] > 0;
        finished += table->finished[cell];
        gone += table->finished[cell] && !later;
    }
    qsort(active, present, sizeof *active, by_size);
    uint32_t planned_tenths = 0;
    for (uint32_t i = 0; i < course_module(course, module)->section_count; i++)
        planned_tenths += course_module(course, module)->planned_tenths[i];
    double median_ms = (double)active[present / 2]; // NOLINT(bugprone-integer-division): an index
    free(active);
    return (struct row){present, median_ms / (planned_tenths * 6000.0), (double)reopened / present,
                        (double)favorites / present, (double)gone / finished};
}

/* The mean of all plain modules but the last, which nobody can leave for a later one. */
static struct row plain_row(const struct table *table)
{
    struct row mean = {0};
    uint32_t count = 0;
    for (uint32_t i = 0; i + 1 < model.modules; i++) {
        if (course_module(course, i)->trait != TRAIT_PLAIN)
            continue;
        struct row row = row_of(table, i);
        mean.ratio += row.ratio;
        mean.reopened += row.reopened;
        mean.favorites += row.favorites;
        mean.gone += row.gone;
        count++;
    }
    return (struct row){0, mean.ratio / count, mean.reopened / count, mean.favorites / count, mean.gone / count};
}

Test(crowd, planted_modules_are_what_they_were_planted_as)
{
    struct crowd *crowd = crowd_open(course);
    struct table table = table_of(crowd);
    struct row plain = plain_row(&table);
    cr_assert(plain.ratio > 0.9 && plain.ratio < 1.1, "plain %f of the plan", plain.ratio);
    cr_assert(plain.gone < 0.1, "plain %f gone", plain.gone);

    struct row row = row_of(&table, model_module_of(course, TRAIT_LONG));
    cr_assert(row.ratio > 2.1 && row.ratio < 2.6, "long %f of the plan", row.ratio);
    cr_assert(row.reopened < plain.reopened + 0.05, "long %f reopened, plain %f", row.reopened, plain.reopened);

    row = row_of(&table, model_module_of(course, TRAIT_CONFUSING));
    cr_assert(row.ratio > 1.6 && row.ratio < 2.2, "confusing %f of the plan", row.ratio);
    cr_assert(row.reopened > plain.reopened + 0.1, "confusing %f reopened, plain %f", row.reopened, plain.reopened);
    cr_assert(row.gone > 0.15, "confusing %f gone", row.gone);
    cr_assert(row.favorites < plain.favorites, "confusing %f favourite", row.favorites);

    row = row_of(&table, model_module_of(course, TRAIT_LOVED));
    cr_assert(row.ratio > 1.6 && row.ratio < 2.2, "loved %f of the plan", row.ratio);
    cr_assert(row.favorites > 0.3, "loved %f favourite", row.favorites);

    uint32_t skipped = model_module_of(course, TRAIT_SKIPPED);
    row = row_of(&table, skipped);
    cr_assert(row.ratio < 0.3, "skipped %f of the plan", row.ratio);
    cr_assert(row.learners < row_of(&table, skipped + 1).learners * 0.75);
    table_close(&table);
    crowd_close(crowd);
}

/* Before its date the revised module takes about twice the plan, then about the plan: by the seconds on its sections.
 */
Test(crowd, a_revision_makes_its_module_better)
{
    struct crowd *crowd = crowd_open(course);
    uint32_t revised = model_module_of(course, TRAIT_REVISED);
    int64_t date_ms = simulate_day_start_ms(&model, model.revise_day);
    double active_ms[2] = {0}, planned_ms[2] = {0};
    for (struct simulate_event event; crowd_next(crowd, &event);) {
        bool after = event.time_ms >= date_ms;
        struct model_place place = model_place(course, event.content);
        if (place.module != revised)
            continue;
        if (event.kind == KIND_DWELL)
            active_ms[after] += event.value;
        if (event.kind == KIND_OPEN && place.section != UINT32_MAX)
            planned_ms[after] += course_module(course, revised)->planned_tenths[place.section] * 6000.0;
    }
    double before = active_ms[0] / planned_ms[0], after = active_ms[1] / planned_ms[1];
    cr_assert(planned_ms[0] > 0 && planned_ms[1] > 0);
    cr_assert(before > 1.6 && before < 2.1, "before %f", before);
    cr_assert(after > 0.6 && after < 1.0, "after %f", after);
    crowd_close(crowd);
}

Test(crowd, events_can_be_asked_for_by_number)
{
    enum {
        WANTED = 300000
    };
    model.learners = crowd_learners_for(course, WANTED);
    struct course *sized = course_open(&model);
    struct crowd *crowd = crowd_open(sized);
    uint64_t count = 0;
    for (struct simulate_event event; crowd_next(crowd, &event);)
        count++;
    cr_assert(count > WANTED * 0.85 && count < WANTED * 1.15, "%lu events", count);
    crowd_close(crowd);
    course_close(sized);
    cr_assert_eq(crowd_learners_for(course, 1), 1);
}

Test(crowd, so_many_learners_make_about_so_many_events)
{
    enum {
        WANTED = 100000
    };
    struct error error;
    model.programs = 2;
    model.long_modules = model.skipped_modules = 0; /* programs of six */
    cr_assert_eq(crowd_leave_for(&model, WANTED, &model.leave_permille, &error), STATUS_OK);
    cr_assert_gt(model.leave_permille, 1000);
    struct course *hasty = course_open(&model);
    struct crowd *crowd = crowd_open(hasty);
    uint64_t count = 0;
    for (struct simulate_event event; crowd_next(crowd, &event);)
        count++;
    cr_assert(count > WANTED * 0.97 && count < WANTED * 1.03, "%lu events", count);
    crowd_close(crowd);
    course_close(hasty);
}

Test(crowd, what_so_many_learners_cannot_make_is_refused_with_what_they_can)
{
    struct error error;
    uint32_t untouched = 7;
    cr_assert_eq(crowd_leave_for(&model, 10000000, &untouched, &error), STATUS_USAGE);
    cr_assert(strstr(error.text, "1000 learners cannot make about 10000000 events"), "%s", error.text);
    cr_assert_eq(crowd_leave_for(&model, 1000, &untouched, &error), STATUS_USAGE);
    cr_assert_eq(untouched, 7);
}

/* Every module of every program is used, by learners of that program only. */
Test(crowd, learners_walk_the_modules_of_their_program)
{
    model.modules = 28;
    model.programs = 4;
    model.leave_permille = 20000;
    struct course *divided = course_open(&model);
    struct crowd *crowd = crowd_open(divided);
    uint32_t opens[28] = {0};
    for (struct simulate_event event; crowd_next(crowd, &event);) {
        uint32_t module = model_place(divided, event.content).module;
        if (module == UINT32_MAX)
            continue;
        cr_assert_eq(module / 7, event.learner % 4, "learner %u in module %u", event.learner, module);
        opens[module] += event.kind == KIND_OPEN;
    }
    for (uint32_t i = 0; i < 28; i++)
        cr_assert_gt(opens[i], 50, "module %u: %u opens", i, opens[i]);
    crowd_close(crowd);
    course_close(divided);
}
