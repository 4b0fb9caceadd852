#include "collector/group.h"

#include <stdlib.h>

struct group *group_open(uint32_t full_at_events, size_t batch_bytes)
{
    ensure(full_at_events <= BLOCK_MAX_EVENTS - BATCH_MAX_EVENTS);
    struct group *group = mem_new(1, sizeof *group);
    group->full_at = full_at_events;
    group->event_room = full_at_events + BATCH_MAX_EVENTS;
    group->kind = mem_new(group->event_room, sizeof *group->kind);
    group->learner = mem_new(group->event_room, sizeof *group->learner);
    group->content = mem_new(group->event_room, sizeof *group->content);
    group->value = mem_new(group->event_room, sizeof *group->value);
    group->time_ms = mem_new(group->event_room, sizeof *group->time_ms);
    group->paths = paths_open(BATCH_MAX_EVENTS, batch_bytes);
    group->answers = mem_new(GROUP_MAX_BATCHES, sizeof *group->answers);
    group->rejected = mem_new(GROUP_MAX_REJECTED, sizeof *group->rejected);
    return group;
}

void group_close_memory(struct group *group)
{
    if (!group)
        return;
    free(group->kind);
    free(group->learner);
    free(group->content);
    free(group->value);
    free(group->time_ms);
    paths_close(group->paths);
    free(group->publisher_names);
    free(group->publishers);
    free(group->runs);
    free(group->learners);
    free(group->sessions);
    free(group->session_settled);
    free(group->expired);
    free(group->rows);
    free(group->row_arena);
    free(group->answers);
    free(group->rejected);
    free(group);
}

void group_clear(struct group *group, uint64_t number)
{
    group->number = number;
    paths_clear(group->paths);
    group->event_count = group->publisher_count = group->run_count = 0;
    group->learner_count = group->session_count = group->row_count = group->answer_count = group->rejected_count = 0;
    group->expired_count = 0;
    group->row_bytes = 0;
    group->result = STATUS_OK;
}

bool group_full(const struct group *group)
{
    return group->event_count >= group->full_at || group->answer_count >= GROUP_MAX_BATCHES ||
           paths_full(group->paths) || group->rejected_count + REJECTED_MAX_LISTED > GROUP_MAX_REJECTED;
}

bool group_needs_write(const struct group *group)
{
    return group->event_count > 0 || group->learner_count > 0 || group->session_count > 0 || group->expired_count > 0;
}

bool group_empty(const struct group *group)
{
    return group->answer_count == 0 && !group_needs_write(group);
}

#define grow(array, count, room)                                                                                       \
    do {                                                                                                               \
        if ((count) == (room)) {                                                                                       \
            (room) = (room) ? (room)*2 : 64;                                                                           \
            (array) = mem_grow((array), (room), sizeof *(array));                                                      \
        }                                                                                                              \
    } while (0)

static uint32_t publisher_index(struct group *group, uint32_t publisher, const char *name)
{
    for (uint32_t i = group->publisher_count; i-- > 0;)
        if (group->publishers[i] == publisher)
            return i;
    if (group->publisher_count == group->publisher_room) {
        group->publisher_room = group->publisher_room ? group->publisher_room * 2 : 16;
        group->publishers = mem_grow(group->publishers, group->publisher_room, sizeof *group->publishers);
        group->publisher_names =
            mem_grow(group->publisher_names, group->publisher_room, sizeof *group->publisher_names);
    }
    group->publishers[group->publisher_count] = publisher;
    group->publisher_names[group->publisher_count] = slice_of_text(name);
    return group->publisher_count++;
}

void group_run(struct group *group, uint32_t publisher, const char *name, uint32_t events, int64_t received_ms)
{
    if (events == 0)
        return;
    uint32_t index = publisher_index(group, publisher, name);
    group->received_ms = received_ms;
    if (group->run_count > 0) {
        struct block_run *last = &group->runs[group->run_count - 1];
        if (last->publisher == index && last->received_ms == received_ms) {
            last->events += events;
            return;
        }
    }
    grow(group->runs, group->run_count, group->run_room);
    group->runs[group->run_count++] = (struct block_run){index, events, received_ms};
}

struct vault_row *group_learner(struct group *group)
{
    grow(group->learners, group->learner_count, group->learner_room);
    return &group->learners[group->learner_count++];
}

void group_touch(struct group *group, struct session *session)
{
    if (session->group == group->number)
        return;
    session->group = group->number;
    if (group->session_count == group->session_room) {
        group->session_room = group->session_room ? group->session_room * 2 : 64;
        group->sessions = mem_grow(group->sessions, group->session_room, sizeof *group->sessions);
        group->session_settled = mem_grow(group->session_settled, group->session_room, sizeof *group->session_settled);
    }
    group->sessions[group->session_count++] = session;
}

void group_expire(struct group *group, const char *publisher, const struct session *session)
{
    grow(group->expired, group->expired_count, group->expired_room);
    struct group_expired *expired = &group->expired[group->expired_count++];
    expired->key_size = session_key(publisher, session->id, expired->key);
}

struct group_answer *group_answer(struct group *group, const struct group_address *to)
{
    ensure(group->answer_count < GROUP_MAX_BATCHES);
    struct group_answer *answer = &group->answers[group->answer_count++];
    answer->to.size = to->size;
    answer->to.delimiter = to->delimiter;
    memcpy(answer->to.routing_id, to->routing_id, to->size);
    answer->answer = (struct answer){0};
    answer->first_rejected = group->rejected_count;
    return answer;
}

static void freeze_session(struct group *group, const struct roles *roles, const struct session *session)
{
    uint8_t *at = group->row_arena + group->row_bytes;
    size_t key_size = session_key(roles_publisher_name(roles, session->publisher), session->id, at);
    size_t value_size = session_encode(session, at + key_size);
    grow(group->rows, group->row_count, group->row_room);
    group->rows[group->row_count++] = (struct group_row){{at, key_size}, {at + key_size, value_size}};
    group->row_bytes += key_size + value_size;
}

void group_freeze(struct group *group, const struct roles *roles)
{
    size_t room = group->session_count * (size_t)(SESSION_KEY_MAX_BYTES + SESSION_STATE_MAX_BYTES);
    if (room > group->row_bytes_room) {
        group->row_arena = mem_grow(group->row_arena, room, 1);
        group->row_bytes_room = room;
    }
    for (uint32_t i = 0; i < group->session_count; i++) {
        freeze_session(group, roles, group->sessions[i]);
        group->session_settled[i] = group->sessions[i]->settled;
    }
}

void group_columns(const struct group *group, struct block_columns *columns)
{
    *columns = (struct block_columns){
        .count = group->event_count,
        .path_count = paths_used(group->paths),
        .publisher_count = group->publisher_count,
        .run_count = group->run_count,
        .kind = group->kind,
        .learner = group->learner,
        .content = group->content,
        .time_ms = group->time_ms,
        .value = group->value,
        .paths = paths_list(group->paths),
        .publishers = group->publisher_names,
        .runs = group->runs,
    };
}
