/* A publisher's message. */
#include "tests/fuzz/fuzz.h"

#include "collector/paths.h"
#include "common/wire.h"

enum {
    MESSAGE_MAX_BYTES = 1 << 20 /* as max_message_bytes is by default: what is longer never gets so far */
};

static void check_event(struct slice message, const struct event *event)
{
    enum verdict verdict = event_check(event, 0, TIME_MAX_MS);
    promise(event->kind < KIND_COUNT && event->time_ms >= 0 && event->time_ms <= TIME_MAX_MS);
    if (verdict != VERDICT_ACCEPTED)
        return;
    promise(event->learner.data >= message.data && event->content.data >= message.data);
    promise(event->learner.data + event->learner.size <= message.data + message.size);
    promise(event->content.data + event->content.size <= message.data + message.size);
    promise(learner_valid(event->learner) && content_valid(event->content));
}

/* The paths of all inputs so far, as the collector keeps them over groups: making them anew took most of the time. */
static struct paths *known_paths(void)
{
    static struct paths *paths;
    if (!paths)
        paths = paths_open(BATCH_MAX_EVENTS, MESSAGE_MAX_BYTES);
    return paths;
}

/* An event means the same whichever way it is read, and has the same verdict whatever paths are known. */
static void check_ways(struct slice message)
{
    struct paths *paths = known_paths();
    struct wire_batch quick, plain;
    struct event event, other;
    enum verdict verdict, expected;
    uint32_t handle;
    if (wire_batch_read(message, &quick) != WIRE_OK || wire_batch_read(message, &plain) != WIRE_OK)
        quick.events_left = plain.events_left = 0;
    while (wire_event_next(&quick, &event, &verdict)) {
        promise(wire_event_next_plain(&plain, &other, &expected) && verdict == expected);
        promise(quick.cursor.at == plain.cursor.at);
        if (verdict != VERDICT_ACCEPTED)
            continue;
        promise(event.kind == other.kind && event.time_ms == other.time_ms && event.value == other.value);
        promise(slice_equal(event.learner, other.learner) && slice_equal(event.content, other.content));
        verdict = paths_check(paths, &event, 1, TIME_MAX_MS - 1, &handle);
        promise(verdict == event_check(&event, 1, TIME_MAX_MS - 1));
        if (verdict != VERDICT_ACCEPTED)
            continue;
        uint32_t index = paths_use(paths, paths_learn(paths, event.content));
        promise(slice_equal(paths_list(paths)[index], event.content));
    }
    promise(quick.events_left == 0 || !wire_event_next_plain(&plain, &other, &expected));
    paths_clear(paths);
}

static void check_batch(struct slice message)
{
    struct wire_batch batch;
    struct event event;
    enum verdict verdict;
    enum wire_result result = wire_batch_read(message, &batch);
    uint32_t events = 0;
    promise(!batch.has_seq || (batch.seq >= 1 && batch.seq + 1 != 0));
    promise(result != WIRE_MALFORMED || batch.detail);
    promise(result != WIRE_BAD_VERSION || (batch.has_version && batch.version != WIRE_VERSION));
    if (result != WIRE_OK)
        return;
    promise(batch.event_count >= 1 && batch.event_count <= BATCH_MAX_EVENTS && batch.has_session && batch.has_seq);
    for (; wire_event_next(&batch, &event, &verdict); events++) {
        promise(verdict <= VERDICT_TIME_INVALID);
        if (verdict == VERDICT_ACCEPTED)
            check_event(message, &event);
    }
    bool whole = wire_batch_finish(&batch);
    promise(whole ? events == batch.event_count : batch.detail != NULL);
    promise(!whole || batch.events.data + batch.events.size <= message.data + message.size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > MESSAGE_MAX_BYTES)
        return 0;
    uint8_t *copy = exact_copy(slice_of(data, size));
    check_batch(slice_of(copy, size));
    check_ways(slice_of(copy, size));
    free(copy);
    return 0;
}
