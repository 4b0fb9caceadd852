/* simulate.h - a made-up population of learners using a made-up course: what it is, and its options.
 *
 * Everything that comes out is simulated and says so: learners are called sim-00000001, modules "Module 1 (simulated)",
 * the program "simulated" (or "simulated 1" ...). It is for demonstrations, tests and load; no finding about real people follows from it.
 *
 * The model. All draws come from one seed (random.h); the same seed and options give the same bytes on any machine.
 *
 *   Course     Modules m01, m02 … in order; a module has 2 to 4 topics of 2 or 3 sections; each section has planned
 *              minutes that add up to 12 to 20 a module. Some modules are planted (course.h has the table): too long,
 *              confusing, loved, skipped, and one that is revised and better from a date. Planted modules are never the
 *              first or last one.
 *   Programs   With --programs the modules are divided, in order, over so many programs, and what is planted is planted
 *              in each. A learner is enrolled in one, learners in turn, and meets its modules only; what the period
 *              shows is a piece of a program that runs on, so she begins at any of them.
 *   Cohorts    start at whole weeks, spread over the first half of the period (--intake); 3 in 100 learners are in none,
 *              1 in 100 changes to another later. The first event of a learner in a cohort says so.
 *   Learner    has a pace (factor on every section's time, about 0.5 to 2), a reading rhythm of 3 to 6 visits a week
 *              (some fewer, some more) that fades by 6 to 14 % a week, a persistence (the chance to give up after a
 *              visit), and a habit: an hour of the day, days of the week that suit and others that do not, in local
 *              time at --utc-offset. At most one visit a local day.
 *   Visit      opens the module, then section after section: an open, then dwell slices of --slice seconds one after
 *              the other until the section's time is used up (the last one is shorter), now and then a pause of some
 *              minutes; after each section a progress event on the module that rises to 100. (Progress stands on the
 *              module only: a report takes the maximum over everything below a row, and a finished section is no
 *              finished module.) After each section the visit may break off, to go on another day; after a module it
 *              mostly ends.
 *   Module     done: perhaps a favourite, taken back later by 1 in 8; perhaps one to look at again at the next visit
 *              (one to three sections, at 40 % of their time); perhaps the last one before the learner gives up;
 *              perhaps the next one is passed over. How likely is the module's trait (course.h).
 *   End        After the last module a learner may come back some times to look at old ones. All ends at the period's
 *              end. --learners and --events together: learners give up sooner or later, so that so many make so much.
 *
 *   Delivery   Events come out in time order, as they would arrive. --late: that share arrives 1 to 72 hours late;
 *              --disorder: 1 to 120 seconds late; --repeat: that share arrives once more within 60 seconds.
 */
#ifndef JEJAK_CLIENTS_SIMULATE_SIMULATE_H
#define JEJAK_CLIENTS_SIMULATE_SIMULATE_H

#include "common/event.h"

enum {
    DAY_MS = 24 * 60 * 60 * 1000,
    HOUR_MS = 60 * 60 * 1000,
    MINUTE_MS = 60 * 1000
};

enum {
    SIMULATE_MAX_LEARNERS = 20000000,
    SIMULATE_MAX_MODULES = 999,
    SIMULATE_MAX_WEEKS = 520,
    SIMULATE_MAX_COHORTS = 99,
    SIMULATE_MAX_LEAVE_PERMILLE = 500000, /* everybody leaves after one visit */
};

struct simulate_model {
    uint64_t seed;
    uint32_t learners;
    uint32_t modules;
    uint32_t programs; /* 1 ... modules */
    uint32_t weeks;
    uint32_t cohorts;
    uint32_t intake_ppm;     /* the part of the period over which cohorts start */
    uint32_t leave_permille; /* factor on the chance to give up after a visit */
    int32_t start_day;       /* days since 1970-01-01, the period's first local day */
    int32_t offset_min;      /* local time is UTC plus this */
    uint32_t slice_ms;
    uint32_t long_modules, confusing_modules, loved_modules, skipped_modules; /* of a program */
    bool revise;
    int32_t revise_day; /* the local day from which the revised module is better */
};

struct simulate_delivery {
    uint32_t late_ppm, repeat_ppm, disorder_ppm;
};

/* One event as it is made: 24 bytes; texts are looked up when it is written. */
struct simulate_event {
    int64_t time_ms;
    uint32_t learner;
    uint32_t value;
    uint16_t content; /* course_content() */
    uint8_t kind;     /* enum kind */
};

/* The period [start, end) in Unix ms UTC. */
static inline int64_t simulate_day_start_ms(const struct simulate_model *model, int32_t day)
{
    return (int64_t)day * DAY_MS - (int64_t)model->offset_min * MINUTE_MS;
}
static inline int64_t simulate_start_ms(const struct simulate_model *model)
{
    return simulate_day_start_ms(model, model->start_day);
}
static inline int64_t simulate_end_ms(const struct simulate_model *model)
{
    return simulate_day_start_ms(model, model->start_day + (int32_t)model->weeks * 7);
}

/* "sim-00000042": the learner's id, always this long, no NUL. */
enum {
    SIMULATE_LEARNER_BYTES = 12
};
void simulate_learner_id(uint32_t learner, char id[SIMULATE_LEARNER_BYTES]);

#endif
