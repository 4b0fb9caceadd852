/* lane.h - one publisher of the load: a session, its prepared batches, when they are meant to be sent, and how long
 * their answers took.
 *
 * The protocol is the publisher library's own (clients/publisher/stream.h); what differs is that nothing is encoded,
 * spooled or copied while the clock runs. Batches go round: once all were sent the first is sent again, under a new
 * number, so that a run may be longer than memory. A resend is the same bytes as before, `acked` and `sent` included.
 *
 * With a pace (an open loop) a batch exists from the moment at which it is meant to be sent, whether it can be sent
 * then or not, and its latency counts from that moment. Without one (a closed loop) a batch is sent as soon as there is
 * room for it, and its latency counts from then.
 *
 * Anything but `ok` for every batch and every event is a failure, except `busy` and the gaps after it, which are counted
 * and waited out, and `duplicate` for what was sent twice: that was stored.
 */
#ifndef JEJAK_BENCH_LANE_H
#define JEJAK_BENCH_LANE_H

#include "bench/batches.h"
#include "bench/latency.h"
#include "bench/pace.h"
#include "bench/trunk.h"
#include "clients/publisher/stream.h"

enum {
    /* Batches that must be prepared for each of a window, so that none is written to while ZeroMQ may still hold it. */
    LANE_ROUND = 2,
};

struct lane_counts {
    uint64_t events, batches;                   /* acknowledged */
    uint64_t measured_events, measured_batches; /* of these, in the measured time */
    uint64_t bytes;                             /* of messages, first sendings */
    uint64_t busy, resent, duplicate;
    int64_t late_ns; /* the longest from the meant moment of a batch to its first sending */
};

/* What lanes share: times on the monotonic clock, and where results go. */
struct lane_clock {
    int64_t from_ns, until_ns; /* the measured time; nothing new after it. INT64_MAX: while there are batches */
};

struct lane {
    uint32_t connection;
    struct stream stream;
    struct batches batches;
    uint64_t batches_left; /* to be made; UINT64_MAX: until the clock says so */
    bool paced, by_events; /* pace counts events, not batches */
    struct pace pace;
    uint32_t *newcomers;                  /* the next newcomer's number; NULL: learners that are known */
    int64_t meant_ns[STREAM_WINDOW_MAX];  /* by seq: 0 until it is known */
    struct slice sent[STREAM_WINDOW_MAX]; /* the message, by seq */
    int64_t answered_ns;                  /* when the last answer was read */
    struct latency *latency;
    struct lane_counts counts;
};

/* Takes over `batches`, which must be all that is ever sent or more than LANE_ROUND windows. A pace is set afterwards. */
enum status lane_open(uint32_t connection, uint32_t in_flight, struct batches batches, struct latency *latency,
                      struct lane *lane, struct error *error) must_check;
void lane_close(struct lane *lane);

/* Sends what may be sent now. *wake_ns: when to ask again even if no answer comes. */
enum status lane_send(struct lane *lane, struct trunk *trunk, const struct lane_clock *clock, int64_t *wake_ns,
                      struct error *error) must_check;
/* An answer on this lane's connection. *settled_ns: how long a batch took that it settled, else -1. */
enum status lane_receive(struct lane *lane, struct slice bytes, const struct lane_clock *clock, int64_t *settled_ns,
                         struct error *error) must_check;

/* Nothing is on its way and nothing more is meant to be sent. */
bool lane_done(const struct lane *lane, const struct lane_clock *clock);
/* Gives up what was meant to be sent in the measured time and was not: counts the batches, and records how long they
 * have waited. What is on its way is still waited for. */
uint64_t lane_abandon(struct lane *lane, const struct lane_clock *clock, int64_t now_ns);

#endif
