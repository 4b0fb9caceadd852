#include "collector/eventlog_inner.h"

/* RocksDB's limit is where it begins to flush; what is written until it has, comes on top. */
static const uint64_t tail_bytes = UINT64_C(2) * EVENTLOG_MAX_WAL_BYTES;

struct tail {
    struct eventlog *log;
    uint64_t end; /* every offset of the segment below it is there */
    uint64_t bytes;
    int64_t received_ms; /* of the last record */
    struct error *error;
    enum status status;
};

static bool walk_record(struct slice record, const struct record_header *header, void *argument)
{
    struct tail *tail = argument;
    if (memcmp(header->log_id, tail->log->identity.log_id, LOG_ID_BYTES) != 0)
        tail->status = error_set(tail->error, STATUS_FOREIGN, "the record at offset %llu belongs to another log",
                                 (unsigned long long)header->first_offset);
    else if (header->first_offset != tail->end)
        tail->status = error_set(tail->error, STATUS_LOSS, "offsets %llu to %llu are missing",
                                 (unsigned long long)tail->end, (unsigned long long)header->first_offset - 1);
    if (tail->status != STATUS_OK)
        return false;
    tail->end = header->first_offset + header->span;
    tail->bytes += record.size;
    tail->received_ms = header->received_ms;
    return true;
}

static const struct segment *last_segment(const struct eventlog *log)
{
    return log->segment_count > 0 ? &log->segments[log->segment_count - 1] : NULL;
}

/* Walks the whole last segment, which begins within the log. STATUS_LOSS: `end` is the first offset that is missing. */
static enum status walk(struct eventlog *log, struct tail *tail, struct error *error)
{
    const struct segment *last = last_segment(log);
    *tail = (struct tail){.log = log, .end = last ? last->first_offset : log->next.offset, .error = error};
    enum status status = last ? eventlog_read(log, last->first_offset, walk_record, tail, error) : STATUS_OK;
    if (status == STATUS_OK)
        status = tail->status;
    if (status == STATUS_OK && tail->end < log->next.offset)
        status = error_set(error, STATUS_LOSS, "offsets %llu to %llu are missing at the end of the log",
                           (unsigned long long)tail->end, (unsigned long long)log->next.offset - 1);
    return status;
}

static void begin_at(struct eventlog *log, const struct tail *tail)
{
    log->last_bytes = tail->bytes;
    log->last_month = tail->bytes > 0 ? eventlog_month(tail->received_ms) : -1;
}

static enum status missing(uint64_t first, uint64_t end, const char *where, struct error *error)
{
    return error_set(error, STATUS_LOSS, "offsets %llu to %llu are missing%s", (unsigned long long)first,
                     (unsigned long long)end - 1, where);
}

/* The record before `tail->end`, which then is where it begins. */
static enum status step_back(struct eventlog *log, struct slice record, struct tail *tail, struct error *error)
{
    struct record_header header;
    enum status status = record_open(record, &header, error);
    if (status != STATUS_OK)
        return status;
    if (memcmp(header.log_id, log->identity.log_id, LOG_ID_BYTES) != 0)
        return error_set(error, STATUS_FOREIGN, "the record at offset %llu belongs to another log",
                         (unsigned long long)header.first_offset);
    uint64_t end = header.first_offset + header.span;
    if (end < tail->end)
        return missing(end, tail->end, tail->bytes == 0 ? " at the end of the log" : "", error);
    if (end > tail->end)
        return error_set(error, STATUS_CORRUPT, "the record at offset %llu reaches into the next one",
                         (unsigned long long)header.first_offset);
    if (tail->bytes == 0)
        tail->received_ms = header.received_ms;
    tail->end = header.first_offset;
    tail->bytes += record.size;
    return STATUS_OK;
}

/* From the end back. tail->end: every offset from it on is there; the segment's begin, or tail_bytes before the end. */
static enum status walk_back(struct eventlog *log, const struct segment *last, struct tail *tail, struct error *error)
{
    uint8_t key[8];
    enum status status = STATUS_OK;
    if (tail->end == last->first_offset)
        return STATUS_OK;
    struct rocks_iterator *iterator = rocks_iterator_open(log->store, last->family);
    put_be64(key, tail->end - 1);
    rocks_iterator_seek_before(iterator, slice_of(key, sizeof key));
    while (status == STATUS_OK && tail->bytes < tail_bytes && rocks_iterator_valid(iterator)) {
        status = step_back(log, rocks_iterator_value(iterator), tail, error);
        rocks_iterator_previous(iterator);
    }
    if (status == STATUS_OK)
        status = rocks_iterator_status(iterator, error);
    rocks_iterator_close(iterator);
    if (status == STATUS_OK && tail->bytes < tail_bytes && tail->end != last->first_offset)
        status = missing(last->first_offset, tail->end, tail->bytes == 0 ? " at the end of the log" : "", error);
    return status;
}

enum status eventlog_check_tail(struct eventlog *log, struct error *error)
{
    const struct segment *last = last_segment(log);
    struct tail tail = {.log = log, .end = log->next.offset};
    if (!last)
        return STATUS_OK;
    if (last->first_offset > log->next.offset)
        return error_set(error, STATUS_LOSS, "a segment begins at offset %llu, but the log ends at %llu",
                         (unsigned long long)last->first_offset, (unsigned long long)log->next.offset);
    enum status status = walk_back(log, last, &tail, error);
    if (status == STATUS_OK && tail.end > last->first_offset) {
        uint64_t tables = rocks_family_bytes(log->store, last->family);
        tail.bytes = tables > tail.bytes ? tables : tail.bytes;
    }
    if (status == STATUS_OK)
        begin_at(log, &tail);
    return status;
}

/* ---- an accepted loss ---- */

static enum status drop_segments_beyond(struct eventlog *log, uint64_t end, struct error *error)
{
    enum status status = STATUS_OK;
    for (uint32_t count = log->segment_count; status == STATUS_OK && count > 0; count--) {
        const struct segment *last = &log->segments[count - 1];
        if (last->first_offset <= end)
            break;
        status = rocks_family_drop(log->store, last->family, error);
        if (status == STATUS_OK)
            log->segment_count = count - 1;
    }
    return status;
}

/* Deletes the rows from `key` on whose keys have its size and first byte; with `pairs`, also 'l' of each value. */
static enum status delete_from(struct eventlog *log, struct rocks_family *family, struct slice key, bool pairs,
                               struct error *error)
{
    struct rocks_iterator *iterator = rocks_iterator_open(log->store, family);
    for (rocks_iterator_seek(iterator, key); rocks_iterator_valid(iterator); rocks_iterator_next(iterator)) {
        struct slice at = rocks_iterator_key(iterator), value = rocks_iterator_value(iterator);
        uint8_t lid_key[LOGSTORE_LID_KEY_BYTES];
        if (at.size != key.size || (pairs && at.data[0] != key.data[0]))
            break;
        rocks_batch_delete(log->batch, family, at);
        if (!pairs || value.size != LID_BYTES)
            continue;
        logstore_lid_key(value.data, lid_key);
        rocks_batch_delete(log->batch, family, slice_of(lid_key, sizeof lid_key));
    }
    enum status status = rocks_iterator_status(iterator, error);
    rocks_iterator_close(iterator);
    return status;
}

static enum status delete_beyond(struct eventlog *log, uint64_t end, struct error *error)
{
    uint8_t offset_key[8], number_key[LOGSTORE_NUMBER_KEY_BYTES];
    const struct segment *last = last_segment(log);
    put_be64(offset_key, end);
    logstore_number_key(log->next.learners, number_key);
    enum status status = STATUS_OK;
    if (last)
        status = delete_from(log, last->family, slice_of(offset_key, sizeof offset_key), false, error);
    if (status == STATUS_OK)
        status = delete_from(log, log->learners, slice_of(number_key, sizeof number_key), true, error);
    return status;
}

/* One synced batch: what is beyond is gone, and what comes is of a new epoch. */
static enum status cut_at(struct eventlog *log, const struct tail *tail, uint64_t vault_rows, struct error *error)
{
    struct logstore_identity identity = log->identity;
    struct logstore_next next = {.offset = tail->end, .learners = log->next.learners, .vault_rows = vault_rows};
    identity.epoch++;
    rocks_batch_clear(log->batch);
    enum status status = delete_beyond(log, tail->end, error);
    eventlog_put_identity(log, &identity);
    eventlog_put_next(log, &next);
    if (status == STATUS_OK)
        status = rocks_write(log->store, log->batch, true, error);
    if (status != STATUS_OK)
        return status;
    log->identity = identity;
    log->next = next;
    begin_at(log, tail);
    return STATUS_OK;
}

enum status eventlog_accept_loss(struct eventlog *log, uint64_t vault_rows, struct error *error)
{
    struct tail tail;
    struct error loss;
    enum status status = drop_segments_beyond(log, log->next.offset, error);
    if (status != STATUS_OK)
        return status;
    status = walk(log, &tail, &loss);
    if (status != STATUS_OK && status != STATUS_LOSS) {
        *error = loss;
        return status;
    }
    return cut_at(log, &tail, vault_rows, error);
}
