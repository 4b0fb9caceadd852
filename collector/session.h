/* session.h - the state that makes a batch count once: what each publisher's session has settled.
 *
 * A session is an ordered stream of batches 1, 2, 3 … of one publisher. `settled` is the last seq that was taken (it
 * may still be on its way to the disk), `durable` the last one whose settlement is on stable storage; at most
 * BATCH_MAX_IN_FLIGHT lie between them. Everything hangs on (publisher name, session), never on a ZeroMQ routing id.
 *
 * session_judge() is the whole rule book of PROTOCOL.md's "Answer" as one pure function: it looks and does not touch.
 *
 * Stored under (name, 0, session) in the log's own write batch, so a batch and the fact that it was taken cannot part:
 *
 *     0        1              9              17             25 + 8 n
 *     | ver=1  | settled u64  | last ms i64  | n u64        | n fingerprints u64, of seq settled - n + 1 … settled
 */
#ifndef JEJAK_COLLECTOR_SESSION_H
#define JEJAK_COLLECTOR_SESSION_H

#include "common/block.h"
#include "common/wire.h"

enum {
    SESSION_FINGERPRINTS = 64, /* a repeated seq is compared with what it carried for the last so many */
    SESSION_STATE_HEADER_BYTES = 25,
    SESSION_STATE_MAX_BYTES = SESSION_STATE_HEADER_BYTES + 8 * SESSION_FINGERPRINTS,
    SESSION_KEY_MAX_BYTES = PUBLISHER_NAME_MAX + 1 + SESSION_BYTES,
};
/* The fingerprint of a batch that was settled as malformed; never that of events. */
#define FINGERPRINT_MALFORMED UINT64_C(0)

struct session {
    uint32_t publisher; /* index of its name */
    uint8_t id[SESSION_BYTES];
    uint64_t settled;
    uint64_t durable;
    int64_t last_ms;                             /* when its last batch was settled */
    uint64_t first_known;                        /* fingerprints of seqs below this one are not held */
    uint64_t fingerprints[SESSION_FINGERPRINTS]; /* by seq modulo */
    uint64_t group; /* number of the group that touched it last: it is written once a group */
};

struct sessions;
struct sessions *sessions_open(void);
void sessions_close(struct sessions *sessions);
struct session *sessions_find(struct sessions *sessions, uint32_t publisher, const uint8_t id[SESSION_BYTES]);
/* A new one that has settled everything up to `settled`. Pointers to sessions stay valid until removed. */
struct session *sessions_add(struct sessions *sessions, uint32_t publisher, const uint8_t id[SESSION_BYTES],
                             uint64_t settled);
void sessions_remove(struct sessions *sessions, struct session *session);
uint32_t sessions_count(const struct sessions *sessions, uint32_t publisher);
uint32_t sessions_total(const struct sessions *sessions);
/* Calls `each` for all; it may remove the one it is given. */
typedef void (*session_fn)(struct session *session, void *argument);
void sessions_each(struct sessions *sessions, session_fn each, void *argument);

enum judgement {
    JUDGE_TAKE,      /* it is the expected one */
    JUDGE_DUPLICATE, /* settled before */
    JUDGE_CONFLICT,  /* settled before, with other events */
    JUDGE_GAP,       /* beyond the expected one */
    JUDGE_BUSY,      /* the expected one, but too many are in flight */
    JUDGE_MALFORMED, /* malformed and settled before, or not placed at all: refused, nothing settles */
};
struct judged {
    enum judgement judgement;
    uint64_t expected; /* the seq that the session waits for */
    bool rolled_back;  /* `acked` is beyond what is settled here: acknowledged data is missing */
};
/* session: NULL where it is not known. fingerprint: FINGERPRINT_MALFORMED for a malformed batch. */
struct judged session_judge(const struct session *session, uint64_t seq, uint64_t acked, uint64_t fingerprint);
/* Takes seq = expected: remembers its fingerprint. */
void session_settle(struct session *session, uint64_t seq, uint64_t fingerprint, int64_t now_ms);
/* After rolled_back: everything up to `acked` counts as settled; no fingerprints are held. */
void session_jump(struct session *session, uint64_t acked);

size_t session_encode(const struct session *session, uint8_t out[SESSION_STATE_MAX_BYTES]);
/* Fills settled, durable, last_ms and the fingerprints. STATUS_CORRUPT, STATUS_NEWER. */
enum status session_decode(struct slice bytes, struct session *session, struct error *error) must_check;
size_t session_key(const char *publisher, const uint8_t id[SESSION_BYTES], uint8_t key[SESSION_KEY_MAX_BYTES]);

#endif
