#include "clients/publisher/outbox.h"

#include <stdlib.h>

enum {
    OPEN_LEAST_BYTES = 32 << 10
};

void outbox_start(struct outbox *outbox, uint64_t acked)
{
    *outbox = (struct outbox){.acked = acked};
}

void outbox_free(struct outbox *outbox)
{
    for (size_t i = 0; i < outbox->count; i++)
        free(outbox->batches[outbox->first + i].bytes);
    free(outbox->batches);
    free(outbox->open.bytes);
    *outbox = (struct outbox){0};
}

uint8_t *outbox_room(struct outbox *outbox, size_t size)
{
    if (outbox->open.size + size > outbox->open_room) {
        size_t room = outbox->open_room ? 2 * outbox->open_room : OPEN_LEAST_BYTES;
        while (room < outbox->open.size + size)
            room *= 2;
        uint8_t *grown = realloc(outbox->open.bytes, room);
        if (!grown)
            return NULL;
        outbox->open.bytes = grown;
        outbox->open_room = room;
    }
    return outbox->open.bytes + outbox->open.size;
}

void outbox_add(struct outbox *outbox, size_t size)
{
    outbox->open.size += size;
    outbox->open.events++;
    outbox->bytes += size;
    outbox->events++;
}

enum status outbox_reserve(struct outbox *outbox, struct error *error)
{
    if (outbox->first + outbox->count < outbox->room)
        return STATUS_OK;
    if (outbox->first > outbox->count) {
        memmove(outbox->batches, outbox->batches + outbox->first, outbox->count * sizeof *outbox->batches);
        outbox->first = 0;
        return STATUS_OK;
    }
    size_t room = outbox->room ? 2 * outbox->room : 128;
    struct outbox_batch *grown = reallocarray(outbox->batches, room, sizeof *grown);
    if (!grown)
        return error_set(error, STATUS_BUSY, "no memory for one more batch");
    outbox->batches = grown;
    outbox->room = room;
    return STATUS_OK;
}

void outbox_seal(struct outbox *outbox)
{
    uint8_t *exact = realloc(outbox->open.bytes, outbox->open.size);
    if (exact)
        outbox->open.bytes = exact;
    outbox->batches[outbox->first + outbox->count++] = outbox->open;
    outbox->open = (struct outbox_batch){0};
    outbox->open_room = 0;
}

void outbox_found(struct outbox *outbox, uint32_t events)
{
    outbox->batches[outbox->first + outbox->count++] = (struct outbox_batch){.events = events};
    outbox->events += events;
}

struct outbox_batch *outbox_at(const struct outbox *outbox, uint64_t seq)
{
    ensure(seq > outbox->acked && seq <= outbox->acked + outbox->count);
    return &outbox->batches[outbox->first + (size_t)(seq - outbox->acked - 1)];
}

void outbox_hold(struct outbox *outbox, uint64_t seq, uint8_t *bytes, size_t size)
{
    struct outbox_batch *batch = outbox_at(outbox, seq);
    ensure(!batch->bytes);
    batch->bytes = bytes;
    batch->size = size;
    outbox->bytes += size;
}

void outbox_drop(struct outbox *outbox, uint64_t seq)
{
    struct outbox_batch *batch = outbox_at(outbox, seq);
    free(batch->bytes);
    batch->bytes = NULL;
    outbox->bytes -= batch->size;
    batch->size = 0;
}

void outbox_settle(struct outbox *outbox, uint64_t acked)
{
    while (outbox->acked < acked) {
        outbox_drop(outbox, outbox->acked + 1);
        outbox->events -= outbox->batches[outbox->first].events;
        outbox->first++;
        outbox->count--;
        outbox->acked++;
    }
}
