/* source.h - where the log's records come from: the collector's reader socket, or its store while no collector runs.
 *
 *     socket   common/fetch.h over a DEALER; one request at a time; a request without an answer means a new socket.
 *              On another machine (tcp): CURVE, with keys/server.public and the pair keys/reader.public|secret
 *     store    the log's RocksDB, opened read-only (docs/DESIGN.md, "Event log"): a snapshot of what stood when it was
 *              opened
 * Both give the same: records by offset, whole, in order, and before or with them the lids of the learner numbers.
 */
#ifndef JEJAK_AGGREGATOR_SOURCE_H
#define JEJAK_AGGREGATOR_SOURCE_H

#include "aggregator/cells.h"

#include "common/config.h"

struct source;

/* The store where it lies on this machine and no collector holds it, else the socket. */
enum status source_open(const struct config *config, struct source **out, struct error *error) must_check;
/* The socket, whether or not somebody answers there yet. */
enum status source_open_socket(const struct config *config, struct source **out, struct error *error) must_check;
void source_close(struct source *source);
bool source_is_store(const struct source *source);
void *source_socket(const struct source *source); /* to poll; NULL for a store */

/* Borrowed until the next source_take(). */
struct source_chunk {
    uint8_t log_id[LOG_ID_BYTES];
    uint32_t epoch;
    uint64_t durable;       /* the offset after the last durable event */
    uint64_t next;          /* what to ask for next */
    uint32_t first_learner; /* the number of the first lid */
    struct slice learners;  /* lids */
    const struct slice *records;
    size_t record_count;
};

/* Asks for what follows a place: offset, learner numbers known, and which log (where has_log). */
enum status source_ask(struct source *source, const struct cells_position *from, uint32_t wait_ms,
                       struct error *error) must_check;
/* The answer. STATUS_UNAVAILABLE: none within timeout_ms (ask again); STATUS_FORKED: the log is not the one that was
 * asked for; STATUS_PROTOCOL, STATUS_CORRUPT. */
enum status source_take(struct source *source, int timeout_ms, struct source_chunk *chunk,
                        struct error *error) must_check;

#endif
