#include "collector/pipeline_inner.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    AHEAD = 16 /* rows whose places in memory are called for before they are needed */
};

static enum status load_session(struct slice key, struct slice value, void *argument, struct error *error)
{
    struct pipeline *pipeline = argument;
    char name[PUBLISHER_NAME_MAX + 1];
    struct session read = {0};
    bool fits = key.size > SESSION_BYTES + 1 && key.size <= SESSION_KEY_MAX_BYTES;
    size_t name_size = fits ? key.size - SESSION_BYTES - 1 : 0;
    if (!fits || memchr(key.data, 0, key.size) != key.data + name_size)
        return error_set(error, STATUS_CORRUPT, "the event log: a session's key is damaged");
    enum status status = session_decode(value, &read, error);
    if (status != STATUS_OK)
        return status;
    memcpy(name, key.data, name_size + 1);
    struct session *session = sessions_add(pipeline->sessions, roles_publisher_named(pipeline->roles, name),
                                           key.data + name_size + 1, read.settled);
    session->last_ms = read.last_ms;
    session->first_known = read.first_known;
    memcpy(session->fingerprints, read.fingerprints, sizeof read.fingerprints);
    return STATUS_OK;
}

/* A row of `known` while all of them wait for the log's word. Millions at a time: no padding, and of a lid, which is
 * random, the first half is enough to tell it from any other. */
struct known_row {
    struct lookup_hash hash;
    uint64_t lid;
    uint32_t number;
} __attribute__((packed, aligned(4)));

struct known {
    struct vault *vault;
    struct known_row *rows;
    size_t count, room;
    enum status status;
    struct error error;
};

static void take_known(struct lookup_hash hash, uint32_t number, const uint8_t lid[LID_BYTES], void *argument)
{
    struct known *known = argument;
    if (known->count == known->room) {
        known->room += known->room / 4 + 4096;
        known->rows = mem_grow(known->rows, known->room, sizeof *known->rows);
    }
    known->rows[known->count++] = (struct known_row){.hash = hash, .lid = get_u64(lid), .number = number};
}

static void *read_known(void *argument)
{
    struct known *known = argument;
    known->status = vault_known(known->vault, take_known, known, &known->error);
    return NULL;
}

/* The first half of each number's lid, to be freed. */
static enum status read_lids(struct eventlog *log, uint32_t count, uint64_t **halves, struct error *error)
{
    uint8_t *lids = mem_new(count, LID_BYTES);
    enum status status = eventlog_lids(log, 0, count, lids, error);
    for (size_t i = 1; i < count; i++)
        memmove(lids + i * sizeof(uint64_t), lids + i * LID_BYTES, sizeof(uint64_t));
    *halves = mem_grow(lids, (size_t)count + 1, sizeof(uint64_t));
    return status;
}

/* A row of `known` that the log does not confirm binds nothing: the log's own row has the last word. */
static void fill_table(struct lookup *lookup, const struct known *known, const uint64_t *lids, uint32_t lid_count)
{
    lookup_reserve(lookup, (uint32_t)known->count);
    for (size_t i = 0; i < known->count; i++) {
        const struct known_row *row = &known->rows[i];
        if (i + AHEAD < known->count) {
            lookup_prefetch(lookup, row[AHEAD].hash);
            __builtin_prefetch(lids + row[AHEAD].number);
        }
        if (row->number < lid_count && lids[row->number] == row->lid)
            lookup_put(lookup, row->hash, row->number);
    }
}

/* Vault and log are read at the same time: a start waits for the slower one of two scans, not for both. */
static enum status load_known(struct pipeline *pipeline, struct error *error)
{
    uint32_t count = eventlog_next(pipeline->store->log).learners;
    struct known known = {.vault = pipeline->store->vault};
    pthread_t thread;
    bool apart = pthread_create(&thread, NULL, read_known, &known) == 0;
    uint64_t *lids;
    enum status status = read_lids(pipeline->store->log, count, &lids, error);
    if (apart)
        pthread_join(thread, NULL);
    else
        read_known(&known);
    if (status == STATUS_OK && known.status != STATUS_OK) {
        *error = known.error;
        status = known.status;
    }
    if (status == STATUS_OK)
        fill_table(pipeline->lookup, &known, lids, count);
    free(known.rows);
    free(lids);
    pipeline->learners_next = count;
    return status;
}

enum status pipeline_attach(struct pipeline *pipeline, struct store *store, struct error *error)
{
    ensure(parking_empty(pipeline->parking));
    lookup_close(pipeline->lookup);
    sessions_close(pipeline->sessions);
    pipeline->lookup = lookup_open(pipeline->lookup_key);
    pipeline->sessions = sessions_open();
    pipeline->store = store;
    pipeline->broken = false;
    if (!store)
        return STATUS_OK;
    enum status status = eventlog_rows(store->log, EVENTLOG_SESSIONS, load_session, pipeline, error);
    if (status == STATUS_OK)
        status = load_known(pipeline, error);
    return status;
}

struct sweep {
    struct pipeline *pipeline;
    int64_t oldest_ms;
};

static void sweep_session(struct session *session, void *argument)
{
    struct sweep *sweep = argument;
    struct pipeline *pipeline = sweep->pipeline;
    if (session->last_ms >= sweep->oldest_ms || session->settled != session->durable)
        return;
    group_expire(pipeline->group, roles_publisher_name(pipeline->roles, session->publisher), session);
    sessions_remove(pipeline->sessions, session);
}

void pipeline_sweep(struct pipeline *pipeline, int64_t now_ms)
{
    struct sweep sweep = {pipeline, now_ms - pipeline->limits.session_ms};
    if (pipeline->store)
        sessions_each(pipeline->sessions, sweep_session, &sweep);
}
