#include "aggregator/cohorts.h"

#include <stdlib.h>
#define uthash_malloc(size) mem_new(1, size)
#include <uthash.h>

enum {
    LATELY = 64, /* names found lately, by where they stand in memory: a piece has each of its names once */
};

/* A name seen in the history, wherever its learners are now. */
struct name {
    UT_hash_handle hh;
    uint32_t number; /* in order of first sight, from 1 on */
    uint32_t group;
    bool used;
    char text[];
};

/* The latest change of one learner. */
struct state {
    int64_t time_ms;
    uint32_t name; /* its number; 0: none yet */
};

struct reading {
    const struct cells *cells;
    uint32_t learner_count;
    struct state *states;
    struct name *names;      /* hash by text */
    struct name **by_number; /* [number - 1] */
    uint32_t name_count, name_room;
    struct {
        const uint8_t *text;
        uint32_t number;
    } lately[LATELY]; /* of the piece at work */
};

/* uthash's macros unfold into what counts as a long function, here and below. */
// NOLINTNEXTLINE(readability-function-size)
static uint32_t name_number(struct reading *reading, struct slice text)
{
    struct name *name = NULL;
    HASH_FIND(hh, reading->names, text.data, text.size, name);
    if (name)
        return name->number;
    if (reading->name_count == reading->name_room) {
        reading->name_room = reading->name_room ? 2 * reading->name_room : 64;
        reading->by_number = mem_grow(reading->by_number, reading->name_room, sizeof(struct name *));
    }
    name = mem_new(1, sizeof *name + text.size + 1);
    reading->by_number[reading->name_count++] = name;
    memcpy(name->text, text.data, text.size);
    name->number = reading->name_count;
    HASH_ADD_KEYPTR(hh, reading->names, name->text, text.size, name);
    return reading->name_count;
}

static uint32_t name_lately(struct reading *reading, struct slice text)
{
    size_t at = ((uintptr_t)text.data ^ (uintptr_t)text.data >> 6) % LATELY;
    if (reading->lately[at].text != text.data) {
        reading->lately[at].number = name_number(reading, text);
        reading->lately[at].text = text.data;
    }
    return reading->lately[at].number;
}

static bool counts_more(const struct reading *reading, uint32_t name, uint32_t than)
{
    return strcmp(reading->by_number[name - 1]->text, reading->by_number[than - 1]->text) > 0;
}

static enum status read_changes(const struct cell_cohort *changes, uint32_t count, void *argument, struct error *error)
{
    struct reading *reading = argument;
    memset(reading->lately, 0, sizeof reading->lately);
    for (uint32_t i = 0; i < count; i++) {
        const struct cell_cohort *change = &changes[i];
        if (change->learner >= reading->learner_count)
            return error_set(error, STATUS_CORRUPT, "cells: a cohort change names learner %u, whom nobody knows",
                             change->learner);
        struct state *state = &reading->states[change->learner];
        if (state->name && change->time_ms < state->time_ms)
            continue;
        uint32_t name = name_lately(reading, change->name);
        if (!state->name || change->time_ms > state->time_ms || counts_more(reading, name, state->name))
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
    cohorts->names = mem_new((size_t)reading->name_count + 1, sizeof *cohorts->names);
    cohorts->names[cohorts->group_count++] = mem_text("-");
    for (struct name *name = reading->names; name; name = name->hh.next) {
        if (is_none(name->text) || !name->used)
            continue;
        name->group = cohorts->group_count++;
        cohorts->names[name->group] = mem_text("%s", name->text);
    }
}

static void group_learners(struct reading *reading, struct cohorts *cohorts)
{
    for (uint32_t learner = 0; learner < reading->learner_count; learner++)
        if (reading->states[learner].name && !cells_restricted(reading->cells, learner))
            reading->by_number[reading->states[learner].name - 1]->used = true;
    number_groups(reading, cohorts);
    cohorts->learner_count = reading->learner_count;
    cohorts->group = mem_new(reading->learner_count, sizeof *cohorts->group);
    for (uint32_t learner = 0; learner < reading->learner_count; learner++) {
        uint32_t name = reading->states[learner].name;
        cohorts->group[learner] = cells_restricted(reading->cells, learner) ? COHORTS_NO_GROUP
                                  : name                                    ? reading->by_number[name - 1]->group
                                                                            : 0;
    }
}

static void reading_close(struct reading *reading)
{
    HASH_CLEAR(hh, reading->names);
    for (uint32_t i = 0; i < reading->name_count; i++)
        free(reading->by_number[i]);
    free(reading->by_number);
    free(reading->states);
}

enum status cohorts_read(const struct cells *cells, int64_t before_ms, struct cohorts *cohorts, struct error *error)
{
    struct reading reading = {.cells = cells, .learner_count = cells_learner_count(cells)};
    reading.states = mem_new(reading.learner_count, sizeof *reading.states);
    mem_prefer_huge(reading.states, reading.learner_count * sizeof *reading.states);
    enum status status = cells_scan_cohorts(cells, before_ms, read_changes, &reading, error);
    if (!status) {
        struct cohorts read = {0};
        group_learners(&reading, &read);
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
