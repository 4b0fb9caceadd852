/* outbox.h - the batches between taken and settled, in memory: the open one and those that are sealed, by seq.
 *
 * Where a spool holds them too, a sealed batch may stand here without its bytes; they are loaded when it is sent.
 */
#ifndef JEJAK_PUBLISHER_OUTBOX_H
#define JEJAK_PUBLISHER_OUTBOX_H

#include "common/status.h"

struct outbox_batch {
    uint8_t *bytes; /* the events; NULL: in the spool only */
    size_t size;
    uint32_t events;
};

struct outbox {
    struct outbox_batch *batches; /* acked + 1 ... acked + count, at [first ...) */
    size_t first, count, room;
    struct outbox_batch open;
    size_t open_room;
    uint64_t acked;
    uint64_t bytes;  /* of all batches here, the open one included */
    uint64_t events; /* likewise */
};

void outbox_start(struct outbox *outbox, uint64_t acked);
void outbox_free(struct outbox *outbox);

/* Room for `size` more bytes at the end of the open batch; NULL where there is no memory. */
uint8_t *outbox_room(struct outbox *outbox, size_t size);
void outbox_add(struct outbox *outbox, size_t size); /* one event, written there */

/* The open batch becomes the next seq. STATUS_BUSY where there is no memory for it. */
enum status outbox_reserve(struct outbox *outbox, struct error *error) must_check;
void outbox_seal(struct outbox *outbox); /* after a reserve */
/* A batch that only the spool holds. After a reserve, with nothing open. */
void outbox_found(struct outbox *outbox, uint32_t events);

struct outbox_batch *outbox_at(const struct outbox *outbox, uint64_t seq);
void outbox_hold(struct outbox *outbox, uint64_t seq, uint8_t *bytes, size_t size); /* takes the bytes */
void outbox_drop(struct outbox *outbox, uint64_t seq);                              /* the bytes only */
void outbox_settle(struct outbox *outbox, uint64_t acked);

#endif
