#include "clients/simulate/learner.h"
#include "tests/clients/simulate/model.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct course *course;
static struct simulate_model model;

static void open_course(void)
{
    model = model_default();
    course = course_open(&model);
}
static void close_course(void)
{
    course_close(course);
}
TestSuite(learner, .init = open_course, .fini = close_course);

typedef void (*event_fn)(const struct simulate_event *event, void *argument);

static void for_each_event(uint32_t number, event_fn each, void *argument)
{
    struct learner learner;
    struct simulate_event event;
    learner_open(&learner, course, number);
    while (learner_next(&learner, course, &event))
        each(&event, argument);
    cr_assert_not(learner_next(&learner, course, &event), "gone is gone");
}

Test(learner, ids_have_a_fixed_length_and_are_valid)
{
    char id[SIMULATE_LEARNER_BYTES];
    simulate_learner_id(42, id);
    cr_assert(slice_equal(slice_of(id, sizeof id), slice_of_text("sim-00000042")));
    simulate_learner_id(SIMULATE_MAX_LEARNERS - 1, id);
    cr_assert(slice_equal(slice_of(id, sizeof id), slice_of_text("sim-19999999")));
    simulate_learner_id(0, id);
    cr_assert(slice_equal(slice_of(id, sizeof id), slice_of_text("sim-00000000")));
}

/* Every event is one that a collector accepts, within the period, and not before the one before. */
static void check_event(const struct simulate_event *made, void *argument)
{
    int64_t *last_ms = argument;
    char id[SIMULATE_LEARNER_BYTES];
    simulate_learner_id(made->learner, id);
    const struct course_content *content = course_content(course, made->content);
    struct event event = {(enum kind)made->kind, made->time_ms, slice_of(id, sizeof id),
                          slice_of(content->text, content->size), made->value};
    enum verdict verdict = event_check(&event, simulate_start_ms(&model), simulate_end_ms(&model) - 1);
    cr_assert_eq(verdict, VERDICT_ACCEPTED, "%s", verdict_name(verdict));
    cr_assert_eq(made->value != 0, kind_has_value(event.kind));
    cr_assert_geq(made->time_ms, *last_ms);
    *last_ms = made->time_ms;
}

Test(learner, makes_valid_events_in_order_within_the_period)
{
    for (uint32_t i = 0; i < model.learners; i++) {
        int64_t last_ms = 0;
        for_each_event(i, check_event, &last_ms);
    }
}

Test(learner, stops_in_the_middle_when_the_period_ends)
{
    struct learner learner;
    struct simulate_event event = {0};
    learner_open(&learner, course, 1);
    learner.clock_ms = simulate_end_ms(&model) - 2 * MINUTE_MS;
    uint32_t count = 0;
    for (; learner_next(&learner, course, &event); count++)
        cr_assert_lt(event.time_ms, simulate_end_ms(&model));
    cr_assert(count >= 4 && count <= 20, "%u events in two minutes", count);
}

/* Slices: of the section opened last, none longer than asked, none shorter than a second, none overlapping; a shorter
 * one ends its section. */
struct dwelling {
    uint16_t opened;
    int64_t end_ms;
    bool short_one;
    uint64_t slices, shorts, consecutive;
};
static void check_slice(const struct simulate_event *event, void *argument)
{
    struct dwelling *dwelling = argument;
    if (event->kind == KIND_OPEN) {
        dwelling->opened = event->content;
        dwelling->short_one = false;
    }
    if (event->kind != KIND_DWELL)
        return;
    cr_assert_eq(event->content, dwelling->opened);
    cr_assert_neq(model_place(course, event->content).section, UINT32_MAX, "dwell is on sections");
    cr_assert_geq(event->time_ms, dwelling->end_ms);
    cr_assert(event->value >= 1000 && event->value <= 45000);
    cr_assert_not(dwelling->short_one, "a short slice is the last of its section");
    dwelling->short_one = event->value < 45000;
    dwelling->consecutive += event->time_ms == dwelling->end_ms;
    dwelling->slices++;
    dwelling->shorts += dwelling->short_one;
    dwelling->end_ms = event->time_ms + event->value;
}

Test(learner, dwells_in_consecutive_slices_with_a_shorter_last_one)
{
    model.slice_ms = 45000;
    close_course();
    course = course_open(&model);
    struct dwelling dwelling = {0};
    for (uint32_t i = 0; i < 100; i++) {
        dwelling.end_ms = 0;
        for_each_event(i, check_slice, &dwelling);
    }
    cr_assert_gt(dwelling.slices, 10000);
    cr_assert_gt(dwelling.shorts, 1000);
    /* the first slice of each section follows an open, a few follow a pause */
    cr_assert_gt(dwelling.consecutive, (dwelling.slices - dwelling.shorts) * 90 / 100);
}

/* Progress rises within a module and ends at 100; modules are finished in order; cohort is said first. */
struct studying {
    uint32_t percent[12];
    uint32_t furthest;
    uint32_t events, finished;
};
static void check_progress(const struct simulate_event *event, void *argument)
{
    struct studying *studying = argument;
    bool first = studying->events++ == 0;
    cr_assert(first || event->kind != KIND_COHORT || studying->events > 10, "a move comes weeks later");
    if (event->kind != KIND_PROGRESS)
        return;
    struct model_place place = model_place(course, event->content);
    cr_assert_eq(place.section, UINT32_MAX, "progress is of modules");
    cr_assert_gt(event->value, studying->percent[place.module]);
    cr_assert_geq(place.module, studying->furthest);
    studying->percent[place.module] = event->value;
    studying->furthest = place.module;
    studying->finished += event->value == 100;
}

Test(learner, works_through_the_modules_in_order)
{
    uint32_t finished = 0;
    for (uint32_t i = 0; i < model.learners; i++) {
        struct studying studying = {0};
        for_each_event(i, check_progress, &studying);
        finished += studying.finished;
    }
    cr_assert(finished > 4 * model.learners && finished < 11 * model.learners, "%u modules finished", finished);
}

/* A favourite is taken back only where it was given. */
struct favorites {
    bool marked[12];
    uint32_t given, taken_back;
};
static void check_favorite(const struct simulate_event *event, void *argument)
{
    struct favorites *favorites = argument;
    uint32_t module = model_place(course, event->content).module;
    if (event->kind == KIND_FAVORITE) {
        favorites->marked[module] = true;
        favorites->given++;
    } else if (event->kind == KIND_UNFAVORITE) {
        cr_assert(favorites->marked[module]);
        favorites->marked[module] = false;
        favorites->taken_back++;
    }
}

Test(learner, takes_back_some_of_her_favourites)
{
    uint32_t given = 0, taken_back = 0;
    for (uint32_t i = 0; i < model.learners; i++) {
        struct favorites favorites = {0};
        for_each_event(i, check_favorite, &favorites);
        given += favorites.given;
        taken_back += favorites.taken_back;
    }
    cr_assert_gt(given, 200);
    cr_assert(taken_back > given / 20 && taken_back < given / 5, "%u of %u", taken_back, given);
}

/* Days with a visit, by week since the first event. */
struct visiting {
    int64_t first_ms, last_day;
    uint32_t days[13];
};
static void note_visit(const struct simulate_event *event, void *argument)
{
    struct visiting *visiting = argument;
    if (visiting->first_ms == 0)
        visiting->first_ms = event->time_ms;
    int64_t day = (event->time_ms - simulate_start_ms(&model)) / DAY_MS;
    if (day != visiting->last_day)
        visiting->days[(event->time_ms - visiting->first_ms) / (7 * (int64_t)DAY_MS)]++;
    visiting->last_day = day;
}

Test(learner, comes_three_to_six_times_a_week_at_first_and_less_later)
{
    uint32_t first = 0, fourth = 0, in_first = 0, in_fourth = 0, usual = 0;
    for (uint32_t i = 0; i < model.learners; i++) {
        struct visiting visiting = {.last_day = -1};
        for_each_event(i, note_visit, &visiting);
        first += visiting.days[0];
        in_first += visiting.days[0] > 0;
        usual += visiting.days[0] >= 3 && visiting.days[0] <= 6;
        fourth += visiting.days[3];
        in_fourth += visiting.days[3] > 0;
    }
    double early = (double)first / in_first, later = (double)fourth / in_fourth;
    cr_assert(early > 3 && early < 6, "%f visits in the first week", early);
    cr_assert(later < early - 1.3, "%f visits in the fourth week after %f in the first", later, early);
    cr_assert_gt(usual, in_first * 65 / 100);
    cr_assert_lt(in_fourth, in_first * 9 / 10);
}

Test(learner, stays_the_same_when_others_join)
{
    struct learner alone, among;
    learner_open(&alone, course, 17);
    model.learners = 100000;
    struct course *larger = course_open(&model);
    learner_open(&among, larger, 17);
    struct simulate_event a, b;
    while (learner_next(&alone, course, &a)) {
        cr_assert(learner_next(&among, larger, &b));
        cr_assert_eq(a.time_ms, b.time_ms);
        cr_assert_eq(a.content, b.content);
    }
    course_close(larger);
}
