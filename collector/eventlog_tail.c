#include "collector/eventlog_inner.h"
#include "common/logline.h"

/* RocksDB's limit is where it begins to flush; what is written until it has, comes on top. */
static const uint64_t tail_bytes = UINT64_C(2) * EVENTLOG_MAX_WAL_BYTES;

struct tail {
    uint64_t end; /* from it on all is there, or known to be lost */
    uint64_t bytes;
    int64_t received_ms; /* of the last record; 0: none was seen */
};

static const struct logread_segment *last_segment(const struct eventlog *log)
{
    return log->segment_count > 0 ? &log->segments[log->segment_count - 1] : NULL;
}

static void begin_at(struct eventlog *log, const struct tail *tail)
{
    log->last_bytes = tail->bytes;
    log->last_month = tail->received_ms > 0 ? eventlog_month(tail->received_ms) : -1;
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
    if (tail->received_ms == 0)
        tail->received_ms = header.received_ms;
    tail->end = header.first_offset;
    tail->bytes += record.size;
    return STATUS_OK;
}

/* From the end back. tail->end: every offset from it on is there; the segment's begin, or tail_bytes before the end. */
static enum status walk_back(struct eventlog *log, const struct logread_segment *last, struct tail *tail,
                             struct error *error)
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

struct forward {
    struct eventlog *log;
    struct tail tail;
    bool accepted; /* every loss so far */
};

static bool is_accepted(const struct eventlog *log, const struct record_header *lost)
{
    for (uint32_t i = 0; i < log->loss_count; i++)
        if (log->losses[i].first <= lost->first_offset && lost->first_offset + lost->span <= log->losses[i].next)
            return true;
    return false;
}

static bool take_forward(struct slice record, const struct record_header *header, const char *what, void *argument)
{
    struct forward *forward = argument;
    if (what) {
        forward->accepted = is_accepted(forward->log, header);
        return forward->accepted;
    }
    forward->tail.bytes += record.size;
    forward->tail.received_ms = header->received_ms;
    return true;
}

/* What stopped the walk back may be known: then the whole segment is walked, from its begin. STATUS_OK where every loss in
 * it was accepted; else `found`, what the walk back said. */
static enum status walk_forward(struct eventlog *log, const struct logread_segment *last, struct tail *tail,
                                const struct error *found, struct error *error)
{
    struct forward forward = {.log = log, .accepted = true};
    enum status status = eventlog_read(log, last->first_offset, take_forward, &forward, error);
    if (status == STATUS_OK && !forward.accepted) {
        *error = *found;
        return found->status;
    }
    *tail = forward.tail;
    tail->end = last->first_offset;
    return status;
}

enum status eventlog_check_tail(struct eventlog *log, struct error *error)
{
    const struct logread_segment *last = last_segment(log);
    struct tail tail = {.end = log->next.offset};
    if (!last)
        return STATUS_OK;
    if (last->first_offset > log->next.offset)
        return error_set(error, STATUS_LOSS, "a segment begins at offset %llu, but the log ends at %llu",
                         (unsigned long long)last->first_offset, (unsigned long long)log->next.offset);
    enum status status = walk_back(log, last, &tail, error);
    if ((status == STATUS_CORRUPT || status == STATUS_LOSS) && log->loss_count > 0) {
        struct error found = *error;
        status = walk_forward(log, last, &tail, &found, error);
    }
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
        const struct logread_segment *last = &log->segments[count - 1];
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
    const struct logread_segment *last = last_segment(log);
    put_be64(offset_key, end);
    logstore_number_key(log->next.learners, number_key);
    enum status status = STATUS_OK;
    if (last)
        status = delete_from(log, last->family, slice_of(offset_key, sizeof offset_key), false, error);
    if (status == STATUS_OK)
        status = delete_from(log, log->learners, slice_of(number_key, sizeof number_key), true, error);
    return status;
}

struct accepting {
    struct eventlog *log;
    struct tail tail;
};

/* Every loss in the last segment is written down. */
static bool accept_record(struct slice record, const struct record_header *header, const char *what, void *argument)
{
    struct accepting *accepting = argument;
    struct eventlog *log = accepting->log;
    if (what) {
        struct loss loss = {header->first_offset, header->first_offset + header->span};
        eventlog_put_loss(log, &loss);
        eventlog_add_loss(log, &loss);
        log_alarm("a loss was accepted", LOG_UINT("offset", loss.first), LOG_UINT("next", loss.next),
                  LOG_TEXT("what", what));
        return true;
    }
    accepting->tail.bytes += record.size;
    accepting->tail.received_ms = header->received_ms;
    return true;
}

/* One synced batch: what is beyond `next` is gone, what is missing before it is known, and what comes is of a new epoch. */
enum status eventlog_accept_loss(struct eventlog *log, uint64_t vault_rows, struct error *error)
{
    struct accepting accepting = {.log = log};
    struct logstore_identity identity = log->identity;
    struct logstore_next next = {log->next.offset, log->next.learners, vault_rows};
    identity.epoch++;
    rocks_batch_clear(log->batch);
    enum status status = drop_segments_beyond(log, next.offset, error);
    if (status == STATUS_OK)
        status = delete_beyond(log, next.offset, error);
    const struct logread_segment *last = last_segment(log);
    if (status == STATUS_OK && last)
        status = eventlog_read(log, last->first_offset, accept_record, &accepting, error);
    eventlog_put_identity(log, &identity);
    eventlog_put_next(log, &next);
    if (status == STATUS_OK)
        status = rocks_write(log->store, log->batch, true, error);
    if (status != STATUS_OK)
        return status;
    log->identity = identity;
    log->next = next;
    begin_at(log, &accepting.tail);
    return STATUS_OK;
}
