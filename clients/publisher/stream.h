/* stream.h - the publisher's half of the protocol, without bytes, sockets or clocks (docs/PROTOCOL.md).
 *
 * A stream is one session: batches 1, 2, 3 ... of which the first `acked` are settled. It knows numbers only. The owner
 * says that a batch was made (stream_add), asks what is to be sent now (stream_send), tells every answer
 * (stream_answer) and asks at times whether the connection is lost (stream_lost). What the owner does between is its
 * own business, so tests and simulations drive a stream with any clock and any network.
 *
 * A batch is in one of three states:
 *
 *     waiting ── stream_send ──▶ flying ── ok, duplicate, refused ──▶ settled
 *        ▲                          │
 *        └── gap, busy, an answer lost, a connection lost ──┘
 *
 * Only the first `window` batches after `acked` may fly; the oldest waiting one is always the next to be sent, so a
 * resend goes out in order. The rules, each in a function of its own:
 *
 *   gap        everything from `expected` on waits again; once: the same `expected` is ignored until something settles
 *   busy       the batch and everything after it wait again, and nothing is sent for retry_ms
 *   refused    `malformed` and `conflict` settle the batch (the owner sets it aside); `version` stops the stream:
 *              nothing is sent any more and nothing is forgotten
 *   overtaken  answers come in the order of the batches, so an answer to a batch first sent after another one's last
 *              sending tells that the other's answer was lost with a connection that ZeroMQ mended in silence: it waits
 *              again at once instead of after 10 s (the collector says `duplicate`)
 *   silence    10 s without any answer while something flies: the connection counts as lost. The owner makes a new
 *              socket, and everything unsettled waits again
 *
 * Pace: the first `pace` of them, in fact. It begins small, grows by one with every batch that is settled in good time,
 * and is halved when an answer takes longer than STREAM_SLOW_MS or a connection is lost. A collector that meets
 * thousands of new learners in every batch is slow; 64 such batches at once would look like a lost connection to us,
 * and their resends would slow it down further.
 *
 * An answer for another session, for a settled batch or for one that was never sent changes nothing.
 */
#ifndef JEJAK_PUBLISHER_STREAM_H
#define JEJAK_PUBLISHER_STREAM_H

#include "common/wire.h"

enum {
    STREAM_WINDOW_MAX = BATCH_MAX_IN_FLIGHT,
    STREAM_SILENCE_MS = 10000,
    STREAM_SLOW_MS = STREAM_SILENCE_MS / 4,
    STREAM_FIRST_PACE = 4,
    STREAM_RETRY_MAX_MS = 60000, /* a collector that asks for a longer pause is asked again after this one */
};

/* What an answer meant for its batch. */
enum stream_outcome {
    STREAM_IGNORED,   /* nothing */
    STREAM_AGAIN,     /* something waits again */
    STREAM_SETTLED,   /* ok or duplicate, for the first time: the batch may be forgotten */
    STREAM_SET_ASIDE, /* refused for ever: settled, the owner keeps it with the detail */
    STREAM_STOPPED,   /* not by this collector: everything is kept, nothing is sent */
};

enum stream_state {
    STREAM_WAITING,
    STREAM_FLYING,
    STREAM_DONE,
};

struct stream_slot {
    enum stream_state state;
    uint64_t first_order; /* of its first sending on this connection, 0 when not sent on it */
    uint64_t last_order;
    int64_t sent_ms; /* last */
};

struct stream {
    uint8_t session[SESSION_BYTES];
    uint64_t acked; /* every seq up to this one is settled */
    uint64_t made;  /* the last seq that exists */
    uint32_t window;
    uint32_t pace; /* how many of the window may fly now */
    uint32_t flying;
    uint64_t order;        /* sendings on this connection */
    uint64_t paced_order;  /* sendings up to this one do not slow the pace any more: it was slowed after them */
    uint64_t gap_expected; /* already gone on from here, 0: none */
    int64_t hold_until_ms; /* busy: nothing is sent before */
    int64_t heard_ms;      /* the last answer, or the first sending after nothing was flying */
    bool stopped;
    struct stream_slot slots[STREAM_WINDOW_MAX]; /* of acked + 1 ... acked + 64, at seq % 64 */
};

/* Goes on after `settled`; window: 1 to STREAM_WINDOW_MAX. */
void stream_start(struct stream *stream, const uint8_t session[SESSION_BYTES], uint64_t settled, uint32_t window);

/* A batch was made; its seq. Any number of them may wait. */
uint64_t stream_add(struct stream *stream);

/* The batch to be sent now, which then counts as sent; false where there is none. Call until false. */
bool stream_send(struct stream *stream, int64_t now_ms, uint64_t *seq);
/* The batch of the last stream_send() could not be handed to the socket: it waits, as if it had not been asked for. */
void stream_unsend(struct stream *stream, uint64_t seq);

enum stream_outcome stream_answer(struct stream *stream, const struct answer *answer, int64_t now_ms);

/* Did the connection fall silent? Then everything unsettled waits again: make a new socket before the next send. */
bool stream_lost(struct stream *stream, int64_t now_ms);

/* When the stream wants to be asked again even if no answer comes: the end of a pause or of patience; INT64_MAX: never.
 */
int64_t stream_wake_ms(const struct stream *stream);

bool stream_settled(const struct stream *stream, uint64_t seq);
/* Nothing made is unsettled. */
bool stream_idle(const struct stream *stream);

#endif
