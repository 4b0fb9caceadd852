#include "aggregator/source_inner.h"

#include "common/rocks.h"

#include <stdlib.h>

struct source {
    struct source_store *store; /* one of the two */
    struct source_link *link;
    struct source_ahead *ahead; /* of a store */
    struct cells_position asked;
    struct source_records records;
};

enum status source_forked(struct error *error)
{
    return error_set(error, STATUS_FORKED,
                     "the log is not the one that these cells were folded from: it was restored or accepted a loss; "
                     "`jejak-aggregator rebuild` folds it from its beginning");
}

void source_records_clear(struct source_records *records)
{
    arena_clear(&records->arena);
    records->count = records->bytes = 0;
}

void source_records_close(struct source_records *records)
{
    arena_close(&records->arena);
    free(records->records);
}

uint8_t *source_records_add(struct source_records *records, size_t size)
{
    if (records->count == records->room) {
        records->room = records->room ? 2 * records->room : 64;
        records->records = mem_grow(records->records, records->room, sizeof *records->records);
    }
    uint8_t *bytes = arena_take(&records->arena, size);
    records->records[records->count++] = slice_of(bytes, size);
    records->bytes += size;
    return bytes;
}

enum status source_open_socket(const struct config *config, struct source **out, struct error *error)
{
    struct source_link *link = NULL;
    enum status status = source_link_open(config, &link, error);
    if (status != STATUS_OK)
        return status;
    struct source *source = mem_new(1, sizeof *source);
    source->link = link;
    *out = source;
    return STATUS_OK;
}

enum status source_open(const struct config *config, struct source **out, struct error *error)
{
    const char *path = config_text(config, CONFIG_LOG);
    struct source_store *store = NULL;
    if (!rocks_exists(path))
        return source_open_socket(config, out, error);
    enum status status = source_store_open(path, &store, error);
    if (status == STATUS_BUSY) /* a collector runs, and serves */
        return source_open_socket(config, out, error);
    if (status != STATUS_OK)
        return status;
    struct source *source = mem_new(1, sizeof *source);
    source->store = store;
    status = source_ahead_open(store, &source->ahead, error);
    if (status != STATUS_OK) {
        source_close(source);
        return status;
    }
    *out = source;
    return STATUS_OK;
}

void source_close(struct source *source)
{
    if (!source)
        return;
    source_ahead_close(source->ahead);
    source_store_close(source->store);
    source_link_close(source->link);
    source_records_close(&source->records);
    free(source);
}

bool source_is_store(const struct source *source)
{
    return source->store != NULL;
}

void *source_socket(const struct source *source)
{
    return source->link ? source_link_socket(source->link) : NULL;
}

enum status source_ask(struct source *source, const struct cells_position *from, uint32_t wait_ms, struct error *error)
{
    source->asked = *from;
    return source->link ? source_link_ask(source->link, from, wait_ms, error) : STATUS_OK;
}

enum status source_take(struct source *source, int timeout_ms, struct source_chunk *chunk, struct error *error)
{
    struct source_chunk taken = {.first_learner = source->asked.learners};
    struct source_records *records = &source->records;
    source_records_clear(records);
    enum status status = source->link ? source_link_take(source->link, timeout_ms, records, &taken, error)
                                      : source_ahead_take(source->ahead, &source->asked, &records, &taken, error);
    if (status != STATUS_OK)
        return status;
    taken.records = records->records;
    taken.record_count = records->count;
    if (taken.next < source->asked.offset || taken.durable < taken.next)
        return error_set(error, STATUS_PROTOCOL, "the log was asked for offset %llu, and answers up to %llu of %llu",
                         (unsigned long long)source->asked.offset, (unsigned long long)taken.next,
                         (unsigned long long)taken.durable);
    *chunk = taken;
    return STATUS_OK;
}
