#include "bench/batches.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void start_batch(struct batches *batches)
{
    if (batches->count == batches->list_room) {
        batches->list_room = batches->list_room > 0 ? 2 * batches->list_room : 256;
        batches->list = mem_grow(batches->list, batches->list_room, sizeof *batches->list);
    }
    batches->used += ENCODE_HEAD_MAX;
    batches->list[batches->count++] = (struct batches_one){.at = batches->used};
}

static void add_event(struct batches *batches, const struct event *event)
{
    size_t wanted = batches->used + ENCODE_EVENT_MAX;
    if (wanted > batches->room) {
        batches->room = wanted + batches->room / 2 + (1 << 20);
        batches->bytes = mem_grow(batches->bytes, batches->room, 1);
    }
    struct batches_one *last = &batches->list[batches->count - 1];
    size_t size = encode_event(event, batches->bytes + batches->used);
    batches->used += size;
    last->size += (uint32_t)size;
    last->events++;
    batches->events++;
}

void batches_deal_drawn(struct workload *workload, uint32_t least, uint32_t most, struct random *random,
                        struct batches *sets, size_t count)
{
    struct event event;
    uint32_t left = 0; /* of the batch that is being filled */
    for (size_t dealt = 0; workload_next(workload, &event); left--) {
        if (left == 0) {
            left = random_between(random, least, most);
            start_batch(&sets[dealt++ % count]);
        }
        add_event(&sets[(dealt - 1) % count], &event);
    }
}

void batches_deal(struct workload *workload, uint32_t batch, struct batches *sets, size_t count)
{
    struct random unused = {.state = {1}}; /* between a number and itself there is nothing to draw */
    batches_deal_drawn(workload, batch, batch, &unused, sets, count);
}

void batches_close(struct batches *batches)
{
    free(batches->bytes);
    free(batches->list);
    *batches = (struct batches){0};
}

struct slice batches_message(struct batches *batches, size_t index, struct encode_head head)
{
    const struct batches_one *one = &batches->list[index];
    uint8_t bytes[ENCODE_HEAD_MAX];
    head.events = one->events;
    size_t size = encode_head(&head, bytes);
    uint8_t *message = batches->bytes + one->at - size;
    memcpy(message, bytes, size);
    return slice_of(message, size + one->size);
}

void batches_renumber(struct batches *batches, size_t index, uint32_t *next)
{
    const struct batches_one *one = &batches->list[index];
    const char *prefix = workload_newcomer_prefix();
    size_t prefix_size = strlen(prefix);
    uint8_t *at = batches->bytes + one->at, *end = at + one->size;
    while ((at = memmem(at, (size_t)(end - at), prefix, prefix_size)) != NULL) {
        char digits[WORKLOAD_NEWCOMER_DIGITS + 1];
        snprintf(digits, sizeof digits, "%0*" PRIx32, WORKLOAD_NEWCOMER_DIGITS, (*next)++);
        memcpy(at + prefix_size, digits, WORKLOAD_NEWCOMER_DIGITS);
        at += prefix_size + WORKLOAD_NEWCOMER_DIGITS;
    }
}
