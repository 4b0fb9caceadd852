#include "bench/counts.h"

#include "collector/pipeline.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
    LEARNERS = 2000,               /* few, so that little time goes into a store that knows them all */
    BATCHES = BATCH_MAX_IN_FLIGHT, /* of one session, so nothing needs to be made durable in between */
    EVENTS = BATCHES * 500,
    GROUP_EVENTS = 1 << 17,
    GROUP_BATCH_BYTES = 1 << 20,
};
#define RETENTION_MS (INT64_C(1826) * 86400000)

static const uint8_t the_lookup_key[KEY_BYTES] = "a lookup key", the_session_key[KEY_BYTES] = "a session key",
                     the_pseudonym_key[KEY_BYTES] = "a pseudonym key";

struct ingest {
    struct counts_load load;
    struct lookup *lookup;
    struct lookup_hash *hashes;
    uint32_t *numbers; /* by event */
    struct group *group;
    uint8_t *record;
    struct config *config;
    struct roles *roles;
    struct store store;
    struct pipeline *pipeline;
    uint32_t publisher;
};

static void ingest_close(void *state)
{
    struct ingest *ingest = state;
    pipeline_close(ingest->pipeline);
    store_close(&ingest->store);
    roles_close(ingest->roles);
    config_close(ingest->config);
    group_close_memory(ingest->group);
    lookup_close(ingest->lookup);
    counts_load_close(&ingest->load);
    free(ingest->hashes);
    free(ingest->numbers);
    free(ingest->record);
    free(ingest);
}

static struct slice learner_id(uint32_t learner, char text[32])
{
    return slice_of(text, (size_t)snprintf(text, 32, "learner-%08u", learner)); /* as workload.c names them */
}

/* The load; the table of all learners; their numbers. */
static enum status prepare_table(const char *folder, void **state, struct error *error)
{
    (void)folder;
    struct ingest *ingest = mem_new(1, sizeof *ingest);
    *state = ingest;
    enum status status = counts_load_open(WORKLOAD_INDEPENDENT, EVENTS, LEARNERS, &ingest->load, error);
    if (status != STATUS_OK)
        return status;
    ingest->lookup = lookup_open(the_lookup_key);
    for (uint32_t learner = 0; learner < LEARNERS; learner++) {
        char text[32];
        lookup_put(ingest->lookup, lookup_hash(ingest->lookup, learner_id(learner, text)), learner);
    }
    ingest->hashes = mem_new(EVENTS, sizeof *ingest->hashes);
    ingest->numbers = mem_new(EVENTS, sizeof *ingest->numbers);
    return STATUS_OK;
}

/* ---- decode: bytes to checked events ---- */

static enum status decode(void *state, uint64_t *units, struct error *error)
{
    struct ingest *ingest = state;
    for (uint32_t i = 0; i < ingest->load.message_count; i++) {
        struct wire_batch batch;
        struct event event;
        enum verdict verdict;
        if (wire_batch_read(ingest->load.messages[i], &batch) != WIRE_OK)
            return error_set(error, STATUS_DATA, "batch %u is malformed", i);
        while (wire_event_next(&batch, &event, &verdict)) {
            if (verdict == VERDICT_ACCEPTED)
                verdict = event_check(&event, COUNTS_NOW_MS - RETENTION_MS, COUNTS_NOW_MS);
            *units += verdict == VERDICT_ACCEPTED;
        }
        if (!wire_batch_finish(&batch))
            return error_set(error, STATUS_DATA, "batch %u is malformed: %s", i, batch.detail);
    }
    return *units == EVENTS ? STATUS_OK : error_set(error, STATUS_DATA, "%u events, not all accepted", EVENTS);
}

/* ---- lookup: keyed hash and table, a batch at a time ---- */

static enum status look_up(void *state, uint64_t *units, struct error *error)
{
    struct ingest *ingest = state;
    const struct event *events = ingest->load.events;
    for (uint32_t first = 0; first < EVENTS; first += EVENTS / BATCHES) {
        uint32_t end = first + EVENTS / BATCHES;
        lookup_learners(ingest->lookup, events + first, end - first, ingest->hashes + first, ingest->numbers + first);
    }
    for (uint32_t i = 0; i < EVENTS; i++)
        *units += ingest->numbers[i] < LEARNERS;
    return *units == EVENTS ? STATUS_OK : error_set(error, STATUS_DATA, "learners of the table are not found");
}

/* ---- encode: events to columns, columns to a block ---- */

static enum status prepare_group(const char *folder, void **state, struct error *error)
{
    enum status status = prepare_table(folder, state, error);
    struct ingest *ingest = *state;
    uint64_t found = 0;
    if (status == STATUS_OK)
        status = look_up(ingest, &found, error);
    ingest->group = group_open(GROUP_EVENTS, GROUP_BATCH_BYTES);
    group_clear(ingest->group, 1);
    ingest->record = mem_new(BLOCK_MAX_BYTES, 1);
    return status;
}

static enum status encode(void *state, uint64_t *units, struct error *error)
{
    struct ingest *ingest = state;
    struct group *group = ingest->group;
    for (uint32_t i = 0; i < EVENTS; i++) {
        const struct event *event = &ingest->load.events[i];
        group_add(group, event, ingest->numbers[i], group_path(group, event->content));
    }
    group_run(group, 0, "bench", EVENTS, COUNTS_NOW_MS);
    struct block_columns columns;
    group_columns(group, &columns);
    ensure(block_bound(&columns) <= BLOCK_MAX_BYTES);
    struct record_header header = {.learners = LEARNERS}, read;
    size_t size = block_encode(&header, &columns, ingest->record);
    enum status status = record_open(slice_of(ingest->record, size), &read, error);
    if (status == STATUS_OK && read.events != EVENTS)
        status = error_set(error, STATUS_DATA, "the block holds %u events, not %u", read.events, EVENTS);
    *units = EVENTS;
    return status;
}

/* ---- ingest: the pipeline as it is, from bytes to the open group, on a store that knows every learner ---- */

/* As a commit of a group in which all were new left it, without the group operation that each costs. */
static enum status write_learners(struct ingest *ingest, struct error *error)
{
    for (uint32_t learner = 0; learner < LEARNERS; learner++) {
        char text[32];
        struct vault_row row = {.new_person = true, .number = learner, .new_number = true};
        row.hash = lookup_hash(ingest->lookup, learner_id(learner, text));
        put_u32(row.person, learner);
        put_u32(row.lid, learner + 1);
        *group_learner(ingest->group) = row;
    }
    group_freeze(ingest->group, ingest->roles);
    enum status status = store_commit(&ingest->store, ingest->group, error);
    group_clear(ingest->group, 2);
    return status;
}

static enum status open_store(struct ingest *ingest, const char *folder, struct error *error)
{
    static const char *const sets[] = {"plain=on"};
    struct store_options options = {.create = true, .pseudonym_key = the_pseudonym_key};
    enum status status = config_open(folder, NULL, sets, ARRAY_COUNT(sets), &ingest->config, error);
    if (status != STATUS_OK)
        return status;
    char *data = mem_text("%s/data", folder);
    status = mkdir(data, 0700) == 0 ? STATUS_OK : error_errno(error, STATUS_CANNOT_MAKE, "%s", data);
    free(data);
    if (status != STATUS_OK)
        return status;
    ingest->roles = roles_open(config_text(ingest->config, CONFIG_KEYS), 100);
    ingest->publisher = roles_publisher_named(ingest->roles, "bench");
    return store_open(ingest->config, &options, &ingest->store, error);
}

static enum status prepare_pipeline(const char *folder, void **state, struct error *error)
{
    enum status status = prepare_group(folder, state, error);
    struct ingest *ingest = *state;
    if (status == STATUS_OK)
        status = open_store(ingest, folder, error);
    if (status == STATUS_OK)
        status = write_learners(ingest, error);
    if (status != STATUS_OK)
        return status;
    ingest->pipeline = pipeline_open(ingest->roles, the_lookup_key, the_session_key);
    pipeline_limit(ingest->pipeline,
                   &(struct pipeline_limits){.retention_ms = RETENTION_MS,
                                             .max_sessions = 1000,
                                             .max_learners = 2 * LEARNERS,
                                             .max_new_learners = LEARNERS,
                                             .rates = {.events = BUDGET_LEAST_EVENTS, .bytes = BUDGET_LEAST_BYTES},
                                             .retry_ms = 500,
                                             .session_ms = RETENTION_MS});
    pipeline_fill(ingest->pipeline, ingest->group);
    return pipeline_attach(ingest->pipeline, &ingest->store, error);
}

static enum status ingest_batches(void *state, uint64_t *units, struct error *error)
{
    struct ingest *ingest = state;
    struct group_address from = {.size = 3, .routing_id = "who"};
    for (uint32_t i = 0; i < ingest->load.message_count; i++)
        pipeline_batch(ingest->pipeline, ingest->publisher, ingest->load.messages[i], &from, COUNTS_NOW_MS);
    const struct counters *counters = pipeline_counters(ingest->pipeline);
    *units = counters->count[COUNTER_EVENTS];
    if (*units != EVENTS || counters->count[COUNTER_NEW_LEARNERS] > 0)
        return error_set(error, STATUS_DATA, "the pipeline took %llu events of %u and met %llu learners anew",
                         (unsigned long long)*units, EVENTS, (unsigned long long)counters->count[COUNTER_NEW_LEARNERS]);
    return STATUS_OK;
}

const struct counts_stage counts_ingest_stages[] = {
    {"decode", "event", prepare_table, decode, ingest_close},
    {"lookup", "event", prepare_table, look_up, ingest_close},
    {"ingest", "event", prepare_pipeline, ingest_batches, ingest_close},
    {"encode", "event", prepare_group, encode, ingest_close},
};
const size_t counts_ingest_count = ARRAY_COUNT(counts_ingest_stages);
