/* deliver.h - a publisher's inside (struct jejak), and the half of it that talks: from sealed batches to settled ones.
 *
 * jejak.c takes events and seals batches; deliver.c hands them over. All decisions are stream.c's; here they meet the
 * spool, the socket and the clocks.
 */
#ifndef JEJAK_PUBLISHER_DELIVER_H
#define JEJAK_PUBLISHER_DELIVER_H

#include "clients/publisher/jejak.h"
#include "clients/publisher/link.h"
#include "clients/publisher/outbox.h"
#include "clients/publisher/spool.h"
#include "clients/publisher/stream.h"

struct jejak {
    struct link *link;
    struct spool *spool; /* NULL: none */
    struct stream stream;
    struct outbox outbox;
    uint32_t batch_events;
    int32_t batch_age_ms; /* -1: never by age */
    uint32_t in_flight;
    uint64_t memory_bytes;
    int64_t opened_ms;      /* monotonic: when the open batch got its first event */
    int64_t expiry_look_ms; /* monotonic: when to look for expired batches again */
    jejak_batch_fn on_batch;
    jejak_notice_fn on_notice;
    void *argument;
    struct jejak_counters counters;
    struct error error;
};

int64_t deliver_now_ms(void); /* the monotonic clock of all timers here */

/* Tells the owner. */
void deliver_notice(const struct jejak *publisher, const char *format, ...) printf_like(2, 3);

/* Lists what the spool holds, after it was opened or renewed. */
enum status deliver_adopt(struct jejak *publisher) must_check;

/* The open batch, which is not empty, becomes a sealed one. On failure it stays open. */
enum status deliver_seal(struct jejak *publisher) must_check;

/* One round without waiting: lost connection, sends, answers. *busy: was there anything to do? */
enum status deliver_round(struct jejak *publisher, bool *busy) must_check;

/* How long a round can wait for an answer before the clock gives it something to do. */
int deliver_patience_ms(const struct jejak *publisher, int64_t now_ms, int timeout_ms);

#endif
