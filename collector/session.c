#include "collector/session.h"

#include "common/format.h"

#include <stdlib.h>
#define uthash_malloc(size) mem_new(1, size)
#include <uthash.h>

enum {
    STATE_VERSION = 1
};

/* What a session is found by: its publisher's index and its id, side by side. */
struct session_name {
    uint32_t publisher;
    uint8_t id[SESSION_BYTES];
};
_Static_assert(sizeof(struct session_name) == 4 + SESSION_BYTES, "hashed as bytes: no padding");

struct node {
    struct session session;
    struct session_name name;
    UT_hash_handle hh;
};

struct sessions {
    struct node *nodes;
    uint32_t *counts; /* by publisher */
    uint32_t count_room;
};

struct sessions *sessions_open(void)
{
    return mem_new(1, sizeof(struct sessions));
}

void sessions_close(struct sessions *sessions)
{
    struct node *node, *next;
    if (!sessions)
        return;
    HASH_ITER(hh, sessions->nodes, node, next)
    {
        HASH_DEL(sessions->nodes, node);
        free(node);
    }
    free(sessions->counts);
    free(sessions);
}

static struct session_name name_of(uint32_t publisher, const uint8_t id[SESSION_BYTES])
{
    struct session_name name = {.publisher = publisher};
    memcpy(name.id, id, SESSION_BYTES);
    return name;
}

struct session *sessions_find(struct sessions *sessions, uint32_t publisher, const uint8_t id[SESSION_BYTES])
{
    struct session_name name = name_of(publisher, id);
    struct node *node;
    HASH_FIND(hh, sessions->nodes, &name, sizeof name, node);
    return node ? &node->session : NULL;
}

static uint32_t *count_of(struct sessions *sessions, uint32_t publisher)
{
    if (publisher >= sessions->count_room) {
        uint32_t room = publisher * 2 + 16;
        sessions->counts = mem_grow(sessions->counts, room, sizeof *sessions->counts);
        memset(sessions->counts + sessions->count_room, 0, (room - sessions->count_room) * sizeof *sessions->counts);
        sessions->count_room = room;
    }
    return &sessions->counts[publisher];
}

struct session *sessions_add(struct sessions *sessions, uint32_t publisher, const uint8_t id[SESSION_BYTES],
                             uint64_t settled)
{
    struct node *node = mem_new(1, sizeof *node);
    node->name = name_of(publisher, id);
    node->session.publisher = publisher;
    memcpy(node->session.id, id, SESSION_BYTES);
    node->session.settled = node->session.durable = settled;
    node->session.first_known = settled + 1;
    HASH_ADD(hh, sessions->nodes, name, sizeof node->name, node);
    ++*count_of(sessions, publisher);
    return &node->session;
}

void sessions_remove(struct sessions *sessions, struct session *session)
{
    struct node *node = (struct node *)session; /* its first member */
    --*count_of(sessions, session->publisher);
    HASH_DEL(sessions->nodes, node);
    free(node);
}

uint32_t sessions_count(const struct sessions *sessions, uint32_t publisher)
{
    return publisher < sessions->count_room ? sessions->counts[publisher] : 0;
}

uint32_t sessions_total(const struct sessions *sessions)
{
    return HASH_COUNT(sessions->nodes);
}

void sessions_each(struct sessions *sessions, session_fn each, void *argument)
{
    struct node *node, *next;
    HASH_ITER(hh, sessions->nodes, node, next)
    {
        each(&node->session, argument);
    }
}

static bool same_events(const struct session *session, uint64_t seq, uint64_t fingerprint)
{
    bool held = seq >= session->first_known && seq + SESSION_FINGERPRINTS > session->settled;
    return !held || session->fingerprints[seq % SESSION_FINGERPRINTS] == fingerprint;
}

struct judged session_judge(const struct session *session, uint64_t seq, uint64_t acked, uint64_t fingerprint)
{
    bool rolled_back = session && acked > session->settled;
    uint64_t settled = session && !rolled_back ? session->settled : acked;
    struct judged judged = {.expected = settled + 1, .rolled_back = rolled_back};
    if (seq > judged.expected)
        judged.judgement = JUDGE_GAP;
    else if (seq == judged.expected)
        judged.judgement = session && !rolled_back && session->settled - session->durable >= BATCH_MAX_IN_FLIGHT
                               ? JUDGE_BUSY
                               : JUDGE_TAKE;
    else if (fingerprint == FINGERPRINT_MALFORMED)
        judged.judgement = JUDGE_MALFORMED;
    else if (!session || rolled_back)
        judged.judgement = JUDGE_DUPLICATE;
    else
        judged.judgement = same_events(session, seq, fingerprint) ? JUDGE_DUPLICATE : JUDGE_CONFLICT;
    return judged;
}

void session_settle(struct session *session, uint64_t seq, uint64_t fingerprint, int64_t now_ms)
{
    ensure(seq == session->settled + 1);
    session->settled = seq;
    session->fingerprints[seq % SESSION_FINGERPRINTS] = fingerprint;
    session->last_ms = now_ms;
}

void session_jump(struct session *session, uint64_t acked)
{
    session->settled = acked;
    session->first_known = acked + 1;
}

/* How many fingerprints are held: of the last settled seqs, back to first_known. */
static uint64_t held_count(const struct session *session)
{
    uint64_t known = session->settled + 1 - session->first_known;
    return known < SESSION_FINGERPRINTS ? known : SESSION_FINGERPRINTS;
}

size_t session_encode(const struct session *session, uint8_t out[SESSION_STATE_MAX_BYTES])
{
    uint64_t count = held_count(session);
    out[0] = STATE_VERSION;
    put_u64(out + 1, session->settled);
    put_u64(out + 9, (uint64_t)session->last_ms);
    put_u64(out + 17, count);
    for (uint64_t i = 0; i < count; i++) {
        uint64_t seq = session->settled - count + 1 + i;
        put_u64(out + SESSION_STATE_HEADER_BYTES + 8 * i, session->fingerprints[seq % SESSION_FINGERPRINTS]);
    }
    return SESSION_STATE_HEADER_BYTES + 8 * count;
}

enum status session_decode(struct slice bytes, struct session *session, struct error *error)
{
    if (bytes.size < SESSION_STATE_HEADER_BYTES)
        return error_set(error, STATUS_CORRUPT, "a session's state of %zu bytes cannot be", bytes.size);
    if (format_check(bytes.data[0], STATE_VERSION, error) != STATUS_OK)
        return error_prefix(error, "the event log: a session's state");
    uint64_t settled = get_u64(bytes.data + 1), count = get_u64(bytes.data + 17);
    bool fits = settled < UINT64_MAX && count <= SESSION_FINGERPRINTS && count <= settled &&
                bytes.size == SESSION_STATE_HEADER_BYTES + 8 * count;
    if (!fits)
        return error_set(error, STATUS_CORRUPT, "a session's state does not hold what it says");
    session->settled = session->durable = settled;
    session->last_ms = (int64_t)get_u64(bytes.data + 9);
    session->first_known = settled - count + 1;
    for (uint64_t i = 0; i < count; i++)
        session->fingerprints[(settled - count + 1 + i) % SESSION_FINGERPRINTS] =
            get_u64(bytes.data + SESSION_STATE_HEADER_BYTES + 8 * i);
    return STATUS_OK;
}

size_t session_key(const char *publisher, const uint8_t id[SESSION_BYTES], uint8_t key[SESSION_KEY_MAX_BYTES])
{
    size_t length = strlen(publisher);
    ensure(length <= PUBLISHER_NAME_MAX);
    memcpy(key, publisher, length + 1);
    memcpy(key + length + 1, id, SESSION_BYTES);
    return length + 1 + SESSION_BYTES;
}
