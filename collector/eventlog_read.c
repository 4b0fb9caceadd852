#include "collector/eventlog_inner.h"

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

enum status eventlog_sessions(struct eventlog *log, eventlog_session_fn each, void *argument, struct error *error)
{
    struct rocks_iterator *iterator = rocks_iterator_open(log->store, log->sessions);
    enum status status = STATUS_OK;
    for (rocks_iterator_seek(iterator, slice_of("", 0)); rocks_iterator_valid(iterator) && status == STATUS_OK;
         rocks_iterator_next(iterator))
        status = each(rocks_iterator_key(iterator), rocks_iterator_value(iterator), argument, error);
    if (status == STATUS_OK)
        status = rocks_iterator_status(iterator, error);
    rocks_iterator_close(iterator);
    return status;
}

/* The segment that holds `offset` or, where it was dropped, the next one; segment_count where there is none. */
static uint32_t segment_of(const struct eventlog *log, uint64_t offset)
{
    uint32_t at = log->segment_count;
    while (at > 0 && log->segments[at - 1].first_offset > offset)
        at--;
    return at > 0 ? at - 1 : 0;
}

/* One step's place: the family and where it starts, under the lock; the committer may add segments meanwhile. */
static bool segment_at(struct eventlog *log, uint32_t index, struct segment *segment)
{
    pthread_mutex_lock(&log->lock);
    bool there = index < log->segment_count;
    if (there)
        *segment = log->segments[index];
    pthread_mutex_unlock(&log->lock);
    return there;
}

/* One call of eventlog_read(), on its way from segment to segment. */
struct reading {
    uint64_t offset, durable; /* records from `offset` on that begin before `durable` */
    eventlog_record_fn each;
    void *argument;
    bool go_on; /* `each` wants more */
};

static enum status read_segment(struct eventlog *log, const struct segment *segment, struct reading *reading,
                                struct error *error)
{
    uint8_t key[8];
    struct rocks_iterator *iterator = rocks_iterator_open(log->store, segment->family);
    enum status status = STATUS_OK;
    put_be64(key, reading->offset);
    rocks_iterator_seek_before(iterator, slice_of(key, sizeof key));
    if (!rocks_iterator_valid(iterator))
        rocks_iterator_seek(iterator, slice_of(key, sizeof key));
    for (; rocks_iterator_valid(iterator) && reading->go_on; rocks_iterator_next(iterator)) {
        struct slice record = rocks_iterator_value(iterator);
        struct record_header header;
        status = record_open(record, &header, error);
        if (status != STATUS_OK || header.first_offset >= reading->durable)
            break;
        if (header.first_offset + header.span > reading->offset)
            reading->go_on = reading->each(record, &header, reading->argument);
    }
    if (status == STATUS_OK)
        status = rocks_iterator_status(iterator, error);
    rocks_iterator_close(iterator);
    return status;
}

enum status eventlog_read(struct eventlog *log, uint64_t offset, eventlog_record_fn each, void *argument,
                          struct error *error)
{
    uint64_t durable = eventlog_next(log).offset;
    struct reading reading = {offset, durable, each, argument, .go_on = offset < durable};
    struct segment segment;
    enum status status = STATUS_OK;
    pthread_mutex_lock(&log->lock);
    uint32_t index = segment_of(log, offset);
    pthread_mutex_unlock(&log->lock);
    for (; reading.go_on && status == STATUS_OK && segment_at(log, index, &segment); index++)
        status = read_segment(log, &segment, &reading, error);
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
