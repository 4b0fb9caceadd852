/* common/rocks.h over stores.h, in the place of RocksDB. */
#include "tests/simulator/stores.h"

#include <errno.h>
#include <stdlib.h>

struct rocks_family {
    struct rocks *store;
    struct store_family *family;
    struct rows *snapshot; /* of a handle that only reads: as it was when it was opened */
};
struct rocks {
    struct disk_store *disk;
    char *path;
    bool reads_only, broken, remade;
    struct process *process;
    struct rocks_family **families;
    size_t family_count;
};
struct rocks_batch {
    struct batch batch;
    bool splits; /* something of the sessions is in it */
};
struct rocks_iterator {
    struct rocks *store;
    struct rows *rows;
    size_t at, first, end; /* `at` in [first, end), or it is not valid */
    bool valid;
};

static bool is_dead(const struct rocks *store)
{
    return store->process->dead || store->disk->holder != (store->reads_only ? store->disk->holder : store->process);
}

static enum status failed(const struct rocks *store, const char *what, struct error *error)
{
    bool full = errno == ENOSPC;
    return error_set(error, full ? STATUS_FULL : STATUS_IO, "%s: %s: %s", store->path, what, full ? "no space" : "EIO");
}

/* ---- opening ---- */

static struct rocks_family *family_add(struct rocks *store, struct store_family *family)
{
    struct rocks_family *added = mem_new(1, sizeof *added);
    *added = (struct rocks_family){.store = store, .family = family};
    if (store->reads_only)
        added->snapshot = rows_hold(family->now);
    store->families = mem_grow(store->families, store->family_count + 1, sizeof(struct rocks_family *));
    return store->families[store->family_count++] = added;
}

static struct disk_store *make(const char *path, const char *const *families, size_t count)
{
    struct disk_store *disk = disk_store_make(path);
    store_family_add(disk, "default");
    for (size_t i = 0; i < count; i++)
        store_family_add(disk, families[i]);
    return disk;
}

static enum status expected(const struct disk_store *disk, const struct rocks_options *options, const char *path,
                            struct error *error)
{
    if (options->mode == ROCKS_CREATE && disk)
        return error_set(error, STATUS_CANNOT_MAKE, "%s: a store stands here already", path);
    if (options->mode != ROCKS_CREATE && !disk)
        return error_set(error, STATUS_NO_INPUT, "%s: no store stands here", path);
    if (disk && disk->holder && !options->beside_writer)
        return error_set(error, STATUS_BUSY, "%s: another program has it open", path);
    return STATUS_OK;
}

bool rocks_exists(const char *path)
{
    return disk_store_at(path) != NULL;
}

/* There are no others here. */
enum status rocks_look_format(const char *path, uint32_t known, struct error *error)
{
    (void)path, (void)known, (void)error;
    return STATUS_OK;
}

enum status rocks_open(const char *path, const struct rocks_options *options, const char *const *families,
                       size_t family_count, struct rocks **store, struct error *error)
{
    bool turned = disk_turn(false);
    struct disk_store *disk = disk_store_at(path);
    enum status status = expected(disk, options, path, error);
    if (status != STATUS_OK)
        return status;
    if (!turned)
        return error_set(error, STATUS_IO, "%s: opening: EIO", path);
    if (!disk)
        disk = make(path, families, family_count);
    struct rocks *opened = mem_new(1, sizeof *opened);
    *opened = (struct rocks){.disk = disk, .process = process_self(), .remade = options->remade};
    opened->reads_only = options->mode == ROCKS_READ_ONLY;
    if (opened->reads_only && !options->beside_writer && world.mutant != MUTANT_NO_LOG_SYNC)
        store_sync_logs(disk);
    opened->path = mem_text("%s", path);
    for (size_t i = 0; i < disk->family_count; i++)
        if (!disk->families[i]->dropped)
            family_add(opened, disk->families[i]);
    if (!opened->reads_only) {
        disk->holder = opened->process;
        disk->remade = options->remade;
        disk->log++;
    }
    *store = opened;
    return STATUS_OK;
}

void rocks_close(struct rocks *store)
{
    if (!store)
        return;
    if (!store->reads_only && !is_dead(store)) {
        if (store->remade && !store->broken)
            store_flush_all(store->disk);
        else if (store->remade)
            store_forget_memory(store->disk);
        store->disk->holder = NULL;
    }
    for (size_t i = 0; i < store->family_count; i++) {
        rows_release(store->families[i]->snapshot);
        free(store->families[i]);
    }
    free(store->families);
    free(store->path);
    free(store);
}

enum status rocks_destroy(const char *path, struct error *error)
{
    struct disk_store *disk = disk_store_at(path);
    if (process_dead())
        return error_set(error, STATUS_IO, "%s: EIO", path);
    if (disk && disk->holder)
        return error_set(error, STATUS_BUSY, "%s: another program has it open", path);
    if (disk)
        disk_store_destroy(disk);
    return STATUS_OK;
}

/* ---- families ---- */

struct rocks_family *rocks_family(struct rocks *store, const char *name)
{
    for (size_t i = 0; i < store->family_count; i++)
        if (strcmp(store->families[i]->family->name, name) == 0)
            return store->families[i];
    return NULL;
}

size_t rocks_family_count(const struct rocks *store)
{
    return store->family_count;
}

struct rocks_family *rocks_family_at(struct rocks *store, size_t index)
{
    return index < store->family_count ? store->families[index] : NULL;
}

const char *rocks_family_name(const struct rocks_family *family)
{
    return family->family->name;
}

/* Made and dropped families are in RocksDB's manifest, which it syncs. */
enum status rocks_family_make(struct rocks *store, const char *name, struct rocks_family **family, struct error *error)
{
    bool turned = disk_turn(true);
    if (!turned || is_dead(store) || store->broken) {
        store->broken = true;
        return failed(store, "making a family", error);
    }
    *family = family_add(store, store_family_add(store->disk, name));
    return STATUS_OK;
}

enum status rocks_family_drop(struct rocks *store, struct rocks_family *family, struct error *error)
{
    bool turned = disk_turn(true);
    if (!turned || is_dead(store) || store->broken)
        return failed(store, "dropping a family", error);
    size_t at = 0;
    while (store->families[at] != family)
        at++;
    family->family->dropped = true;
    memmove(store->families + at, store->families + at + 1, (--store->family_count - at) * sizeof *store->families);
    free(family);
    return STATUS_OK;
}

/* ---- writing ---- */

struct rocks_batch *rocks_batch_open(void)
{
    return mem_new(1, sizeof(struct rocks_batch));
}

void rocks_batch_close(struct rocks_batch *batch)
{
    if (!batch)
        return;
    batch_free(&batch->batch);
    free(batch);
}

void rocks_batch_clear(struct rocks_batch *batch)
{
    batch_clear(&batch->batch);
    batch->splits = false;
}

void rocks_batch_put(struct rocks_batch *batch, struct rocks_family *family, struct slice key, struct slice value)
{
    batch_add(&batch->batch, family->family, key, &value);
    batch->splits |= strcmp(family->family->name, "sessions") == 0;
}

void rocks_batch_delete(struct rocks_batch *batch, struct rocks_family *family, struct slice key)
{
    batch_add(&batch->batch, family->family, key, NULL);
}

size_t rocks_batch_bytes(const struct rocks_batch *batch)
{
    return batch->batch.bytes;
}

size_t rocks_batch_count(const struct rocks_batch *batch)
{
    return batch->batch.count;
}

typedef bool (*belongs_fn)(const struct change *change);

static bool is_session(const struct change *change)
{
    return strcmp(change->family->name, "sessions") == 0;
}

/* How far the log was folded (aggregator/cells_base.c). */
static bool is_no_position(const struct change *change)
{
    return !slice_equal(change->key, slice_of_text("position"));
}

/* What does not belong first, and after a while what does. */
static void apply_apart(struct rocks *store, const struct batch *whole, belongs_fn belongs, bool memory)
{
    for (int second = 0; second < 2 && !is_dead(store); second++) {
        struct batch part = {0};
        for (size_t i = 0; i < whole->count; i++) {
            const struct change *change = &whole->changes[i];
            if (belongs(change) == (second == 1))
                batch_add(&part, change->family, change->key, change->deletes ? NULL : &change->value);
        }
        store_apply(store->disk, &part, memory);
        if (!memory)
            store_sync(store->disk);
        batch_free(&part);
        disk_turn(false);
    }
}

static void mix_batch(const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        world_mix_bytes(batch->changes[i].key);
        world_mix_bytes(batch->changes[i].value);
    }
}

/* The write, then the sync: either can fail, and between the two the machine can lose its power. */
static bool write_and_sync(struct rocks *store, struct rocks_batch *batch, bool sync)
{
    bool turned = disk_turn(true), memory = store->remade && !sync;
    if (is_dead(store) || store->broken || (!turned && (errno == ENOSPC || world_chance(500))))
        return false;
    mix_batch(&batch->batch);
    if (world.mutant == MUTANT_SESSIONS_APART && batch->splits)
        apply_apart(store, &batch->batch, is_session, false);
    else if (world.mutant == MUTANT_POSITION_APART && store->remade)
        apply_apart(store, &batch->batch, is_no_position, memory);
    else
        store_apply(store->disk, &batch->batch, memory);
    if (!turned || !sync)
        return turned;
    if (!disk_turn(false) || is_dead(store))
        return false;
    if (world.mutant != MUTANT_EARLY_ANSWERS)
        store_sync(store->disk);
    disk_turn(false); /* it has happened, whatever comes now */
    return !is_dead(store);
}

enum status rocks_write(struct rocks *store, struct rocks_batch *batch, bool sync, struct error *error)
{
    if (write_and_sync(store, batch, sync))
        return STATUS_OK;
    store->broken = true;
    return failed(store, "writing", error);
}

enum status rocks_flush(struct rocks *store, struct error *error)
{
    bool turned = disk_turn(store->disk->logged_count > 0);
    if (!turned || is_dead(store) || store->broken) {
        store->broken = true;
        return failed(store, "flushing", error);
    }
    if (world.mutant != MUTANT_NO_FLUSH)
        store_flush_all(store->disk);
    return STATUS_OK;
}

enum status rocks_compact(struct rocks *store, struct error *error)
{
    return rocks_flush(store, error);
}

/* ---- reading ---- */

static struct rows *rows_of(const struct rocks_family *family)
{
    return family->snapshot ? family->snapshot : family->family->now;
}

enum status rocks_get(struct rocks *store, struct rocks_family *family, struct slice key, bool *found,
                      struct rocks_value *value, struct error *error)
{
    bool turned = disk_turn(false);
    if (!turned || is_dead(store))
        return failed(store, "reading", error);
    struct rows *rows = rows_of(family);
    size_t at;
    *found = rows_have(rows, key, &at);
    *value = (struct rocks_value){0};
    if (*found)
        *value = (struct rocks_value){.bytes = rows_value(rows, at), .pin = rows_hold(rows)};
    return STATUS_OK;
}

void rocks_value_close(struct rocks_value *value)
{
    rows_release(value->pin);
    *value = (struct rocks_value){0};
}

static struct rocks_iterator *iterate(struct rocks *store, struct rocks_family *family)
{
    struct rocks_iterator *iterator = mem_new(1, sizeof *iterator);
    struct rows *rows = rows_hold(rows_of(family));
    *iterator = (struct rocks_iterator){.store = store, .rows = rows, .end = rows->count};
    return iterator;
}

struct rocks_iterator *rocks_iterator_open(struct rocks *store, struct rocks_family *family)
{
    return iterate(store, family);
}

static void stand_at(struct rocks_iterator *iterator, size_t at)
{
    iterator->at = at;
    iterator->valid = !is_dead(iterator->store) && at < iterator->end;
}

struct rocks_iterator *rocks_iterator_open_range(struct rocks *store, struct rocks_family *family, struct slice first,
                                                 struct slice end)
{
    struct rocks_iterator *iterator = iterate(store, family);
    iterator->end = rows_find(iterator->rows, end);
    stand_at(iterator, rows_find(iterator->rows, first));
    return iterator;
}

void rocks_iterator_close(struct rocks_iterator *iterator)
{
    if (!iterator)
        return;
    rows_release(iterator->rows);
    free(iterator);
}

void rocks_iterator_seek(struct rocks_iterator *iterator, struct slice key)
{
    stand_at(iterator, rows_find(iterator->rows, key));
}

void rocks_iterator_seek_before(struct rocks_iterator *iterator, struct slice key)
{
    size_t at;
    if (rows_have(iterator->rows, key, &at))
        stand_at(iterator, at);
    else
        stand_at(iterator, at > 0 ? at - 1 : iterator->end);
}

void rocks_iterator_last(struct rocks_iterator *iterator)
{
    stand_at(iterator, iterator->end > 0 ? iterator->end - 1 : iterator->end);
}

void rocks_iterator_next(struct rocks_iterator *iterator)
{
    stand_at(iterator, iterator->at + 1);
}

void rocks_iterator_previous(struct rocks_iterator *iterator)
{
    stand_at(iterator, iterator->at > 0 ? iterator->at - 1 : iterator->end);
}

bool rocks_iterator_valid(const struct rocks_iterator *iterator)
{
    return iterator->valid;
}

struct slice rocks_iterator_key(const struct rocks_iterator *iterator)
{
    return rows_key(iterator->rows, iterator->at);
}

struct slice rocks_iterator_value(const struct rocks_iterator *iterator)
{
    return rows_value(iterator->rows, iterator->at);
}

enum status rocks_iterator_status(const struct rocks_iterator *iterator, struct error *error)
{
    return is_dead(iterator->store) ? failed(iterator->store, "reading", error) : STATUS_OK;
}

/* ---- sizes: nothing hangs on them here ---- */

uint64_t rocks_table_bytes(struct rocks *store)
{
    (void)store;
    return 0;
}

uint64_t rocks_family_bytes(struct rocks *store, struct rocks_family *family)
{
    (void)store, (void)family;
    return 0;
}

uint64_t rocks_memory_bytes(struct rocks *store)
{
    (void)store;
    return 0;
}
