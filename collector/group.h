/* group.h - what one commit will make durable: events as columns, new learners, session states, and all answers.
 *
 * The ingest actor fills the open group; the committer writes a closed one; then the answers leave, in the order in
 * which the batches came. Arenas are made once; at a bound the group is full and is closed.
 */
#ifndef JEJAK_COLLECTOR_GROUP_H
#define JEJAK_COLLECTOR_GROUP_H

#include "collector/paths.h"
#include "collector/roles.h"
#include "collector/session.h"
#include "collector/vault.h"
#include "common/wire.h"

enum {
    GROUP_MAX_BATCHES = 8192,
    GROUP_MAX_REJECTED = 256 * 1024,
    ROUTING_ID_MAX_BYTES = 255,
};

/* Where an answer goes. */
struct group_address {
    uint8_t size;
    bool delimiter; /* an empty part came before the batch, and goes before the answer */
    uint8_t routing_id[ROUTING_ID_MAX_BYTES];
};
struct group_answer {
    struct group_address to;
    struct answer answer;
    uint32_t first_rejected; /* index into the group's rejected */
};

struct group_row {
    struct slice key, value;
};
/* A session whose row is deleted with this group. */
struct group_expired {
    size_t key_size;
    uint8_t key[SESSION_KEY_MAX_BYTES];
};

struct group {
    uint64_t number;
    uint32_t event_room, full_at; /* full at so many events; room for one batch more */

    uint32_t event_count;
    uint8_t *kind;
    uint32_t *learner, *content, *value;
    int64_t *time_ms;

    struct paths *paths; /* the dictionary, and those known from earlier groups */

    uint32_t publisher_count, publisher_room;
    struct slice *publisher_names;
    uint32_t *publishers;

    uint32_t run_count, run_room;
    struct block_run *runs;

    uint32_t learner_count, learner_room;
    struct vault_row *learners; /* met for the first time */

    uint32_t session_count, session_room;
    struct session **sessions; /* those this group settles something of */
    uint64_t *session_settled; /* what each will have settled when this group is durable */

    uint32_t expired_count, expired_room;
    struct group_expired *expired;

    uint32_t row_count, row_room; /* session states, made by group_freeze() */
    struct group_row *rows;
    size_t row_bytes, row_bytes_room;
    uint8_t *row_arena;

    uint32_t answer_count;
    struct group_answer *answers;
    uint32_t rejected_count;
    struct answer_rejected *rejected;

    int64_t received_ms; /* of the last batch */
    enum status result;  /* of the commit */
    struct error error;
};

/* batch_bytes: of the longest message; the paths of one batch always fit. */
struct group *group_open(uint32_t full_at_events, size_t batch_bytes);
void group_close_memory(struct group *group);
void group_clear(struct group *group, uint64_t number);

/* No batch more may come: close it. One batch always fits where this is false. */
bool group_full(const struct group *group);
bool group_empty(const struct group *group);       /* nothing to answer, nothing to write */
bool group_needs_write(const struct group *group); /* events, learners or session states */

/* The index of a valid path in the group's dictionary. */
static inline uint32_t group_path(struct group *group, struct slice path)
{
    return paths_use(group->paths, paths_learn(group->paths, path));
}
/* Appends one accepted event. */
static inline void group_add(struct group *group, const struct event *event, uint32_t learner, uint32_t path)
{
    uint32_t at = group->event_count++;
    group->kind[at] = (uint8_t)event->kind;
    group->learner[at] = learner;
    group->content[at] = path;
    group->value[at] = event->value;
    group->time_ms[at] = event->time_ms;
}
/* The last `events` events came from this publisher at this time. */
void group_run(struct group *group, uint32_t publisher, const char *name, uint32_t events, int64_t received_ms);
struct vault_row *group_learner(struct group *group);
/* The group settles a batch of this session: its state is written with it. */
void group_touch(struct group *group, struct session *session);
void group_expire(struct group *group, const char *publisher, const struct session *session);
struct group_answer *group_answer(struct group *group, const struct group_address *to);

/* Fixes the session states as they are now, and the columns' view. */
void group_freeze(struct group *group, const struct roles *roles);
void group_columns(const struct group *group, struct block_columns *columns);

#endif
