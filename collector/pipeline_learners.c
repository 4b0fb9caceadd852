#include "collector/pipeline_inner.h"

#include <stdlib.h>

enum {
    HOUR_MS = 3600 * 1000
};

static int by_hash(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct lookup_hash));
}

/* How many learners of the batch were never seen. */
static uint32_t count_new(const struct pipeline *pipeline, uint32_t unknown)
{
    struct lookup_hash *hashes = mem_new(unknown, sizeof *hashes);
    uint32_t count = 0, distinct = 0;
    for (uint32_t i = 0; i < pipeline->event_count; i++)
        if (pipeline->numbers[i] == LOOKUP_NONE)
            hashes[count++] = pipeline->hashes[i];
    qsort(hashes, count, sizeof *hashes, by_hash);
    for (uint32_t i = 0; i < count; i++)
        distinct += i == 0 || by_hash(&hashes[i], &hashes[i - 1]) != 0;
    free(hashes);
    return distinct;
}

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

static bool new_learners_fit(struct pipeline *pipeline, uint32_t publisher, uint32_t unknown, int64_t now_ms)
{
    struct allowance *allowance = allowance_of(pipeline, publisher, now_ms);
    uint32_t count = count_new(pipeline, unknown);
    bool fit = (uint64_t)allowance->used + count <= pipeline->limits.max_new_learners &&
               (uint64_t)lookup_count(pipeline->lookup) + count <= pipeline->limits.max_learners;
    if (fit)
        allowance->used += count;
    return fit;
}

/* A learner met for the first time: her lid from the vault, her number from the log or the next one. */
static enum status meet(struct pipeline *pipeline, struct slice id, struct lookup_hash hash, uint32_t *number)
{
    struct vault_row row = {.hash = hash};
    bool bound = false;
    enum status status = vault_resolve(pipeline->store->vault, id, &row, &pipeline->error);
    if (status == STATUS_OK && !row.new_person)
        status = eventlog_number(pipeline->store->log, row.lid, &bound, &row.number, &pipeline->error);
    if (status != STATUS_OK) {
        pipeline->broken = true;
        return status;
    }
    row.new_number = !bound;
    if (!bound)
        row.number = pipeline->learners_next++;
    *group_learner(pipeline->group) = row;
    lookup_put(pipeline->lookup, hash, row.number);
    pipeline->counters.count[COUNTER_NEW_LEARNERS]++;
    *number = row.number;
    return STATUS_OK;
}

enum status pipeline_pseudonymise(struct pipeline *pipeline, uint32_t publisher, int64_t now_ms)
{
    uint32_t unknown =
        lookup_learners(pipeline->lookup, pipeline->events, pipeline->event_count, pipeline->hashes, pipeline->numbers);
    if (unknown == 0)
        return STATUS_OK;
    if (!new_learners_fit(pipeline, publisher, unknown, now_ms))
        return STATUS_BUSY;
    for (uint32_t i = 0; i < pipeline->event_count; i++) {
        if (pipeline->numbers[i] != LOOKUP_NONE)
            continue;
        pipeline->numbers[i] = lookup_get(pipeline->lookup, pipeline->hashes[i]);
        if (pipeline->numbers[i] != LOOKUP_NONE)
            continue;
        enum status status = meet(pipeline, pipeline->events[i].learner, pipeline->hashes[i], &pipeline->numbers[i]);
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}
