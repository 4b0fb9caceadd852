/* fetch.h - the reader protocol: durable log records by offset (docs/PROTOCOL.md, "Reading the log").
 *
 * Request, one part, a msgpack map:
 *     { "v": 1, "op": "fetch", "log": bin 16 or nil, "epoch": uint, "offset": uint, "learners": uint,
 *       "max_bytes": uint, "wait_ms": uint }
 *   log nil: the reader has nothing yet; offset: the next one it wants; learners: how many learner numbers it knows.
 * Answer, one part and then one part a record:
 *     { "v": 1, "status": "ok" | "forked" | "malformed" | "failed", "log": bin 16, "epoch": uint, "durable": uint,
 *       "next": uint, "learners": bin 16 x n, "detail": str }
 *   durable: the offset after the last durable event.
 *   next: the offset after the last record sent (what to ask for next).
 *   learners: the lids of numbers request.learners, +1, +2 … (zeros: an erased one). They come before or with the first
 *   record that refers to them; where there are many, answers hold learners only and no record: ask again.
 *   A record whose span covers `offset` is sent whole, even when it starts before it.
 */
#ifndef JEJAK_COMMON_FETCH_H
#define JEJAK_COMMON_FETCH_H

#include "common/block.h"

enum {
    FETCH_MAX_BYTES = 8 << 20,  /* records in one answer; one record is always sent, however large */
    FETCH_MAX_RECORDS = 4000,   /* in one answer, however small they are */
    FETCH_MAX_LEARNERS = 65536, /* lids in one answer */
    FETCH_MAX_WAIT_MS = 30000,
    FETCH_MAX_REQUEST_BYTES = 4096,
};

struct fetch_request {
    bool has_log;
    uint8_t log_id[LOG_ID_BYTES];
    uint32_t epoch;
    uint64_t offset;
    uint32_t learners;
    uint32_t max_bytes;
    uint32_t wait_ms;
};

enum fetch_status {
    FETCH_OK,
    FETCH_FORKED,
    FETCH_MALFORMED,
    FETCH_FAILED,
    FETCH_STATUS_COUNT
};

struct fetch_answer {
    enum fetch_status status;
    uint8_t log_id[LOG_ID_BYTES];
    uint32_t epoch;
    uint64_t durable;
    uint64_t next;
    struct slice learners; /* size is a multiple of LID_BYTES */
    struct slice detail;   /* one sentence, may be empty */
};

/* Encoders write a buffer that the caller frees with free(). */
struct slice fetch_request_encode(const struct fetch_request *request);
struct slice fetch_answer_encode(const struct fetch_answer *answer); /* the first part only */
/* Decoders take foreign bytes. The answer's slices point into `bytes`. STATUS_PROTOCOL with what is wrong. */
enum status fetch_request_decode(struct slice bytes, struct fetch_request *request, struct error *error) must_check;
enum status fetch_answer_decode(struct slice bytes, struct fetch_answer *answer, struct error *error) must_check;

#endif
