#include "tests/simulator/stores.h"

#include <stdlib.h>

enum {
    STORES_MAX = 8,
};
static struct disk_store *stores[STORES_MAX];
static size_t store_count;

struct disk_store *disk_store_at(const char *path)
{
    for (size_t i = 0; i < store_count; i++)
        if (strcmp(stores[i]->path, path) == 0)
            return stores[i];
    return NULL;
}

struct disk_store *disk_store_make(const char *path)
{
    ensure(store_count < STORES_MAX);
    struct disk_store *store = stores[store_count++] = mem_new(1, sizeof *store);
    store->path = mem_text("%s", path);
    store->machine = (unsigned)(process_self()->machine - world.machines);
    return store;
}

struct store_family *store_family_named(struct disk_store *store, const char *name)
{
    for (size_t i = 0; i < store->family_count; i++)
        if (!store->families[i]->dropped && strcmp(store->families[i]->name, name) == 0)
            return store->families[i];
    return NULL;
}

struct store_family *store_family_add(struct disk_store *store, const char *name)
{
    struct store_family *family = mem_new(1, sizeof *family);
    family->name = mem_text("%s", name);
    family->now = rows_open();
    family->base = rows_hold(family->now);
    family->before = rows_hold(family->now);
    store->families = mem_grow(store->families, store->family_count + 1, sizeof(struct store_family *));
    return store->families[store->family_count++] = family;
}

/* ---- batches ---- */

static struct slice copy_of(struct slice bytes)
{
    uint8_t *copy = mem_new(bytes.size, 1);
    if (bytes.size > 0)
        memcpy(copy, bytes.data, bytes.size);
    return slice_of(copy, bytes.size);
}

void batch_add(struct batch *batch, struct store_family *family, struct slice key, const struct slice *value)
{
    if (batch->count == batch->room) {
        batch->room = batch->room * 2 + 8;
        batch->changes = mem_grow(batch->changes, batch->room, sizeof *batch->changes);
    }
    struct change *change = &batch->changes[batch->count++];
    *change = (struct change){.family = family, .deletes = !value, .key = copy_of(key)};
    if (value)
        change->value = copy_of(*value);
    batch->bytes += key.size + (value ? value->size : 0);
}

void batch_clear(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        free((void *)(uintptr_t)batch->changes[i].key.data);
        free((void *)(uintptr_t)batch->changes[i].value.data);
    }
    batch->count = batch->bytes = 0;
}

void batch_free(struct batch *batch)
{
    batch_clear(batch);
    free(batch->changes);
    *batch = (struct batch){0};
}

/* ---- what is seen, and what is safe ---- */

static void play(const struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        const struct change *change = &batch->changes[i];
        if (change->deletes)
            rows_delete(&change->family->now, change->key);
        else
            rows_put(&change->family->now, change->key, change->value);
    }
}

void store_apply(struct disk_store *store, const struct batch *batch, bool memory)
{
    if (store->logged_count == store->logged_room) {
        store->logged_room = store->logged_room * 2 + 8;
        store->logged = mem_grow(store->logged, store->logged_room, sizeof *store->logged);
    }
    struct logged *logged = &store->logged[store->logged_count++];
    *logged = (struct logged){.log = store->log, .memory = memory};
    for (size_t i = 0; i < batch->count; i++) {
        const struct change *change = &batch->changes[i];
        batch_add(&logged->batch, change->family, change->key, change->deletes ? NULL : &change->value);
    }
    play(batch);
}

static void set(struct rows **to, struct rows *rows)
{
    rows_hold(rows);
    rows_release(*to);
    *to = rows;
}

static void forget_logged(struct disk_store *store)
{
    for (size_t i = 0; i < store->logged_count; i++)
        batch_free(&store->logged[i].batch);
    store->logged_count = 0;
}

void store_flush_all(struct disk_store *store)
{
    for (size_t i = 0; i < store->family_count; i++) {
        set(&store->families[i]->before, store->families[i]->base);
        set(&store->families[i]->base, store->families[i]->now);
    }
    forget_logged(store);
}

void store_sync(struct disk_store *store)
{
    bool all = true;
    for (size_t i = 0; i < store->logged_count; i++) {
        store->logged[i].synced |= store->logged[i].log == store->log;
        all &= store->logged[i].synced;
    }
    if (all)
        store_flush_all(store);
}

void store_sync_logs(struct disk_store *store)
{
    bool all = true;
    for (size_t i = 0; i < store->logged_count; i++) {
        store->logged[i].synced |= !store->logged[i].memory;
        all &= store->logged[i].synced;
    }
    if (all)
        store_flush_all(store);
}

/* Goes back to the base and plays what is left: of each log what was synced, and some of what follows it. */
static void keep_some(struct disk_store *store, bool (*may_go)(const struct logged *))
{
    for (size_t i = 0; i < store->family_count; i++)
        set(&store->families[i]->now, store->families[i]->base);
    uint64_t cut = 0; /* the log that has lost something */
    for (size_t i = 0; i < store->logged_count; i++) {
        struct logged *logged = &store->logged[i];
        if (may_go(logged) && (logged->log == cut || world_chance(400))) {
            cut = logged->log;
            continue;
        }
        play(&logged->batch);
    }
    store_flush_all(store);
}

static bool not_synced(const struct logged *logged)
{
    return !logged->synced;
}

void store_forget_memory(struct disk_store *store)
{
    keep_some(store, not_synced);
}

static void go_back(struct disk_store *store)
{
    for (size_t i = 0; i < store->family_count; i++)
        set(&store->families[i]->base, store->families[i]->before);
    forget_logged(store);
}

void stores_power_cut(const struct machine *machine)
{
    for (size_t i = 0; i < store_count; i++) {
        if (&world.machines[stores[i]->machine] != machine)
            continue;
        if (world.loses_synced && strstr(stores[i]->path, "/log"))
            go_back(stores[i]);
        keep_some(stores[i], not_synced);
    }
}

void stores_killed(const struct process *process)
{
    for (size_t i = 0; i < store_count; i++) {
        if (stores[i]->holder != process)
            continue;
        stores[i]->holder = NULL;
        if (stores[i]->remade)
            keep_some(stores[i], not_synced);
    }
}

void disk_store_destroy(struct disk_store *store)
{
    forget_logged(store);
    free(store->logged);
    for (size_t i = 0; i < store->family_count; i++) {
        rows_release(store->families[i]->now);
        rows_release(store->families[i]->base);
        rows_release(store->families[i]->before);
        free(store->families[i]->name);
        free(store->families[i]);
    }
    free(store->families);
    free(store->path);
    size_t at = 0;
    while (stores[at] != store)
        at++;
    stores[at] = stores[--store_count];
    free(store);
}

void stores_free(void)
{
    while (store_count > 0)
        disk_store_destroy(stores[0]);
}
