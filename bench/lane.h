/* lane.h - one publisher of the loader: a DEALER socket, a session, its prepared batches and when each was answered.
 *
 * The protocol is the publisher library's own (clients/publisher/stream.h); what differs is that nothing is encoded,
 * spooled or taken while the clock runs. Anything but `ok` for every batch and every event is a failure, but for `busy`
 * and the gaps after it, which are counted and waited out.
 */
#ifndef JEJAK_BENCH_LANE_H
#define JEJAK_BENCH_LANE_H

#include "bench/batches.h"
#include "clients/publisher/stream.h"
#include "common/sock.h"

struct lane {
    void *socket;
    struct stream stream;
    struct batches batches;
    int64_t *latency_ns; /* by batch: when it was first sent, then how long its answer took */
    uint64_t accepted;   /* events */
    uint64_t busy;       /* answers */
};

/* Takes over `batches`. */
enum status lane_open(void *context, const char *endpoint, const struct sock_options *options, uint32_t in_flight,
                      struct batches batches, struct lane *lane, struct error *error) must_check;
void lane_close(struct lane *lane);

/* Sends what may be sent now. */
enum status lane_send(struct lane *lane, struct error *error) must_check;
/* Takes the answers that are there; how many settled a batch is added to *settled. */
enum status lane_receive(struct lane *lane, uint64_t *settled, struct error *error) must_check;
bool lane_done(const struct lane *lane);

#endif
