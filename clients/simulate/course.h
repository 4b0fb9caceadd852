/* course.h - the made-up course: modules, their sections with planned minutes, and what was planted in which.
 *
 * How learners behave in a module is its trait, one row of the table below. `verdict` is what the review list of a
 * report over the whole period should say about it (docs/METRICS.md); for the revised module it is the revision's
 * verdict.
 */
#ifndef JEJAK_CLIENTS_SIMULATE_COURSE_H
#define JEJAK_CLIENTS_SIMULATE_COURSE_H

#include "clients/simulate/simulate.h"
#include "common/status.h"

#include <stdio.h>

/*  time    factor on planned time, permille      again   to come back to it when it is done, ppm
 *  broken  a visit breaks off after a section    loved   to mark it as a favourite
 *  gone    to give up when it is done            passed  to pass it over
 *  least, greatest: planned tenths of minutes
 * The long one is long in one go: 27 minutes, so that few of its learners count as reopening it (30 minutes). */
/* clang-format off */
/*    name       text         verdict     time  broken   again    gone   loved  passed  least greatest */
#define TRAIT_TABLE(X)                                                                                                 \
    X(PLAIN,     "plain",     "steady",   1000, 100000, 200000,  20000,  60000,  20000, 120, 200)                      \
    X(LONG,      "long",      "split",    2350,  30000, 100000,   5000,  60000,  20000, 114, 120)                      \
    X(CONFUSING, "confusing", "clarify",  1900, 130000, 650000, 180000,  10000,  20000, 110, 125)                      \
    X(LOVED,     "loved",     "interest", 1900,  50000, 150000,   5000, 450000,  10000,  90, 110)                      \
    X(SKIPPED,   "skipped",   "skimmed",   180,  30000,  50000,  20000,  10000, 550000, 120, 200)                      \
    X(REVISED,   "revised",   "better",   2000,  90000, 300000,  50000,  40000,  20000, 110, 125)                      \
    X(BETTER,    "better",    "better",   1000,  70000, 200000,  20000,  80000,  20000, 110, 125)
/* clang-format on */

enum trait {
#define X(name, ...) TRAIT_##name,
    TRAIT_TABLE(X)
#undef X
    TRAIT_COUNT
};

struct trait_rates {
    const char *name;
    const char *verdict;
    uint32_t time_permille;
    uint32_t broken_ppm, again_ppm, gone_ppm, loved_ppm, passed_ppm;
    uint32_t least_tenths, greatest_tenths;
};

enum {
    COURSE_PATH_BYTES = 16,
    COURSE_MAX_SECTIONS = 12
};

/* A path: of a section, of a module, or a cohort's name. */
struct course_content {
    char text[COURSE_PATH_BYTES];
    uint8_t size;
};

struct course_module {
    enum trait trait; /* TRAIT_REVISED becomes TRAIT_BETTER at the course's revised_ms */
    uint32_t section_count;
    uint16_t content;                             /* the module's own path; its sections follow */
    uint8_t topic[COURSE_MAX_SECTIONS];           /* of a section, from 1 */
    uint32_t planned_tenths[COURSE_MAX_SECTIONS]; /* of minutes, of a section */
};

struct course;

struct course *course_open(const struct simulate_model *model);
void course_close(struct course *course);

const struct simulate_model *course_model(const struct course *course);
const struct course_module *course_module(const struct course *course, uint32_t module);
/* The modules [first, end) of a program, programs from 0: as even a division as there is. */
struct course_program {
    uint16_t first, end;
};
struct course_program course_program(const struct course *course, uint32_t program);
const struct trait_rates *course_rates(const struct course *course, uint32_t module, int64_t time_ms);
const struct course_content *course_content(const struct course *course, uint16_t content);

/* Contents of cohort events: 0 is "-" (none), then cohort-1, cohort-2 … */
uint16_t course_cohort_content(const struct course *course, uint32_t cohort);
int64_t course_cohort_start_ms(const struct course *course, uint32_t cohort); /* 1 … model->cohorts */

/* The curriculum file (docs/METRICS.md), and what was planted: content,planted,verdict,date. */
void course_write_curriculum(const struct course *course, FILE *file);
void course_write_planted(const struct course *course, FILE *file);

#endif
