/* pipeline.h - what happens to a batch, from bytes to the open group: a function of (bytes, publisher, now, state).
 *
 * The steps, in this order, each a function of pipeline.c:
 *
 *     decode         the batch's header and events (common/wire.h), each event with its verdict; a batch that is beyond its
 *                    publisher's budget (budget.h) is answered busy between the two
 *     validate       learner, content, value, time (common/event.h)
 *     judge          the session's rules: take, duplicate, conflict, gap, busy (session.h)
 *     pseudonymise   raw id -> learner number (lookup.h); a batch with one never seen is parked until she is met
 *     append         columns of the open group (group.h)
 *     settle         the session remembers the batch
 *     answer         queued in the group; it leaves when the group is durable
 *
 * Raw ids are seen between decode and pseudonymise only, in the message's own memory or, while it is parked, its copy's.
 * Nothing of a batch is stored unless all of it is: everything that can refuse or park comes before append.
 *
 * Learners never seen are met elsewhere (resolver.h): the owner hands over what pipeline_meetings() gives, brings it back
 * with pipeline_met(), and calls pipeline_unpark() while pipeline_ready() and the group is not full. A parked batch
 * (parking.h) is then taken as if it had just come, in the order of its session.
 */
#ifndef JEJAK_COLLECTOR_PIPELINE_H
#define JEJAK_COLLECTOR_PIPELINE_H

#include "collector/budget.h"
#include "collector/counters.h"
#include "collector/resolver.h"
#include "collector/store.h"

struct pipeline_limits {
    int64_t retention_ms; /* 0: events of any age (import) */
    uint32_t max_sessions;
    uint32_t max_learners;
    uint32_t max_new_learners; /* per publisher and hour */
    uint32_t retry_ms;
    struct budget_rates rates; /* of each publisher */
    int64_t session_ms;        /* a session idle for longer may be dropped */
};

struct pipeline;

/* lookup_key, session_key: keys/lookup.key and keys/session.key; they must outlive it. */
struct pipeline *pipeline_open(struct roles *roles, const uint8_t lookup_key[KEY_BYTES],
                               const uint8_t session_key[KEY_BYTES]);
void pipeline_close(struct pipeline *pipeline);
void pipeline_limit(struct pipeline *pipeline, const struct pipeline_limits *limits);

/* Reads sessions and known learners from a store that was just opened; forgets what it held before. NULL: no store.
 * Nothing may be parked. */
enum status pipeline_attach(struct pipeline *pipeline, struct store *store, struct error *error) must_check;
/* The group that batches go to. */
void pipeline_fill(struct pipeline *pipeline, struct group *group);

/* One batch of a listed publisher; its answer is queued in the group. The group must not be full. */
void pipeline_batch(struct pipeline *pipeline, uint32_t publisher, struct slice message,
                    const struct group_address *from, int64_t now_ms);
/* A batch from the drop-off socket: best effort, no session, no answer. */
void pipeline_dropoff(struct pipeline *pipeline, uint32_t publisher, struct slice message, int64_t now_ms);
/* Learners that parked batches wait for, since the last call; they are the pipeline's and stand until met or turned. */
struct meeting *pipeline_meetings(struct pipeline *pipeline);
/* They are back. error: of those whose status is not STATUS_OK; the pipeline is broken then. */
void pipeline_met(struct pipeline *pipeline, struct meeting *meetings, const struct error *error);
/* Has the turn of a parked batch come? pipeline_unpark() takes it. The group must not be full. */
bool pipeline_ready(const struct pipeline *pipeline);
void pipeline_unpark(struct pipeline *pipeline);
/* Answers busy to every parked batch, in order; nothing is parked then. After the resolver was recalled; the group must
 * be empty. */
void pipeline_turn_parked(struct pipeline *pipeline);
/* Drops sessions that were idle for longer than they are kept; their rows go with the group. */
void pipeline_sweep(struct pipeline *pipeline, int64_t now_ms);
/* A message that is no batch at all: refused. */
void pipeline_misshapen(struct pipeline *pipeline, const struct group_address *from);

/* The group is durable: its sessions are, up to what it froze. */
void pipeline_durable(struct pipeline *pipeline, const struct group *group);
/* Did reading the vault or the log fail? Then nothing more is taken until pipeline_attach(). */
bool pipeline_broken(const struct pipeline *pipeline, struct error *error);

struct counters *pipeline_counters(struct pipeline *pipeline);
uint32_t pipeline_session_count(const struct pipeline *pipeline);
uint32_t pipeline_learner_count(const struct pipeline *pipeline);

#endif
