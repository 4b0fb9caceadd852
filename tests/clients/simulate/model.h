/* model.h - what the suites of the simulation start from: the defaults, a small course, a collected history. */
#ifndef JEJAK_TESTS_CLIENTS_SIMULATE_MODEL_H
#define JEJAK_TESTS_CLIENTS_SIMULATE_MODEL_H

#include "clients/simulate/crowd.h"

static inline struct simulate_model model_default(void)
{
    return (struct simulate_model){
        .seed = 1,
        .learners = 400,
        .modules = 12,
        .programs = 1,
        .weeks = 12,
        .cohorts = 3,
        .intake_ppm = 500000,
        .leave_permille = 1000,
        .start_day = 20458, /* 2026-01-05, a Monday */
        .offset_min = 7 * 60,
        .slice_ms = 30000,
        .long_modules = 1,
        .confusing_modules = 1,
        .loved_modules = 1,
        .skipped_modules = 1,
        .revise = true,
        .revise_day = 20458 + 42,
    };
}

/* The module that a content lies in, and its section; module UINT32_MAX for a cohort, section UINT32_MAX for the page.
 */
struct model_place {
    uint32_t module, section;
};
static inline struct model_place model_place(const struct course *course, uint16_t content)
{
    for (uint32_t i = 0; i < course_model(course)->modules; i++) {
        const struct course_module *module = course_module(course, i);
        if (content >= module->content && content <= module->content + module->section_count)
            return (struct model_place){i, content == module->content ? UINT32_MAX : content - module->content - 1u};
    }
    return (struct model_place){UINT32_MAX, UINT32_MAX};
}

static inline uint32_t model_module_of(const struct course *course, enum trait trait)
{
    for (uint32_t i = 0; i < course_model(course)->modules; i++)
        if (course_module(course, i)->trait == trait)
            return i;
    return UINT32_MAX;
}

#endif
