/* wire.h - protocol version 1 on the wire: batches in, answers out (docs/PROTOCOL.md is the contract).
 *
 * A batch is read in one pass where `events` is its last key, as publishers of ours write it: the header first, then
 * event by event, without allocation; whether the message ends where the last event ends is known only then. So a
 * caller that stores events as they come keeps a mark to go back to:
 *
 *     struct wire_batch batch;
 *     if (wire_batch_read(message, &batch) == WIRE_OK)
 *         while (wire_event_next(&batch, &event, &verdict))
 *             …
 *     if (!wire_batch_finish(&batch))
 *         back to the mark: malformed, batch.detail says why
 */
#ifndef JEJAK_COMMON_WIRE_H
#define JEJAK_COMMON_WIRE_H

#include "common/event.h"
#include "common/mp.h"
#include "common/packer.h"
#include "common/status.h"

enum {
    WIRE_VERSION = 1,
    SESSION_BYTES = 16,
    BATCH_MAX_EVENTS = 65535,
    BATCH_MAX_IN_FLIGHT = 64,
    BATCH_MAX_BYTES = 1 << 20,
    REJECTED_MAX_LISTED = 100,
    ANSWER_DETAIL_BYTES = 160,
};

enum wire_result {
    WIRE_OK,
    WIRE_MALFORMED,
    WIRE_BAD_VERSION,
};

struct wire_batch {
    bool has_session, has_seq, has_acked, has_sent, has_events, has_version;
    uint8_t session[SESSION_BYTES];
    uint64_t version;
    uint64_t seq;
    uint64_t acked;
    int64_t sent_ms;
    uint32_t event_count;
    struct slice events;   /* the bytes of the array; their size is known after wire_batch_finish() */
    const char *detail;    /* what is malformed */
    struct mp cursor;      /* at the next event */
    const uint8_t *resume; /* the end of `events` where keys follow it, else NULL */
    uint32_t events_left;
};

/* Reads the header. On WIRE_MALFORMED and WIRE_BAD_VERSION the fields that could be read stand with their has_… */
enum wire_result wire_batch_read(struct slice message, struct wire_batch *batch);

/* The next event; false after the last one or where the bytes are no msgpack. *verdict is shape, kind or time_invalid;
 * otherwise VERDICT_ACCEPTED, the event is filled in and event_check() goes on with the rules, in the order of the
 * table of verdicts. The event borrows from the message. */
bool wire_event_next(struct wire_batch *batch, struct event *event, enum verdict *verdict);
/* The same without the quick way for usual encodings: what tests hold that way to. */
bool wire_event_next_plain(struct wire_batch *batch, struct event *event, enum verdict *verdict);

/* After the last event: was the whole message well-formed, nothing left over? */
bool wire_batch_finish(struct wire_batch *batch);

enum answer_status {
    ANSWER_OK,
    ANSWER_DUPLICATE,
    ANSWER_GAP,
    ANSWER_BUSY,
    ANSWER_REFUSED,
    ANSWER_STATUS_COUNT
};
enum refusal {
    REFUSAL_MALFORMED,
    REFUSAL_VERSION,
    REFUSAL_CONFLICT,
    REFUSAL_COUNT
};
const char *answer_status_name(enum answer_status status);
const char *refusal_name(enum refusal refusal);

struct answer_rejected {
    uint32_t index; /* of the event in its batch, from 0 */
    enum verdict verdict;
};

struct answer {
    enum answer_status status;
    bool has_session, has_seq;
    uint8_t session[SESSION_BYTES];
    uint64_t seq;
    uint32_t accepted;       /* ok */
    uint32_t rejected_total; /* ok */
    uint32_t rejected_count; /* ok: the first of them, at most REJECTED_MAX_LISTED */
    const struct answer_rejected *rejected;
    uint64_t expected;                /* gap */
    uint32_t retry_ms;                /* busy */
    enum refusal refusal;             /* refused */
    char detail[ANSWER_DETAIL_BYTES]; /* refused */
};

/* Writes the answer into `packer` (common/packer.h), from its start. The bytes live until the next call. */
struct slice answer_encode(struct packer *packer, const struct answer *answer);

/* For publishers: reads an answer; `rejected` has room for REJECTED_MAX_LISTED and is written to also on failure.
 * STATUS_PROTOCOL with what is wrong: what the answer's status needs must be there, once. Unknown keys are passed over:
 * the contract is extended, never broken. */
enum status answer_decode(struct slice bytes, struct answer *answer, struct answer_rejected *rejected,
                          struct error *error) must_check;

#endif
