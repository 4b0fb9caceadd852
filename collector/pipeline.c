#include "collector/pipeline.h"

#include "common/logline.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

enum {
    HOUR_MS = 3600 * 1000,
    ALARM_EVERY_MS = 1000, /* a publisher cannot flood the log */
    SWEEP_LEAST_MS = 1000,
};

/* New learners of a publisher within the hour that began at start_ms. */
struct allowance {
    int64_t start_ms;
    uint32_t used;
};

struct pipeline {
    struct roles *roles;
    struct store *store; /* NULL: none is open, everything is busy */
    struct group *group;
    struct lookup *lookup;
    struct sessions *sessions;
    struct pipeline_limits limits;
    struct counters counters;
    uint8_t lookup_key[KEY_BYTES], session_key[KEY_BYTES];
    uint32_t learners_next; /* the next number to give */
    struct allowance *allowances;
    uint32_t allowance_room;
    int64_t swept_ms; /* when sessions were last looked through to make room */
    bool broken;
    struct error error;
    int64_t alarmed_ms; /* of the last alarm about a rollback */

    /* Of the batch at hand; room for BATCH_MAX_EVENTS. */
    struct event *events; /* those accepted */
    struct lookup_hash *hashes;
    uint32_t *numbers;
    uint32_t event_count;
    struct answer_rejected rejected[REJECTED_MAX_LISTED];
    uint32_t rejected_listed, rejected_total;
    uint32_t verdicts[VERDICT_COUNT];
};

struct pipeline *pipeline_open(struct roles *roles, const uint8_t lookup_key[KEY_BYTES],
                               const uint8_t session_key[KEY_BYTES])
{
    struct pipeline *pipeline = mem_new(1, sizeof *pipeline);
    pipeline->roles = roles;
    memcpy(pipeline->lookup_key, lookup_key, KEY_BYTES);
    memcpy(pipeline->session_key, session_key, KEY_BYTES);
    pipeline->events = mem_new(BATCH_MAX_EVENTS, sizeof *pipeline->events);
    pipeline->hashes = mem_new(BATCH_MAX_EVENTS, sizeof *pipeline->hashes);
    pipeline->numbers = mem_new(BATCH_MAX_EVENTS, sizeof *pipeline->numbers);
    return pipeline;
}

void pipeline_close(struct pipeline *pipeline)
{
    if (!pipeline)
        return;
    lookup_close(pipeline->lookup);
    sessions_close(pipeline->sessions);
    sodium_memzero(pipeline->lookup_key, KEY_BYTES);
    sodium_memzero(pipeline->session_key, KEY_BYTES);
    free(pipeline->allowances);
    free(pipeline->events);
    free(pipeline->hashes);
    free(pipeline->numbers);
    free(pipeline);
}

void pipeline_limit(struct pipeline *pipeline, const struct pipeline_limits *limits)
{
    pipeline->limits = *limits;
}

void pipeline_fill(struct pipeline *pipeline, struct group *group)
{
    pipeline->group = group;
}

struct counters *pipeline_counters(struct pipeline *pipeline)
{
    return &pipeline->counters;
}

uint32_t pipeline_session_count(const struct pipeline *pipeline)
{
    return pipeline->sessions ? sessions_total(pipeline->sessions) : 0;
}

uint32_t pipeline_learner_count(const struct pipeline *pipeline)
{
    return pipeline->lookup ? lookup_count(pipeline->lookup) : 0;
}

bool pipeline_broken(const struct pipeline *pipeline, struct error *error)
{
    if (pipeline->broken)
        *error = pipeline->error;
    return pipeline->broken;
}

/* ---- reading back ---- */

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

/* ---- decode, validate ---- */

static void reject(struct pipeline *pipeline, uint32_t index, enum verdict verdict)
{
    pipeline->rejected_total++;
    if (pipeline->rejected_listed < REJECTED_MAX_LISTED)
        pipeline->rejected[pipeline->rejected_listed++] = (struct answer_rejected){index, verdict};
    pipeline->verdicts[verdict]++;
}

/* All events of the batch: the good ones into `events`, the others into `rejected`. False: the bytes are malformed. */
static bool read_events(struct pipeline *pipeline, struct wire_batch *batch, int64_t now_ms)
{
    struct event *event = pipeline->events;
    enum verdict verdict;
    int64_t newest_ms = now_ms + FUTURE_TOLERANCE_MS;
    int64_t oldest_ms = pipeline->limits.retention_ms ? now_ms - pipeline->limits.retention_ms : 0;
    pipeline->rejected_listed = pipeline->rejected_total = 0;
    memset(pipeline->verdicts, 0, sizeof pipeline->verdicts);
    for (uint32_t index = 0; wire_event_next(batch, event, &verdict); index++) {
        if (verdict == VERDICT_ACCEPTED)
            verdict = event_check(event, oldest_ms, newest_ms);
        if (verdict == VERDICT_ACCEPTED)
            event++;
        else
            reject(pipeline, index, verdict);
    }
    pipeline->event_count = (uint32_t)(event - pipeline->events);
    return wire_batch_finish(batch);
}

/* Keyed, so that what is stored confirms no guess at a batch's events; never FINGERPRINT_MALFORMED. */
static uint64_t fingerprint_of(const struct pipeline *pipeline, struct slice events)
{
    XXH128_hash_t hash = XXH3_128bits(events.data, events.size);
    uint64_t fingerprint;
    _Static_assert(sizeof fingerprint == crypto_shorthash_BYTES, "SipHash-2-4 gives 64 bits");
    crypto_shorthash((uint8_t *)&fingerprint, (const uint8_t *)&hash, sizeof hash, pipeline->session_key);
    return fingerprint == FINGERPRINT_MALFORMED ? 1 : fingerprint;
}

/* ---- pseudonymise ---- */

static void hash_learners(struct pipeline *pipeline)
{
    for (uint32_t i = 0; i < pipeline->event_count; i++) {
        bool again = i > 0 && slice_equal(pipeline->events[i].learner, pipeline->events[i - 1].learner);
        pipeline->hashes[i] =
            again ? pipeline->hashes[i - 1] : lookup_hash(pipeline->lookup, pipeline->events[i].learner);
        lookup_prefetch(pipeline->lookup, pipeline->hashes[i]);
    }
}

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

/* Fills `numbers`. STATUS_BUSY: a bound on learners; anything else: the store failed. */
static enum status pseudonymise(struct pipeline *pipeline, uint32_t publisher, int64_t now_ms)
{
    uint32_t unknown = 0;
    hash_learners(pipeline);
    for (uint32_t i = 0; i < pipeline->event_count; i++) {
        pipeline->numbers[i] = lookup_get(pipeline->lookup, pipeline->hashes[i]);
        unknown += pipeline->numbers[i] == LOOKUP_NONE;
    }
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

/* ---- append ---- */

static void append(struct pipeline *pipeline, uint32_t publisher, int64_t now_ms)
{
    struct group *group = pipeline->group;
    uint32_t path = 0;
    for (uint32_t i = 0; i < pipeline->event_count; i++) {
        const struct event *event = &pipeline->events[i];
        if (i == 0 || !slice_equal(event->content, pipeline->events[i - 1].content))
            path = group_path(group, event->content);
        group_add(group, event, pipeline->numbers[i], path);
    }
    group_run(group, publisher, roles_publisher_name(pipeline->roles, publisher), pipeline->event_count, now_ms);
    pipeline->counters.count[COUNTER_EVENTS] += pipeline->event_count;
    pipeline->counters.count[COUNTER_REJECTED] += pipeline->rejected_total;
    for (unsigned i = 0; i < VERDICT_COUNT; i++)
        pipeline->counters.verdicts[i] += pipeline->verdicts[i];
}

/* ---- answer ---- */

static struct answer *queue_answer(struct pipeline *pipeline, const struct group_address *to,
                                   const struct wire_batch *batch, enum answer_status status)
{
    static const enum counter counted[ANSWER_STATUS_COUNT] = {
        [ANSWER_OK] = COUNTER_OK,     [ANSWER_DUPLICATE] = COUNTER_DUPLICATES, [ANSWER_GAP] = COUNTER_GAPS,
        [ANSWER_BUSY] = COUNTER_BUSY, [ANSWER_REFUSED] = COUNTER_REFUSED,
    };
    struct answer *answer = &group_answer(pipeline->group, to)->answer;
    answer->status = status;
    answer->has_session = batch && batch->has_session;
    answer->has_seq = batch && batch->has_seq;
    if (answer->has_session)
        memcpy(answer->session, batch->session, SESSION_BYTES);
    answer->seq = answer->has_seq ? batch->seq : 0;
    pipeline->counters.count[counted[status]]++;
    return answer;
}

static void answer_refused(struct pipeline *pipeline, const struct group_address *to, const struct wire_batch *batch,
                           enum refusal refusal, const char *detail)
{
    struct answer *answer = queue_answer(pipeline, to, batch, ANSWER_REFUSED);
    answer->refusal = refusal;
    snprintf(answer->detail, sizeof answer->detail, "%s", detail);
}

static void answer_busy(struct pipeline *pipeline, const struct group_address *to, const struct wire_batch *batch)
{
    queue_answer(pipeline, to, batch, ANSWER_BUSY)->retry_ms = pipeline->limits.retry_ms;
}

static void answer_ok(struct pipeline *pipeline, const struct group_address *to, const struct wire_batch *batch)
{
    struct answer *answer = queue_answer(pipeline, to, batch, ANSWER_OK);
    struct group *group = pipeline->group;
    answer->accepted = pipeline->event_count;
    answer->rejected_total = pipeline->rejected_total;
    answer->rejected_count = pipeline->rejected_listed;
    memcpy(group->rejected + group->rejected_count, pipeline->rejected,
           pipeline->rejected_listed * sizeof *pipeline->rejected);
    group->rejected_count += pipeline->rejected_listed;
}

/* ---- judge, settle ---- */

static void settle(struct pipeline *pipeline, struct session *session, uint64_t seq, uint64_t fingerprint,
                   int64_t now_ms)
{
    session_settle(session, seq, fingerprint, now_ms);
    group_touch(pipeline->group, session);
}

/* May this publisher have one session more? Looking through all of them is dear: at most once a second. */
static bool session_fits(struct pipeline *pipeline, uint32_t publisher, int64_t now_ms)
{
    bool full = sessions_count(pipeline->sessions, publisher) >= pipeline->limits.max_sessions;
    if (full && (now_ms - pipeline->swept_ms >= SWEEP_LEAST_MS || now_ms < pipeline->swept_ms)) {
        pipeline->swept_ms = now_ms;
        pipeline_sweep(pipeline, now_ms);
    }
    return sessions_count(pipeline->sessions, publisher) < pipeline->limits.max_sessions;
}

static void alarm_rolled_back(struct pipeline *pipeline, uint32_t publisher, const struct session *session,
                              uint64_t acked, int64_t now_ms)
{
    pipeline->counters.count[COUNTER_ROLLED_BACK]++;
    if (now_ms - pipeline->alarmed_ms < ALARM_EVERY_MS)
        return;
    pipeline->alarmed_ms = now_ms;
    log_alarm("a publisher was acknowledged more than this log holds: was a disk rolled back?",
              LOG_TEXT("publisher", roles_publisher_name(pipeline->roles, publisher)),
              LOG_UINT("settled_here", session->settled), LOG_UINT("acked", acked));
}

/* A batch that was read, before it is judged. */
struct arrival {
    uint32_t publisher;
    const struct group_address *from;
    const struct wire_batch *batch;
    uint64_t fingerprint; /* FINGERPRINT_MALFORMED where the batch is not whole */
    int64_t now_ms;
};

/* A batch that the session waits for: all of it is stored, or it is busy and nothing is. */
static void take(struct pipeline *pipeline, const struct arrival *arrival, struct session *session)
{
    const struct wire_batch *batch = arrival->batch;
    uint32_t publisher = arrival->publisher;
    int64_t now_ms = arrival->now_ms;
    bool whole = arrival->fingerprint != FINGERPRINT_MALFORMED;
    bool fits = session || session_fits(pipeline, publisher, now_ms);
    if (!fits || (whole && pseudonymise(pipeline, publisher, now_ms) != STATUS_OK)) {
        answer_busy(pipeline, arrival->from, batch);
        return;
    }
    if (!session)
        session = sessions_add(pipeline->sessions, publisher, batch->session, batch->acked);
    settle(pipeline, session, batch->seq, arrival->fingerprint, now_ms);
    if (!whole) {
        answer_refused(pipeline, arrival->from, batch, REFUSAL_MALFORMED, batch->detail);
        return;
    }
    append(pipeline, publisher, now_ms);
    answer_ok(pipeline, arrival->from, batch);
}

static void judge(struct pipeline *pipeline, const struct arrival *arrival)
{
    const struct wire_batch *batch = arrival->batch;
    const struct group_address *from = arrival->from;
    struct session *session = sessions_find(pipeline->sessions, arrival->publisher, batch->session);
    struct judged judged = session_judge(session, batch->seq, batch->acked, arrival->fingerprint);
    if (judged.rolled_back) {
        alarm_rolled_back(pipeline, arrival->publisher, session, batch->acked, arrival->now_ms);
        session_jump(session, batch->acked);
        group_touch(pipeline->group, session);
    }
    switch (judged.judgement) {
    case JUDGE_TAKE:
        take(pipeline, arrival, session);
        break;
    case JUDGE_DUPLICATE:
        queue_answer(pipeline, from, batch, ANSWER_DUPLICATE);
        break;
    case JUDGE_CONFLICT:
        answer_refused(pipeline, from, batch, REFUSAL_CONFLICT, "this seq was settled with other events");
        break;
    case JUDGE_GAP:
        queue_answer(pipeline, from, batch, ANSWER_GAP)->expected = judged.expected;
        break;
    case JUDGE_BUSY:
        answer_busy(pipeline, from, batch);
        break;
    case JUDGE_MALFORMED:
        answer_refused(pipeline, from, batch, REFUSAL_MALFORMED, batch->detail);
        break;
    }
}

void pipeline_batch(struct pipeline *pipeline, uint32_t publisher, struct slice message,
                    const struct group_address *from, int64_t now_ms)
{
    struct wire_batch batch;
    pipeline->counters.count[COUNTER_BATCHES]++;
    pipeline->counters.count[COUNTER_BYTES] += message.size;
    enum wire_result result = wire_batch_read(message, &batch);
    if (result == WIRE_BAD_VERSION) {
        answer_refused(pipeline, from, &batch, REFUSAL_VERSION, "this collector speaks version 1");
        return;
    }
    if (!pipeline->store || pipeline->broken) {
        answer_busy(pipeline, from, &batch);
        return;
    }
    bool whole = result == WIRE_OK && read_events(pipeline, &batch, now_ms);
    if (!batch.has_session || !batch.has_seq) {
        answer_refused(pipeline, from, &batch, REFUSAL_MALFORMED, batch.detail);
        return;
    }
    uint64_t fingerprint = whole ? fingerprint_of(pipeline, batch.events) : FINGERPRINT_MALFORMED;
    judge(pipeline, &(struct arrival){publisher, from, &batch, fingerprint, now_ms});
}

void pipeline_dropoff(struct pipeline *pipeline, uint32_t publisher, struct slice message, int64_t now_ms)
{
    struct wire_batch batch;
    pipeline->counters.count[COUNTER_BATCHES]++;
    pipeline->counters.count[COUNTER_BYTES] += message.size;
    bool usable = pipeline->store && !pipeline->broken && wire_batch_read(message, &batch) == WIRE_OK &&
                  read_events(pipeline, &batch, now_ms) && pseudonymise(pipeline, publisher, now_ms) == STATUS_OK;
    if (usable)
        append(pipeline, publisher, now_ms);
    else
        pipeline->counters.count[COUNTER_DROPPED]++;
}

void pipeline_misshapen(struct pipeline *pipeline, const struct group_address *from)
{
    pipeline->counters.count[COUNTER_MISSHAPEN]++;
    answer_refused(pipeline, from, NULL, REFUSAL_MALFORMED, "a batch is one part, or an empty part and one");
}

void pipeline_durable(struct pipeline *pipeline, const struct group *group)
{
    pipeline->counters.count[COUNTER_GROUPS]++;
    for (uint32_t i = 0; i < group->session_count; i++)
        if (group->session_settled[i] > group->sessions[i]->durable)
            group->sessions[i]->durable = group->session_settled[i];
}
