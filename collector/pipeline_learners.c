#include "collector/pipeline_inner.h"

#include <stdlib.h>

enum {
    HOUR_MS = 3600 * 1000
};

static struct allowance *allowance_of(struct pipeline *pipeline, uint32_t publisher, int64_t now_ms)
{
    if (publisher >= pipeline->allowance_room) {
        uint32_t room = publisher * 2 + 16;
        pipeline->allowances = mem_grow(pipeline->allowances, room, sizeof *pipeline->allowances);
        memset(pipeline->allowances + pipeline->allowance_room, 0,
               (room - pipeline->allowance_room) * sizeof *pipeline->allowances);
        pipeline->allowance_room = room;
    }
    struct allowance *allowance = &pipeline->allowances[publisher];
    if (now_ms - allowance->start_ms >= HOUR_MS || now_ms < allowance->start_ms)
        *allowance = (struct allowance){.start_ms = now_ms};
    return allowance;
}

bool pipeline_charge(struct pipeline *pipeline, uint32_t publisher, uint32_t count, int64_t now_ms)
{
    struct allowance *allowance = allowance_of(pipeline, publisher, now_ms);
    uint64_t known = (uint64_t)lookup_count(pipeline->lookup) + parking_learners(pipeline->parking);
    bool fit = (uint64_t)allowance->used + count <= pipeline->limits.max_new_learners &&
               known <= pipeline->limits.max_learners;
    if (fit)
        allowance->used += count;
    return fit;
}

/* A learner who was met: her number is the log's, or the next one. */
static uint32_t take_in(struct pipeline *pipeline, const struct vault_row *met)
{
    struct vault_row *row = group_learner(pipeline->group);
    *row = *met;
    if (row->new_number)
        row->number = pipeline->learners_next++;
    lookup_put(pipeline->lookup, row->hash, row->number);
    pipeline->counters.count[COUNTER_NEW_LEARNERS]++;
    return row->number;
}

static bool all_met(const struct pipeline *pipeline)
{
    for (uint32_t i = 0; i < pipeline->event_count; i++)
        if (pipeline->numbers[i] == LOOKUP_NONE && !parking_row(pipeline->parking, pipeline->hashes[i]))
            return false;
    return true;
}

uint32_t pipeline_look_up(struct pipeline *pipeline)
{
    return lookup_learners(pipeline->lookup, pipeline->events, pipeline->event_count, pipeline->hashes,
                           pipeline->numbers);
}

bool pipeline_pseudonymise(struct pipeline *pipeline)
{
    if (pipeline_look_up(pipeline) == 0)
        return true;
    if (!all_met(pipeline))
        return false;
    for (uint32_t i = 0; i < pipeline->event_count; i++) {
        if (pipeline->numbers[i] == LOOKUP_NONE) /* or one event earlier she was */
            pipeline->numbers[i] = lookup_get(pipeline->lookup, pipeline->hashes[i]);
        if (pipeline->numbers[i] == LOOKUP_NONE)
            pipeline->numbers[i] = take_in(pipeline, parking_row(pipeline->parking, pipeline->hashes[i]));
    }
    return true;
}
