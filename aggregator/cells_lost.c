/* What the log lost: ranges of its offsets, kept with the cells that lack their events. Few, so an array is enough. */
#include "aggregator/cells_inner.h"

#include <stdlib.h>

enum {
    KEY_BYTES = 4 + 8,
    VALUE_BYTES = 8 + 8 + 8,
};

static const char key_name[] = "lost";

static void key_write(uint64_t first, uint8_t key[KEY_BYTES])
{
    memcpy(key, key_name, 4);
    put_be64(key + 4, first);
}

static void remember(struct cells *cells, const struct cells_lost *lost)
{
    uint32_t at = cells->lost_count; /* from the end: they come in order */
    while (at > 0 && cells->lost[at - 1].first >= lost->first)
        at--;
    bool known = at < cells->lost_count && cells->lost[at].first == lost->first;
    if (!known) {
        if (cells->lost_count == cells->lost_room) {
            cells->lost_room = cells->lost_room ? 2 * cells->lost_room : 16;
            cells->lost = mem_grow(cells->lost, cells->lost_room, sizeof *cells->lost);
        }
        memmove(cells->lost + at + 1, cells->lost + at, (cells->lost_count - at) * sizeof *lost);
        cells->lost_count++;
    }
    cells->lost[at] = *lost;
}

void cells_lost_add(struct cells *cells, const struct cells_lost *lost)
{
    uint8_t key[KEY_BYTES], value[VALUE_BYTES];
    struct cells_lost kept = *lost;
    if (cells->lost_count == CELLS_MAX_LOST) { /* the last one takes it in: too much is named, not too little */
        struct cells_lost *last = &cells->lost[cells->lost_count - 1];
        kept.first = last->first;
        kept.next = last->next > lost->next ? last->next : lost->next;
        kept.least_ms = last->least_ms < lost->least_ms ? last->least_ms : lost->least_ms;
        kept.greatest_ms = last->greatest_ms > lost->greatest_ms ? last->greatest_ms : lost->greatest_ms;
    }
    remember(cells, &kept);
    key_write(kept.first, key);
    put_u64(value, kept.next);
    put_u64(value + 8, (uint64_t)kept.least_ms);
    put_u64(value + 16, (uint64_t)kept.greatest_ms);
    rocks_batch_put(cells->batch, cells->base, slice_of(key, sizeof key), slice_of(value, sizeof value));
}

enum status cells_read_lost(struct cells *cells, struct error *error)
{
    struct rocks_iterator *iterator = rocks_iterator_open(cells->store, cells->base);
    for (rocks_iterator_seek(iterator, slice_of_text(key_name)); rocks_iterator_valid(iterator);
         rocks_iterator_next(iterator)) {
        struct slice key = rocks_iterator_key(iterator), value = rocks_iterator_value(iterator);
        if (key.size != KEY_BYTES || memcmp(key.data, key_name, 4) != 0 || value.size != VALUE_BYTES)
            break;
        remember(cells, &(struct cells_lost){get_be64(key.data + 4), get_u64(value.data),
                                             (int64_t)get_u64(value.data + 8), (int64_t)get_u64(value.data + 16)});
    }
    enum status status = rocks_iterator_status(iterator, error);
    rocks_iterator_close(iterator);
    return status;
}

uint64_t cells_lost_from(const struct cells *cells, int64_t from_ms, int64_t *least_ms, int64_t *greatest_ms)
{
    uint64_t events = 0, counted = 0; /* offsets before it are counted */
    *least_ms = INT64_MAX;
    *greatest_ms = INT64_MIN;
    for (uint32_t i = 0; i < cells->lost_count; i++) {
        const struct cells_lost *lost = &cells->lost[i];
        uint64_t first = lost->first > counted ? lost->first : counted;
        if (lost->greatest_ms + CELLS_LOST_SKEW_MS < from_ms || lost->next <= first)
            continue;
        events += lost->next - first;
        counted = lost->next;
        *least_ms = lost->least_ms < *least_ms ? lost->least_ms : *least_ms;
        *greatest_ms = lost->greatest_ms > *greatest_ms ? lost->greatest_ms : *greatest_ms;
    }
    return events;
}
