#include "aggregator/cohorts.h"

#include <stdlib.h>
#include <uthash.h>

/* A name seen in the history, wherever its learners are now. */
struct name {
    UT_hash_handle hh;
    uint32_t group;
    bool used;
    char text[];
};

/* The latest change of one learner; name NULL: none yet. */
struct state {
    int64_t time_ms;
    struct name *name;
};

struct reading {
    uint32_t learner_count;
    struct state *states;
    struct name *names; /* hash by text */
    struct name *last;  /* changes come in runs of one name */
};

static bool name_is(const struct name *name, struct slice text)
{
    return name && slice_equal(slice_of_text(name->text), text);
}

/* uthash's macros unfold into what counts as a long function, here and below. */
// NOLINTNEXTLINE(readability-function-size)
static struct name *intern(struct reading *reading, struct slice text)
{
    if (name_is(reading->last, text))
        return reading->last;
    struct name *name = NULL;
    HASH_FIND(hh, reading->names, text.data, text.size, name);
    if (!name) {
        name = mem_new(1, sizeof *name + text.size + 1);
        memcpy(name->text, text.data, text.size);
        HASH_ADD_KEYPTR(hh, reading->names, name->text, text.size, name);
    }
    reading->last = name;
    return name;
}

static enum status read_changes(const struct cell_cohort *changes, uint32_t count, void *argument, struct error *error)
{
    struct reading *reading = argument;
    for (uint32_t i = 0; i < count; i++) {
        const struct cell_cohort *change = &changes[i];
        if (change->learner >= reading->learner_count)
            return error_set(error, STATUS_CORRUPT, "cells: a cohort change names learner %u, whom nobody knows",
                             change->learner);
        struct state *state = &reading->states[change->learner];
        if (state->name && change->time_ms < state->time_ms)
            continue;
        struct name *name = intern(reading, change->name);
        if (!state->name || change->time_ms > state->time_ms || strcmp(name->text, state->name->text) > 0)
            *state = (struct state){change->time_ms, name};
    }
    return STATUS_OK;
}

static int compare_names(const struct name *a, const struct name *b)
{
    return strcmp(a->text, b->text);
}

static bool is_none(const char *name)
{
    return strcmp(name, "-") == 0;
}

/* Numbers the groups that somebody is in and hands their names out. */
// NOLINTNEXTLINE(readability-function-size)
static void number_groups(struct reading *reading, struct cohorts *cohorts)
{
    HASH_SORT(reading->names, compare_names);
    cohorts->names = mem_new((size_t)HASH_COUNT(reading->names) + 1, sizeof *cohorts->names);
    cohorts->names[cohorts->group_count++] = mem_text("-");
    for (struct name *name = reading->names; name; name = name->hh.next) {
        if (is_none(name->text) || !name->used)
            continue;
        name->group = cohorts->group_count++;
        cohorts->names[name->group] = mem_text("%s", name->text);
    }
}

static void group_learners(const struct cells *cells, struct reading *reading, struct cohorts *cohorts)
{
    for (uint32_t learner = 0; learner < reading->learner_count; learner++)
        if (reading->states[learner].name && !cells_restricted(cells, learner))
            reading->states[learner].name->used = true;
    number_groups(reading, cohorts);
    cohorts->learner_count = reading->learner_count;
    cohorts->group = mem_new(reading->learner_count, sizeof *cohorts->group);
    for (uint32_t learner = 0; learner < reading->learner_count; learner++) {
        const struct name *name = reading->states[learner].name;
        cohorts->group[learner] = cells_restricted(cells, learner) ? COHORTS_NO_GROUP : name ? name->group : 0;
    }
}

static void reading_close(struct reading *reading)
{
    struct name *name = reading->names;
    HASH_CLEAR(hh, reading->names); /* the table goes, the names stay linked */
    while (name) {
        struct name *next = name->hh.next;
        free(name);
        name = next;
    }
    free(reading->states);
}

enum status cohorts_read(const struct cells *cells, int64_t before_ms, struct cohorts *cohorts, struct error *error)
{
    struct reading reading = {.learner_count = cells_learner_count(cells)};
    reading.states = mem_new(reading.learner_count, sizeof *reading.states);
    enum status status = cells_scan_cohorts(cells, before_ms, read_changes, &reading, error);
    if (!status) {
        struct cohorts read = {0};
        group_learners(cells, &reading, &read);
        *cohorts = read;
    }
    reading_close(&reading);
    return status;
}

void cohorts_close(struct cohorts *cohorts)
{
    for (uint32_t i = 0; i < cohorts->group_count; i++)
        free(cohorts->names[i]);
    free(cohorts->names);
    free(cohorts->group);
    *cohorts = (struct cohorts){0};
}

uint32_t cohorts_find(const struct cohorts *cohorts, const char *name)
{
    for (uint32_t i = 0; i < cohorts->group_count; i++)
        if (strcmp(cohorts->names[i], name) == 0)
            return i;
    return COHORTS_NO_GROUP;
}
