/* The log's own store, read while no collector runs. */
#include "aggregator/source_inner.h"

#include "common/logline.h"
#include "common/logread.h"

#include <stdlib.h>

struct source_store {
    struct rocks *rocks;
    struct rocks_family *learners;
    struct logstore_identity identity;
    struct logstore_next next;
    struct logread_segment *segments; /* ascending */
    size_t segment_count;
};

static enum status base_value(struct source_store *store, const char *key, struct rocks_value *value,
                              struct error *error)
{
    bool found = false;
    enum status status =
        rocks_get(store->rocks, rocks_family(store->rocks, "default"), slice_of_text(key), &found, value, error);
    if (status == STATUS_OK && !found)
        status = error_set(error, STATUS_CORRUPT, "the log's store has no \"%s\": it is none, or damaged", key);
    return status;
}

static enum status base_read(struct source_store *store, struct error *error)
{
    struct rocks_value format = {0}, identity = {0}, next = {0};
    enum status status = base_value(store, "format", &format, error);
    if (status == STATUS_OK)
        status = logstore_format_check(format.bytes, error);
    if (status == STATUS_OK)
        status = base_value(store, "identity", &identity, error);
    if (status == STATUS_OK)
        status = logstore_identity_read(identity.bytes, &store->identity, error);
    if (status == STATUS_OK)
        status = base_value(store, "next", &next, error);
    if (status == STATUS_OK)
        status = logstore_next_read(next.bytes, &store->next, error);
    rocks_value_close(&format);
    rocks_value_close(&identity);
    rocks_value_close(&next);
    return status;
}

static int compare_segments(const void *left, const void *right)
{
    const struct logread_segment *a = left, *b = right;
    return (a->first_offset > b->first_offset) - (a->first_offset < b->first_offset);
}

static void segments_find(struct source_store *store)
{
    size_t count = rocks_family_count(store->rocks);
    store->segments = mem_new(count, sizeof *store->segments);
    for (size_t i = 0; i < count; i++) {
        struct logread_segment segment = {0, rocks_family_at(store->rocks, i)};
        if (logstore_segment_parse(rocks_family_name(segment.family), &segment.first_offset))
            store->segments[store->segment_count++] = segment;
    }
    qsort(store->segments, store->segment_count, sizeof *store->segments, compare_segments);
}

enum status source_store_open(const char *path, struct source_store **out, struct error *error)
{
    struct source_store *store = mem_new(1, sizeof *store);
    struct rocks_options options = {
        .mode = ROCKS_READ_ONLY,
        .write_buffer_bytes = 64 << 20,
        .cache_bytes = 16 << 20,
        .max_wal_bytes = 256 << 20,
        .block_bytes = 32 << 10,
        .compression_level = 1,
    };
    enum status status = rocks_open(path, &options, NULL, 0, &store->rocks, error);
    if (status == STATUS_OK)
        status = base_read(store, error) == STATUS_OK ? STATUS_OK : error_prefix(error, "the event log %s", path);
    if (status == STATUS_OK) {
        store->learners = rocks_family(store->rocks, LOGSTORE_LEARNERS);
        if (!store->learners)
            status = error_set(error, STATUS_CORRUPT, "%s: the log has no table of learners", path);
    }
    if (status != STATUS_OK) {
        source_store_close(store);
        return status;
    }
    segments_find(store);
    *out = store;
    return STATUS_OK;
}

void source_store_close(struct source_store *store)
{
    if (!store)
        return;
    rocks_close(store->rocks);
    free(store->segments);
    free(store);
}

/* ---- reading ---- */

static bool forked(const struct source_store *store, const struct cells_position *from)
{
    if (from->offset > store->next.offset || from->learners > store->next.learners)
        return true;
    return from->has_log &&
           (memcmp(from->log_id, store->identity.log_id, LOG_ID_BYTES) != 0 || from->epoch != store->identity.epoch);
}

static enum status lids_read(struct source_store *store, uint32_t first, uint32_t count, struct arena *arena,
                             struct slice *lids, struct error *error)
{
    uint8_t *bytes = arena_take(arena, (size_t)count * LID_BYTES);
    uint8_t key[LOGSTORE_NUMBER_KEY_BYTES], end[LOGSTORE_NUMBER_KEY_BYTES];
    logstore_number_key(first, key);
    logstore_number_key(first + count, end);
    struct rocks_iterator *iterator =
        rocks_iterator_open_range(store->rocks, store->learners, slice_of(key, sizeof key), slice_of(end, sizeof end));
    uint32_t found = 0;
    for (; rocks_iterator_valid(iterator); rocks_iterator_next(iterator), found++) {
        struct slice lid = rocks_iterator_value(iterator);
        logstore_number_key(first + found, key);
        if (!slice_equal(rocks_iterator_key(iterator), slice_of(key, sizeof key)) || lid.size != LID_BYTES)
            break;
        memcpy(bytes + (size_t)found * LID_BYTES, lid.data, LID_BYTES);
    }
    enum status status = rocks_iterator_status(iterator, error);
    rocks_iterator_close(iterator);
    if (status == STATUS_OK && found < count)
        status = error_set(error, STATUS_CORRUPT, "the log's table of learners lacks number %u", first + found);
    if (status == STATUS_OK)
        *lids = slice_of(bytes, (size_t)count * LID_BYTES);
    return status;
}

static bool add_record(struct slice record, const struct record_header *header, const char *what, void *argument)
{
    struct source_records *records = argument;
    if (what)
        log_alarm("records of the log are lost", LOG_UINT("offset", header->first_offset),
                  LOG_UINT("next", header->first_offset + header->span), LOG_TEXT("what", what));
    memcpy(source_records_add(records, record.size), record.data, record.size);
    return records->bytes < FETCH_MAX_BYTES;
}

static enum status records_read(struct source_store *store, uint64_t offset, struct source_records *records,
                                uint64_t *next, struct error *error)
{
    size_t first = store->segment_count;
    while (first > 0 && store->segments[first - 1].first_offset > offset)
        first--;
    first = first > 0 ? first - 1 : 0;
    struct logread read = {
        .store = store->rocks,
        .identity = store->identity,
        .offset = offset,
        .now_ms = clock_now_ms(),
        .each = add_record,
        .argument = records,
    };
    enum status status =
        logread_segments(&read, store->segments + first, store->segment_count - first, store->next.offset, error);
    if (status == STATUS_OK)
        *next = read.stopped ? read.offset : store->next.offset;
    return status;
}

enum status source_store_read(struct source_store *store, const struct cells_position *from,
                              struct source_records *records, struct source_chunk *chunk, struct error *error)
{
    if (forked(store, from))
        return source_forked(error);
    memcpy(chunk->log_id, store->identity.log_id, LOG_ID_BYTES);
    chunk->epoch = store->identity.epoch;
    chunk->durable = store->next.offset;
    chunk->next = from->offset;
    uint32_t missing = store->next.learners - from->learners;
    uint32_t count = missing < FETCH_MAX_LEARNERS ? missing : FETCH_MAX_LEARNERS;
    enum status status = lids_read(store, from->learners, count, &records->arena, &chunk->learners, error);
    if (status != STATUS_OK || missing > count)
        return status; /* learners first, then the records that name them */
    return records_read(store, from->offset, records, &chunk->next, error);
}
