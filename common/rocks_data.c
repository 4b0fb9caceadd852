/* Batches, reads, iterators and upkeep of a store that rocks.c opened. */
#include "common/rocks_inner.h"

#include <stdlib.h>

enum {
    BATCH_KEPT_BYTES = 4 << 20
};

struct rocks_batch {
    rocksdb_writebatch_t *batch;
    size_t bytes;
};

struct rocks_iterator {
    rocksdb_iterator_t *iterator;
    struct rocks *store;
    rocksdb_readoptions_t *read; /* of a range */
    void *end;                   /* of a range: RocksDB borrows it */
};

struct rocks_batch *rocks_batch_open(void)
{
    struct rocks_batch *batch = mem_new(1, sizeof *batch);
    batch->batch = rocksdb_writebatch_create();
    return batch;
}

void rocks_batch_close(struct rocks_batch *batch)
{
    if (!batch)
        return;
    rocksdb_writebatch_destroy(batch->batch);
    free(batch);
}

/* A batch keeps the memory that it once needed: after a large one it is made anew. */
void rocks_batch_clear(struct rocks_batch *batch)
{
    if (batch->bytes <= BATCH_KEPT_BYTES) {
        rocksdb_writebatch_clear(batch->batch);
    } else {
        rocksdb_writebatch_destroy(batch->batch);
        batch->batch = rocksdb_writebatch_create();
    }
    batch->bytes = 0;
}

static const char *chars(struct slice bytes)
{
    return (const char *)bytes.data;
}

void rocks_batch_put(struct rocks_batch *batch, struct rocks_family *family, struct slice key, struct slice value)
{
    rocksdb_writebatch_put_cf(batch->batch, family->handle, chars(key), key.size, chars(value), value.size);
    batch->bytes += key.size + value.size;
}

void rocks_batch_delete(struct rocks_batch *batch, struct rocks_family *family, struct slice key)
{
    rocksdb_writebatch_delete_cf(batch->batch, family->handle, chars(key), key.size);
    batch->bytes += key.size;
}

size_t rocks_batch_bytes(const struct rocks_batch *batch)
{
    return batch->bytes;
}

size_t rocks_batch_count(const struct rocks_batch *batch)
{
    return (size_t)rocksdb_writebatch_count(batch->batch);
}

/* RocksDB counts every comparison of keys, block and seek for whoever asks how a thread does; nobody does. A setting of the
 * calling thread, which is cheaper to make than to look up. */
static void count_nothing(void)
{
    rocksdb_set_perf_level(rocksdb_disable);
}

enum status rocks_write(struct rocks *store, struct rocks_batch *batch, bool sync, struct error *error)
{
    char *message = NULL;
    count_nothing();
    rocksdb_write(store->db, sync ? store->write_synced : store->write, batch->batch, &message);
    return message ? rocks_failed(store, "writing", message, error) : STATUS_OK;
}

enum status rocks_get(struct rocks *store, struct rocks_family *family, struct slice key, bool *found,
                      struct rocks_value *value, struct error *error)
{
    char *message = NULL;
    count_nothing();
    rocksdb_pinnableslice_t *pin =
        rocksdb_get_pinned_cf(store->db, store->read, family->handle, chars(key), key.size, &message);
    if (message)
        return rocks_failed(store, "reading", message, error);
    *found = pin != NULL;
    *value = (struct rocks_value){.pin = pin};
    if (pin)
        value->bytes.data = (const uint8_t *)rocksdb_pinnableslice_value(pin, &value->bytes.size);
    return STATUS_OK;
}

void rocks_value_close(struct rocks_value *value)
{
    if (value->pin)
        rocksdb_pinnableslice_destroy(value->pin);
    *value = (struct rocks_value){0};
}

struct rocks_iterator *rocks_iterator_open(struct rocks *store, struct rocks_family *family)
{
    struct rocks_iterator *iterator = mem_new(1, sizeof *iterator);
    count_nothing();
    iterator->iterator = rocksdb_create_iterator_cf(store->db, store->read, family->handle);
    iterator->store = store;
    return iterator;
}

struct rocks_iterator *rocks_iterator_open_range(struct rocks *store, struct rocks_family *family, struct slice first,
                                                 struct slice end)
{
    struct rocks_iterator *iterator = mem_new(1, sizeof *iterator);
    iterator->store = store;
    iterator->end = mem_new(1, end.size);
    memcpy(iterator->end, end.data, end.size);
    iterator->read = rocksdb_readoptions_create();
    rocksdb_readoptions_set_verify_checksums(iterator->read, 1);
    rocksdb_readoptions_set_iterate_upper_bound(iterator->read, iterator->end, end.size);
    count_nothing();
    iterator->iterator = rocksdb_create_iterator_cf(store->db, iterator->read, family->handle);
    rocks_iterator_seek(iterator, first);
    return iterator;
}

void rocks_iterator_close(struct rocks_iterator *iterator)
{
    if (!iterator)
        return;
    rocksdb_iter_destroy(iterator->iterator);
    if (iterator->read)
        rocksdb_readoptions_destroy(iterator->read);
    free(iterator->end);
    free(iterator);
}

void rocks_iterator_seek(struct rocks_iterator *iterator, struct slice key)
{
    rocksdb_iter_seek(iterator->iterator, chars(key), key.size);
}

void rocks_iterator_seek_before(struct rocks_iterator *iterator, struct slice key)
{
    rocksdb_iter_seek_for_prev(iterator->iterator, chars(key), key.size);
}

void rocks_iterator_last(struct rocks_iterator *iterator)
{
    rocksdb_iter_seek_to_last(iterator->iterator);
}

void rocks_iterator_next(struct rocks_iterator *iterator)
{
    rocksdb_iter_next(iterator->iterator);
}

void rocks_iterator_previous(struct rocks_iterator *iterator)
{
    rocksdb_iter_prev(iterator->iterator);
}

bool rocks_iterator_valid(const struct rocks_iterator *iterator)
{
    return rocksdb_iter_valid(iterator->iterator);
}

struct slice rocks_iterator_key(const struct rocks_iterator *iterator)
{
    struct slice key = {0};
    key.data = (const uint8_t *)rocksdb_iter_key(iterator->iterator, &key.size);
    return key;
}

struct slice rocks_iterator_value(const struct rocks_iterator *iterator)
{
    struct slice value = {0};
    value.data = (const uint8_t *)rocksdb_iter_value(iterator->iterator, &value.size);
    return value;
}

enum status rocks_iterator_status(const struct rocks_iterator *iterator, struct error *error)
{
    char *message = NULL;
    rocksdb_iter_get_error(iterator->iterator, &message);
    return message ? rocks_failed(iterator->store, "reading", message, error) : STATUS_OK;
}

enum status rocks_flush(struct rocks *store, struct error *error)
{
    rocksdb_flushoptions_t *options = rocksdb_flushoptions_create(); /* waits for the flush */
    char *message = NULL;
    for (size_t i = 0; i < store->family_count && !message; i++)
        rocksdb_flush_cf(store->db, options, store->families[i]->handle, &message);
    rocksdb_flushoptions_destroy(options);
    return message ? rocks_failed(store, "flushing", message, error) : STATUS_OK;
}

enum status rocks_compact(struct rocks *store, struct error *error)
{
    enum status status = rocks_flush(store, error);
    if (status != STATUS_OK)
        return status;
    enum {
        BOTTOMMOST_FORCE = 2
    }; /* rocksdb::BottommostLevelCompaction: rewrite the last level too */
    rocksdb_compactoptions_t *options = rocksdb_compactoptions_create();
    rocksdb_compactoptions_set_bottommost_level_compaction(options, BOTTOMMOST_FORCE);
    for (size_t i = 0; i < store->family_count; i++)
        rocksdb_compact_range_cf_opt(store->db, store->families[i]->handle, options, NULL, 0, NULL, 0);
    rocksdb_compactoptions_destroy(options);
    return STATUS_OK;
}

static uint64_t property_sum(struct rocks *store, const char *property)
{
    uint64_t sum = 0;
    pthread_mutex_lock(&store->lock);
    for (size_t i = 0; i < store->family_count; i++) {
        uint64_t one = 0;
        if (rocksdb_property_int_cf(store->db, store->families[i]->handle, property, &one) == 0)
            sum += one;
    }
    pthread_mutex_unlock(&store->lock);
    return sum;
}

uint64_t rocks_table_bytes(struct rocks *store)
{
    return property_sum(store, "rocksdb.live-sst-files-size");
}

uint64_t rocks_family_bytes(struct rocks *store, struct rocks_family *family)
{
    uint64_t bytes = 0;
    rocksdb_property_int_cf(store->db, family->handle, "rocksdb.live-sst-files-size", &bytes);
    return bytes;
}

uint64_t rocks_memory_bytes(struct rocks *store)
{
    return property_sum(store, "rocksdb.cur-size-all-mem-tables") +
           property_sum(store, "rocksdb.estimate-table-readers-mem") + rocksdb_cache_get_usage(store->cache);
}
