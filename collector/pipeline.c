#include "collector/pipeline_inner.h"

#include "common/logline.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <xxhash.h>

enum {
    ALARM_EVERY_MS = 1000, /* a publisher cannot flood the log */
    SWEEP_LEAST_MS = 1000,
};

struct pipeline *pipeline_open(struct roles *roles, const uint8_t lookup_key[KEY_BYTES],
                               const uint8_t session_key[KEY_BYTES])
{
    struct pipeline *pipeline = mem_new(1, sizeof *pipeline);
    pipeline->roles = roles;
    pipeline->lookup_key = lookup_key;
    pipeline->session_key = session_key;
    pipeline->events = mem_new(BATCH_MAX_EVENTS, sizeof *pipeline->events);
    pipeline->paths = mem_new(BATCH_MAX_EVENTS, sizeof *pipeline->paths);
    pipeline->hashes = mem_new(BATCH_MAX_EVENTS, sizeof *pipeline->hashes);
    pipeline->numbers = mem_new(BATCH_MAX_EVENTS, sizeof *pipeline->numbers);
    pipeline->parking = parking_open();
    pipeline->budgets = budgets_open();
    return pipeline;
}

void pipeline_close(struct pipeline *pipeline)
{
    if (!pipeline)
        return;
    lookup_close(pipeline->lookup);
    sessions_close(pipeline->sessions);
    parking_close(pipeline->parking);
    budgets_close(pipeline->budgets);
    free(pipeline->allowances);
    free(pipeline->events);
    free(pipeline->paths);
    free(pipeline->hashes);
    free(pipeline->numbers);
    free(pipeline);
}

void pipeline_limit(struct pipeline *pipeline, const struct pipeline_limits *limits)
{
    pipeline->limits = *limits;
    budgets_limit(pipeline->budgets, &limits->rates);
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
    const struct paths *paths = pipeline->group->paths;
    enum verdict verdict;
    uint32_t count = 0;
    int64_t newest_ms = now_ms + FUTURE_TOLERANCE_MS;
    int64_t oldest_ms = pipeline->limits.retention_ms ? now_ms - pipeline->limits.retention_ms : 0;
    pipeline->rejected_listed = pipeline->rejected_total = 0;
    memset(pipeline->verdicts, 0, sizeof pipeline->verdicts);
    for (uint32_t index = 0; wire_event_next(batch, &pipeline->events[count], &verdict); index++) {
        if (verdict == VERDICT_ACCEPTED)
            verdict = paths_check(paths, &pipeline->events[count], oldest_ms, newest_ms, &pipeline->paths[count]);
        if (verdict == VERDICT_ACCEPTED)
            count++;
        else
            reject(pipeline, index, verdict);
    }
    pipeline->event_count = count;
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

/* ---- append ---- */

static void append(struct pipeline *pipeline, uint32_t publisher, int64_t now_ms)
{
    struct group *group = pipeline->group;
    for (uint32_t i = 0; i < pipeline->event_count; i++) {
        const struct event *event = &pipeline->events[i];
        bool known = pipeline->paths[i] != PATHS_NONE;
        uint32_t path = known ? paths_use(group->paths, pipeline->paths[i]) : group_path(group, event->content);
        group_add(group, event, pipeline->numbers[i], path);
    }
    group_run(group, publisher, roles_publisher_name(pipeline->roles, publisher), pipeline->event_count, now_ms);
    pipeline->counters.count[COUNTER_EVENTS] += pipeline->event_count;
    pipeline->counters.count[COUNTER_REJECTED] += pipeline->rejected_total;
    for (unsigned i = 0; i < VERDICT_COUNT; i++)
        pipeline->counters.verdicts[i] += pipeline->verdicts[i];
}

/* ---- answer ---- */

struct answer *pipeline_answer(struct pipeline *pipeline, const struct group_address *to,
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
    struct answer *answer = pipeline_answer(pipeline, to, batch, ANSWER_REFUSED);
    answer->refusal = refusal;
    snprintf(answer->detail, sizeof answer->detail, "%s", detail);
}

static void answer_busy(struct pipeline *pipeline, const struct group_address *to, const struct wire_batch *batch)
{
    pipeline_answer(pipeline, to, batch, ANSWER_BUSY)->retry_ms = pipeline->limits.retry_ms;
}

static void answer_ok(struct pipeline *pipeline, const struct group_address *to, const struct wire_batch *batch)
{
    struct answer *answer = pipeline_answer(pipeline, to, batch, ANSWER_OK);
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

/* A batch that the session waits for: all of it is stored, or it is parked, or it is busy; then nothing is. */
static void take(struct pipeline *pipeline, const struct arrival *arrival, const struct wire_batch *batch,
                 struct session *session, uint64_t fingerprint)
{
    bool whole = fingerprint != FINGERPRINT_MALFORMED;
    bool fits = session || session_fits(pipeline, arrival->publisher, arrival->now_ms);
    if (fits && whole && !pipeline_pseudonymise(pipeline)) {
        if (pipeline_park(pipeline, arrival, batch))
            return;
        fits = false;
    }
    if (!fits) {
        answer_busy(pipeline, arrival->from, batch);
        return;
    }
    if (!session)
        session = sessions_add(pipeline->sessions, arrival->publisher, batch->session, batch->acked);
    settle(pipeline, session, batch->seq, fingerprint, arrival->now_ms);
    if (!whole) {
        answer_refused(pipeline, arrival->from, batch, REFUSAL_MALFORMED, batch->detail);
        return;
    }
    append(pipeline, arrival->publisher, arrival->now_ms);
    answer_ok(pipeline, arrival->from, batch);
}

static void judge(struct pipeline *pipeline, const struct arrival *arrival, const struct wire_batch *batch,
                  uint64_t fingerprint)
{
    struct session *session = sessions_find(pipeline->sessions, arrival->publisher, batch->session);
    /* What a malformed batch says was acknowledged moves no session that is known here. */
    uint64_t acked = session && fingerprint == FINGERPRINT_MALFORMED ? 0 : batch->acked;
    struct judged judged = session_judge(session, batch->seq, acked, fingerprint);
    if (judged.rolled_back) {
        alarm_rolled_back(pipeline, arrival->publisher, session, batch->acked, arrival->now_ms);
        session_jump(session, batch->acked);
        group_touch(pipeline->group, session);
    }
    switch (judged.judgement) {
    case JUDGE_TAKE:
        take(pipeline, arrival, batch, session, fingerprint);
        break;
    case JUDGE_DUPLICATE:
        pipeline_answer(pipeline, arrival->from, batch, ANSWER_DUPLICATE);
        break;
    case JUDGE_CONFLICT:
        answer_refused(pipeline, arrival->from, batch, REFUSAL_CONFLICT, "this seq was settled with other events");
        break;
    case JUDGE_GAP:
        pipeline_answer(pipeline, arrival->from, batch, ANSWER_GAP)->expected = judged.expected;
        break;
    case JUDGE_BUSY:
        answer_busy(pipeline, arrival->from, batch);
        break;
    case JUDGE_MALFORMED:
        answer_refused(pipeline, arrival->from, batch, REFUSAL_MALFORMED, batch->detail);
        break;
    }
}

/* A batch in its session's order: behind those of it that are parked, or now. */
static void place(struct pipeline *pipeline, const struct arrival *arrival, const struct wire_batch *batch, bool whole)
{
    uint64_t expected;
    if (arrival->parked || !parking_line(pipeline->parking, arrival->publisher, batch->session, &expected))
        judge(pipeline, arrival, batch, whole ? fingerprint_of(pipeline, batch->events) : FINGERPRINT_MALFORMED);
    else if (!pipeline_park_behind(pipeline, arrival, batch, whole && batch->seq == expected))
        answer_busy(pipeline, arrival->from, batch);
}

static void take_message(struct pipeline *pipeline, const struct arrival *arrival)
{
    struct wire_batch batch;
    enum wire_result result = wire_batch_read(arrival->message, &batch);
    if (result == WIRE_BAD_VERSION) {
        answer_refused(pipeline, arrival->from, &batch, REFUSAL_VERSION, "this collector speaks version 1");
        return;
    }
    if (!pipeline->store || pipeline->broken) {
        answer_busy(pipeline, arrival->from, &batch);
        return;
    }
    if (pipeline_turned_early(pipeline, arrival, &batch))
        return;
    bool whole = result == WIRE_OK && read_events(pipeline, &batch, arrival->now_ms);
    if (batch.has_session && batch.has_seq)
        place(pipeline, arrival, &batch, whole);
    else
        answer_refused(pipeline, arrival->from, &batch, REFUSAL_MALFORMED, batch.detail);
}

static void take_dropoff(struct pipeline *pipeline, const struct arrival *arrival)
{
    struct wire_batch batch;
    bool usable = pipeline->store && !pipeline->broken && wire_batch_read(arrival->message, &batch) == WIRE_OK;
    if (usable && !arrival->parked) {
        usable = budgets_wait_ms(pipeline->budgets, arrival->publisher, arrival->now_ms) == 0;
        if (usable)
            budgets_charge(pipeline->budgets, arrival->publisher, batch.event_count, arrival->message.size);
    }
    usable = usable && read_events(pipeline, &batch, arrival->now_ms);
    if (usable && pipeline_pseudonymise(pipeline))
        append(pipeline, arrival->publisher, arrival->now_ms);
    else if (!usable || !pipeline_park(pipeline, arrival, NULL))
        pipeline->counters.count[COUNTER_DROPPED]++;
}

static void count_message(struct pipeline *pipeline, struct slice message)
{
    pipeline->counters.count[COUNTER_BATCHES]++;
    pipeline->counters.count[COUNTER_BYTES] += message.size;
}

void pipeline_batch(struct pipeline *pipeline, uint32_t publisher, struct slice message,
                    const struct group_address *from, int64_t now_ms)
{
    count_message(pipeline, message);
    take_message(pipeline, &(struct arrival){publisher, from, now_ms, message, NULL});
}

void pipeline_dropoff(struct pipeline *pipeline, uint32_t publisher, struct slice message, int64_t now_ms)
{
    count_message(pipeline, message);
    take_dropoff(pipeline, &(struct arrival){publisher, NULL, now_ms, message, NULL});
}

/* A parked batch that is turned away: what it would have been told, had it come at a bound. */
static void turn_away(struct pipeline *pipeline, const struct parked *parked)
{
    struct wire_batch batch = {.has_session = true, .has_seq = true, .seq = parked->seq};
    memcpy(batch.session, parked->session, SESSION_BYTES);
    if (parked->dropoff)
        pipeline->counters.count[COUNTER_DROPPED]++;
    else
        answer_busy(pipeline, parked->from, &batch);
}

void pipeline_take_parked(struct pipeline *pipeline, struct parked *parked)
{
    struct arrival arrival = {parked->publisher, parked->from, parked->now_ms, parked->message, parked};
    if (parked->turned)
        turn_away(pipeline, parked);
    else if (parked->dropoff)
        take_dropoff(pipeline, &arrival);
    else
        take_message(pipeline, &arrival);
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
