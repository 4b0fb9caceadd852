/* parking.h - batches that wait for learners never seen (resolver.h), while all others flow on.
 *
 * A parked batch is its message, kept whole: once its learners are met it is taken as if it had just come. Until then
 * nothing of it is stored, settled or answered, so a crash leaves it a batch without an answer, which its publisher
 * sends again. What keeps the protocol's order: while a session has a parked batch, whatever else comes of it waits
 * behind, known learners or not, and is judged in its turn.
 *
 *     session a   [3: waits for x, y] ─ [4: waits for y] ─ [5] ─ [busy 6]
 *     session b   [1: waits for z]
 *     drop-off    [waits for x]                               a line of its own each: there is no order
 *
 * A learner is met once, whoever waits for her: the batches that need her share one meeting, which lives until the last
 * of them has left. Bounds: PARKED_MAX_BATCHES, PARKED_MAX_BYTES, PARKED_MAX_LEARNERS, BATCH_MAX_IN_FLIGHT in a line;
 * one batch always fits where nothing is parked.
 *
 * A structure without threads, clocks or sockets: pipeline_park.c decides what is parked.
 */
#ifndef JEJAK_COLLECTOR_PARKING_H
#define JEJAK_COLLECTOR_PARKING_H

#include "collector/group.h"
#include "collector/resolver.h"

enum {
    PARKED_MAX_BATCHES = GROUP_MAX_BATCHES, /* with those that will be answered busy: one group answers them all */
    PARKED_MAX_BYTES = 16 << 20,
    PARKED_MAX_LEARNERS = 16384, /* met in about two seconds: well before a publisher loses its patience */
};

struct parking;
struct parking_line;

struct parked {
    struct parked *next; /* of its line */
    struct parking_line *line;
    uint32_t publisher;
    bool dropoff; /* no session, no answer */
    bool turned;  /* it came at a bound: busy in its turn. No message is kept */
    uint8_t session[SESSION_BYTES];
    uint64_t seq;
    int64_t now_ms; /* when it came */
    struct slice message;
    const struct group_address *from;
    /* Of the parking's own: */
    uint32_t unmet; /* learners it still waits for */
    uint32_t need_count, need_room;
    uint32_t fresh; /* learners nobody waited for before */
    struct need *needs;
};

struct parking *parking_open(void);
void parking_close(struct parking *parking);

bool parking_empty(const struct parking *parking);
uint32_t parking_learners(const struct parking *parking); /* that are on their way, or met and not yet used */

/* Has the session a line? *expected: the seq it waits for once those in its line are taken. */
bool parking_line(const struct parking *parking, uint32_t publisher, const uint8_t session[SESSION_BYTES],
                  uint64_t *expected);

/* A batch that is to be parked: `what` says whose, with the message as it came, which is copied. It is not in line yet:
 * name the learners it needs, then parking_enter() or parking_cancel() it. */
struct parked *parking_begin(const struct parked *what);
/* id: within the message that was given to parking_begin(); the same learner again is nothing new. */
void parking_need(struct parking *parking, struct parked *parked, struct slice message, struct slice id,
                  struct lookup_hash hash);
/* Does it stay within all bounds? */
bool parking_fits(const struct parking *parking, const struct parked *parked);
/* Of them, PARKED_MAX_BATCHES: all that a turned one needs. */
bool parking_has_place(const struct parking *parking);
void parking_enter(struct parking *parking, struct parked *parked);
void parking_cancel(struct parking *parking, struct parked *parked);

/* The meetings that began since the last call, for the resolver. */
struct meeting *parking_submit(struct parking *parking);
/* A meeting is back. It stays the parking's. */
void parking_met(struct parking *parking, struct meeting *meeting);
/* Where the learner was met: her row; NULL: not yet, or nobody waits for her. */
const struct vault_row *parking_row(const struct parking *parking, struct lookup_hash hash);

/* A batch that is first in its line and waits for nobody; NULL where there is none. It stays until it leaves. */
struct parked *parking_ready(const struct parking *parking);
void parking_leave(struct parking *parking, struct parked *parked);
/* Its turn has come, and it needs learners that it did not name before: it waits for those named since, first in its
 * line. False: too many learners are on their way; nothing was changed. */
bool parking_stay(struct parking *parking, struct parked *parked);
/* Any batch that is first in its line, met or not: to empty the parking with parking_leave() after the resolver was
 * recalled. NULL: it is empty. */
struct parked *parking_any(const struct parking *parking);

#endif
