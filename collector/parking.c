#include "collector/parking.h"

#include <stdlib.h>

#define uthash_malloc(size) mem_new(1, size)
#include <uthash.h>

/* A learner somebody waits for. */
struct expected {
    struct meeting meeting;             /* first: the resolver gives this pointer back */
    struct need *waiters, *last_waiter; /* until she is met */
    const struct parked *last;          /* that named her: a batch needs her once */
    uint32_t needs;
    bool begun, met;
    UT_hash_handle hh;
};

/* That one parked batch needs one learner. */
struct need {
    struct expected *learner;
    struct parked *parked;
    struct need *next; /* waiter */
};

/* What a line is found by, side by side; of drop-off batches, a number of its own. */
struct line_name {
    uint32_t publisher;
    uint8_t session[SESSION_BYTES];
};
_Static_assert(sizeof(struct line_name) == 4 + SESSION_BYTES, "hashed as bytes: no padding");

struct parking_line {
    struct line_name name;
    struct parked *first, *last;
    uint32_t count;
    uint64_t expected; /* the seq that follows, once all that stand here are taken */
    bool ready;
    struct parking_line *next_ready;
    UT_hash_handle hh;
};

struct parking {
    struct parking_line *lines;
    struct parking_line *ready_first, *ready_last;
    struct expected *learners;
    struct meeting *begun_first, *begun_last; /* not submitted yet */
    size_t bytes;
    uint32_t count;
    uint64_t dropoffs; /* ever: names of their lines */
};

struct parking *parking_open(void)
{
    return mem_new(1, sizeof(struct parking));
}

void parking_close(struct parking *parking)
{
    if (!parking)
        return;
    for (struct parked *parked; (parked = parking_any(parking)) != NULL;)
        parking_leave(parking, parked);
    free(parking);
}

bool parking_empty(const struct parking *parking)
{
    return parking->count == 0;
}

uint32_t parking_learners(const struct parking *parking)
{
    return HASH_COUNT(parking->learners);
}

static struct parking_line *find_line(const struct parking *parking, const struct line_name *name)
{
    struct parking_line *line;
    HASH_FIND(hh, parking->lines, name, sizeof *name, line);
    return line;
}

static struct line_name name_of(uint32_t publisher, const uint8_t session[SESSION_BYTES])
{
    struct line_name name = {.publisher = publisher};
    memcpy(name.session, session, SESSION_BYTES);
    return name;
}

bool parking_line(const struct parking *parking, uint32_t publisher, const uint8_t session[SESSION_BYTES],
                  uint64_t *expected)
{
    if (parking->count == 0)
        return false;
    struct line_name name = name_of(publisher, session);
    const struct parking_line *line = find_line(parking, &name);
    if (line)
        *expected = line->expected;
    return line != NULL;
}

/* ---- a batch comes ---- */

struct parked *parking_begin(const struct parked *what)
{
    size_t address_size = what->from ? offsetof(struct group_address, routing_id) + what->from->size : 0;
    struct parked *parked = mem_new(1, sizeof *parked + address_size + what->message.size);
    uint8_t *tail = (uint8_t *)(parked + 1);
    *parked = *what;
    if (what->from) {
        memcpy(tail, what->from, address_size);
        parked->from = (const struct group_address *)tail; /* bytes only: no alignment */
    }
    if (what->message.size > 0)
        memcpy(tail + address_size, what->message.data, what->message.size);
    parked->message.data = tail + address_size;
    return parked;
}

static struct expected *find_learner(const struct parking *parking, struct lookup_hash hash)
{
    struct expected *learner;
    HASH_FIND(hh, parking->learners, &hash, sizeof hash, learner);
    return learner;
}

void parking_need(struct parking *parking, struct parked *parked, struct slice message, struct slice id,
                  struct lookup_hash hash)
{
    struct expected *learner = find_learner(parking, hash);
    if (!learner) {
        learner = mem_new(1, sizeof *learner);
        learner->meeting.row.hash = hash;
        learner->meeting.id = slice_of(parked->message.data + (id.data - message.data), id.size);
        HASH_ADD(hh, parking->learners, meeting.row.hash, sizeof hash, learner);
        parked->fresh++;
    } else if (learner->last == parked) {
        return;
    }
    learner->last = parked;
    learner->needs++;
    if (parked->need_count == parked->need_room) {
        parked->need_room = parked->need_room ? parked->need_room * 2 : 8;
        parked->needs = mem_grow(parked->needs, parked->need_room, sizeof *parked->needs);
    }
    parked->needs[parked->need_count++] = (struct need){.learner = learner, .parked = parked};
}

bool parking_fits(const struct parking *parking, const struct parked *parked)
{
    struct line_name name = name_of(parked->publisher, parked->session);
    const struct parking_line *line = parked->dropoff ? NULL : find_line(parking, &name);
    return parking->count == 0 ||
           (parking_has_place(parking) && parking->bytes + parked->message.size <= PARKED_MAX_BYTES &&
            parking_learners(parking) <= PARKED_MAX_LEARNERS && (!line || line->count < BATCH_MAX_IN_FLIGHT));
}

bool parking_has_place(const struct parking *parking)
{
    return parking->count < PARKED_MAX_BATCHES;
}

static struct parking_line *make_line(struct parking *parking, const struct line_name *name)
{
    struct parking_line *line = mem_new(1, sizeof *line);
    line->name = *name;
    HASH_ADD(hh, parking->lines, name, sizeof line->name, line);
    return line;
}

static struct parking_line *line_for(struct parking *parking, const struct parked *parked)
{
    struct line_name name = name_of(parked->publisher, parked->session);
    if (parked->dropoff) {
        name = (struct line_name){.publisher = ROLE_NOBODY};
        put_u64(name.session, ++parking->dropoffs);
    }
    struct parking_line *line = find_line(parking, &name);
    return line ? line : make_line(parking, &name);
}

static void check_ready(struct parking *parking, struct parking_line *line)
{
    if (line->ready || line->first->unmet > 0)
        return;
    line->ready = true;
    line->next_ready = NULL;
    if (parking->ready_last)
        parking->ready_last->next_ready = line;
    else
        parking->ready_first = line;
    parking->ready_last = line;
}

static void begin_meeting(struct parking *parking, struct expected *learner)
{
    learner->begun = true;
    if (parking->begun_last)
        parking->begun_last->next = &learner->meeting;
    else
        parking->begun_first = &learner->meeting;
    parking->begun_last = &learner->meeting;
}

/* Its line is not ready before those of its learners are met who are not yet. */
static void wait_for_learners(struct parking *parking, struct parked *parked)
{
    for (uint32_t i = 0; i < parked->need_count; i++) {
        struct expected *learner = parked->needs[i].learner;
        if (learner->met)
            continue;
        if (!learner->begun)
            begin_meeting(parking, learner);
        parked->needs[i].next = NULL;
        if (learner->waiters)
            learner->last_waiter->next = &parked->needs[i];
        else
            learner->waiters = &parked->needs[i];
        learner->last_waiter = &parked->needs[i];
        parked->unmet++;
    }
}

void parking_enter(struct parking *parking, struct parked *parked)
{
    struct parking_line *line = line_for(parking, parked);
    wait_for_learners(parking, parked);
    if (line->first) {
        line->last->next = parked;
    } else {
        line->first = parked;
        line->expected = parked->seq;
    }
    if (!parked->turned && parked->seq == line->expected)
        line->expected++;
    parked->line = line;
    line->last = parked;
    line->count++;
    parking->count++;
    parking->bytes += parked->message.size;
    check_ready(parking, line);
}

static void release(struct parking *parking, struct parked *parked)
{
    for (uint32_t i = 0; i < parked->need_count; i++) {
        struct expected *learner = parked->needs[i].learner;
        if (--learner->needs > 0)
            continue;
        HASH_DEL(parking->learners, learner); // NOLINT(clang-analyzer-core.NullDereference): she is in the table
        free(learner);
    }
    free(parked->needs);
    free(parked);
}

void parking_cancel(struct parking *parking, struct parked *parked)
{
    release(parking, parked);
}

/* ---- learners are met ---- */

struct meeting *parking_submit(struct parking *parking)
{
    struct meeting *begun = parking->begun_first;
    parking->begun_first = parking->begun_last = NULL;
    return begun;
}

void parking_met(struct parking *parking, struct meeting *meeting)
{
    struct expected *learner = (struct expected *)meeting; /* its first member */
    learner->met = true;
    for (struct need *need = learner->waiters; need; need = need->next) {
        need->parked->unmet--;
        if (need->parked->line->first == need->parked)
            check_ready(parking, need->parked->line);
    }
    learner->waiters = NULL;
}

const struct vault_row *parking_row(const struct parking *parking, struct lookup_hash hash)
{
    const struct expected *learner = find_learner(parking, hash);
    return learner && learner->met ? &learner->meeting.row : NULL;
}

/* ---- a batch leaves ---- */

struct parked *parking_ready(const struct parking *parking)
{
    return parking->ready_first ? parking->ready_first->first : NULL;
}

struct parked *parking_any(const struct parking *parking)
{
    return parking->lines ? parking->lines->first : NULL;
}

static void unready(struct parking *parking, struct parking_line *line)
{
    struct parking_line *before = NULL;
    if (!line->ready)
        return;
    for (struct parking_line *at = parking->ready_first; at != line; at = at->next_ready)
        before = at;
    if (before)
        before->next_ready = line->next_ready;
    else
        parking->ready_first = line->next_ready;
    if (parking->ready_last == line)
        parking->ready_last = before;
    line->ready = false;
}

bool parking_stay(struct parking *parking, struct parked *parked)
{
    uint32_t learners = parking_learners(parking);
    if (learners > PARKED_MAX_LEARNERS && learners > parked->need_count)
        return false;
    unready(parking, parked->line);
    wait_for_learners(parking, parked);
    ensure(parked->unmet > 0);
    return true;
}

void parking_leave(struct parking *parking, struct parked *parked)
{
    struct parking_line *line = parked->line;
    ensure(line->first == parked);
    unready(parking, line);
    line->first = parked->next;
    line->count--;
    parking->count--;
    parking->bytes -= parked->message.size;
    if (line->first) {
        check_ready(parking, line);
    } else {
        HASH_DEL(parking->lines, line);
        free(line);
    }
    release(parking, parked);
    if (parking->count == 0) /* where it was emptied without the resolver, some meetings were never submitted */
        parking->begun_first = parking->begun_last = NULL;
}
