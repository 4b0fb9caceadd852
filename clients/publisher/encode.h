/* encode.h - the bytes of a batch (docs/PROTOCOL.md), written with msgpack-c.
 *
 * Events are encoded one by one, once, as they are taken. A batch's `events` are those bytes one after the other; they
 * stay the same in every resend. Around them encode_head() makes the map anew, because `acked` and `sent` are renewed:
 *
 *     head: {v, session, seq, acked, sent, events: array header}   events: [kind, time, learner, content, value] ...
 */
#ifndef JEJAK_PUBLISHER_ENCODE_H
#define JEJAK_PUBLISHER_ENCODE_H

#include "common/wire.h"

enum {
    ENCODE_HEAD_MAX = 96,   /* bytes of any head */
    ENCODE_EVENT_MAX = 384, /* bytes of any event that event_check() accepts: 1 + 11 + 9 + 130 + 196 + 5, rounded up */
};

struct encode_head {
    const uint8_t *session; /* SESSION_BYTES */
    uint64_t seq;
    uint64_t acked;
    int64_t sent_ms;
    uint32_t events;
};

/* Both return the bytes written; the rooms are large enough for whatever is valid. */
size_t encode_head(const struct encode_head *head, uint8_t bytes[ENCODE_HEAD_MAX]);
size_t encode_event(const struct event *event, uint8_t bytes[ENCODE_EVENT_MAX]);

#endif
