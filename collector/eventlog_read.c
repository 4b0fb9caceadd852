#include "collector/eventlog_inner.h"
#include "common/logline.h"

#include <stdlib.h>

enum status eventlog_number(struct eventlog *log, const uint8_t lid[LID_BYTES], bool *found, uint32_t *number,
                            struct error *error)
{
    uint8_t key[LOGSTORE_LID_KEY_BYTES];
    struct rocks_value value;
    logstore_lid_key(lid, key);
    enum status status = rocks_get(log->store, log->learners, slice_of(key, sizeof key), found, &value, error);
    if (status != STATUS_OK || !*found)
        return status;
    if (value.bytes.size == 4)
        *number = get_be32(value.bytes.data);
    else
        status = error_set(error, STATUS_CORRUPT, "the event log: a learner's row has %zu bytes", value.bytes.size);
    rocks_value_close(&value);
    return status;
}

enum status eventlog_lids(struct eventlog *log, uint32_t first, uint32_t count, uint8_t *lids, struct error *error)
{
    uint8_t key[LOGSTORE_NUMBER_KEY_BYTES];
    struct rocks_iterator *iterator = rocks_iterator_open(log->store, log->learners);
    memset(lids, 0, (size_t)count * LID_BYTES);
    logstore_number_key(first, key);
    for (rocks_iterator_seek(iterator, slice_of(key, sizeof key)); rocks_iterator_valid(iterator);
         rocks_iterator_next(iterator)) {
        struct slice at = rocks_iterator_key(iterator), lid = rocks_iterator_value(iterator);
        if (at.size != sizeof key || at.data[0] != 'n' || lid.size != LID_BYTES)
            break;
        uint32_t number = get_be32(at.data + 1);
        if (number - first >= count)
            break;
        memcpy(lids + (size_t)(number - first) * LID_BYTES, lid.data, LID_BYTES);
    }
    enum status status = rocks_iterator_status(iterator, error);
    rocks_iterator_close(iterator);
    return status;
}

enum status eventlog_rows(struct eventlog *log, enum eventlog_table table, eventlog_row_fn each, void *argument,
                          struct error *error)
{
    struct rocks_iterator *iterator =
        rocks_iterator_open(log->store, table == EVENTLOG_LEARNERS ? log->learners : log->sessions);
    enum status status = STATUS_OK;
    for (rocks_iterator_seek(iterator, slice_of("", 0)); rocks_iterator_valid(iterator) && status == STATUS_OK;
         rocks_iterator_next(iterator))
        status = each(rocks_iterator_key(iterator), rocks_iterator_value(iterator), argument, error);
    if (status == STATUS_OK)
        status = rocks_iterator_status(iterator, error);
    rocks_iterator_close(iterator);
    return status;
}

/* A copy of the segments from the one that holds `offset` on; the committer may add some meanwhile. free() it. */
static struct logread_segment *segments_from(struct eventlog *log, uint64_t offset, size_t *count)
{
    pthread_mutex_lock(&log->lock);
    uint32_t first = log->segment_count;
    while (first > 0 && log->segments[first - 1].first_offset > offset)
        first--;
    first = first > 0 ? first - 1 : 0;
    *count = log->segment_count - first;
    struct logread_segment *segments = mem_new(*count, sizeof *segments);
    if (*count > 0)
        memcpy(segments, log->segments + first, *count * sizeof *segments);
    pthread_mutex_unlock(&log->lock);
    return segments;
}

/* Each place is named once, while the store is open. */
static void notice(struct eventlog *log, const struct record_header *header, const char *what)
{
    pthread_mutex_lock(&log->lock);
    bool known = log->noticed_count == EVENTLOG_MAX_NOTICED;
    for (uint32_t i = 0; i < log->noticed_count && !known; i++)
        known = log->noticed[i].first <= header->first_offset &&
                header->first_offset + header->span <= log->noticed[i].next;
    if (!known)
        log->noticed[log->noticed_count++] = (struct loss){header->first_offset, header->first_offset + header->span};
    pthread_mutex_unlock(&log->lock);
    if (!known && !log->look)
        log_alarm("events of the log are lost: they are damaged or missing; `jejak-collector verify` tells all of them",
                  LOG_UINT("offset", header->first_offset), LOG_UINT("next", header->first_offset + header->span),
                  LOG_TEXT("what", what));
}

struct noticing {
    struct eventlog *log;
    logread_fn each;
    void *argument;
};

static bool give(struct slice record, const struct record_header *header, const char *what, void *argument)
{
    struct noticing *noticing = argument;
    if (what)
        notice(noticing->log, header, what);
    return noticing->each(record, header, what, noticing->argument);
}

uint64_t eventlog_lost(struct eventlog *log)
{
    uint64_t lost = 0;
    pthread_mutex_lock(&log->lock);
    for (uint32_t i = 0; i < log->noticed_count; i++)
        lost += log->noticed[i].next - log->noticed[i].first;
    pthread_mutex_unlock(&log->lock);
    return lost;
}

enum status eventlog_read(struct eventlog *log, uint64_t offset, logread_fn each, void *argument, struct error *error)
{
    struct noticing noticing = {log, each, argument};
    uint64_t durable = eventlog_next(log).offset;
    size_t count;
    struct logread_segment *segments = segments_from(log, offset, &count);
    struct logread read = {
        .store = log->store,
        .identity = log->identity,
        .offset = offset,
        .now_ms = clock_now_ms(),
        .each = give,
        .argument = &noticing,
    };
    enum status status = logread_segments(&read, segments, count, durable, error);
    free(segments);
    return status;
}

uint64_t eventlog_table_bytes(struct eventlog *log)
{
    return rocks_table_bytes(log->store);
}

uint32_t eventlog_segment_count(const struct eventlog *log)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&log->lock;
    pthread_mutex_lock(lock);
    uint32_t count = log->segment_count;
    pthread_mutex_unlock(lock);
    return count;
}
