#include "collector/pipeline_inner.h"

#include <stdlib.h>

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

struct known_check {
    struct lookup *lookup;
    const uint8_t *lids;
    uint32_t count;
};

/* A row of `known` ahead of the log (its commit never came) binds nothing: the log's own row has the last word. */
static void take_known(struct lookup_hash hash, uint32_t number, const uint8_t lid[LID_BYTES], void *argument)
{
    struct known_check *check = argument;
    bool bound = number < check->count && memcmp(check->lids + (size_t)number * LID_BYTES, lid, LID_BYTES) == 0;
    if (bound)
        lookup_put(check->lookup, hash, number);
}

static enum status load_known(struct pipeline *pipeline, struct error *error)
{
    uint32_t count = eventlog_next(pipeline->store->log).learners;
    uint8_t *lids = mem_new(count, LID_BYTES);
    struct known_check check = {.lookup = pipeline->lookup, .lids = lids, .count = count};
    enum status status = eventlog_lids(pipeline->store->log, 0, count, lids, error);
    if (status == STATUS_OK)
        status = vault_known(pipeline->store->vault, take_known, &check, error);
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
    enum status status = eventlog_sessions(store->log, load_session, pipeline, error);
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
