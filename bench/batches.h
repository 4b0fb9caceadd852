/* batches.h - batches prepared before the clock starts: events encoded as the publisher library does it.
 *
 * Each batch has room before its events for a head, which is written when it is sent (seq, acked and sent change), so
 * that a message is one stretch of memory and goes out without a copy.
 */
#ifndef JEJAK_BENCH_BATCHES_H
#define JEJAK_BENCH_BATCHES_H

#include "bench/workload.h"
#include "clients/publisher/encode.h"
#include "clients/simulate/random.h"

struct batches_one {
    size_t at; /* of the events; ENCODE_HEAD_MAX bytes before it are room for the head */
    uint32_t size;
    uint32_t events;
};

struct batches {
    uint8_t *bytes;
    size_t used, room;
    struct batches_one *list;
    size_t count, list_room;
    uint64_t events;
};

/* Deals a workload out: batch by batch of `batch` events to `count` sets in turn, all of them empty before. */
void batches_deal(struct workload *workload, uint32_t batch, struct batches *sets, size_t count);
/* The same, each batch of least to most events as `random` draws. */
void batches_deal_drawn(struct workload *workload, uint32_t least, uint32_t most, struct random *random,
                        struct batches *sets, size_t count);
void batches_close(struct batches *batches);

/* The message of batch `index` with this head (events is filled in). Lives as long as the batches; the next call for
 * the same index writes over it. */
struct slice batches_message(struct batches *batches, size_t index, struct encode_head head);

/* Gives the newcomers of a batch (workload.h) the numbers from *next on: learners who were never seen. */
void batches_renumber(struct batches *batches, size_t index, uint32_t *next);

#endif
