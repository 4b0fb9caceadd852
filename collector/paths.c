#include "collector/paths.h"

#include <sodium.h>
#include <stdlib.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

enum {
    FIRST_ROOM = 1 << 10
};

/* Stands in the arena at the path's handle, a multiple of 4. */
struct entry {
    uint32_t dictionary; /* the number of the dictionary that it stands in */
    uint32_t index;      /* there */
    uint8_t size, single;
    uint8_t bytes[];
};

struct slot {
    uint32_t tag;    /* the upper half of the hash */
    uint32_t handle; /* PATHS_NONE: empty */
};

struct paths {
    uint64_t seed;
    uint32_t dictionary; /* its number, from 1 */
    uint32_t known;
    struct slot *slots;
    size_t room; /* a power of two */
    uint8_t *arena;
    size_t used, arena_room;
    struct slice *list;
    uint32_t list_count, list_room;
};

static void make_slots(struct paths *paths, size_t room)
{
    paths->room = room;
    paths->slots = mem_new(room, sizeof *paths->slots);
    memset(paths->slots, 0xff, room * sizeof *paths->slots);
}

struct paths *paths_open(size_t batch_count, size_t batch_bytes)
{
    struct paths *paths = mem_new(1, sizeof *paths);
    randombytes_buf(&paths->seed, sizeof paths->seed);
    paths->dictionary = 1;
    paths->arena_room = PATHS_FULL_BYTES + batch_bytes + batch_count * (sizeof(struct entry) + sizeof(uint32_t));
    ensure(paths->arena_room < PATHS_NONE);
    paths->arena = mem_new(paths->arena_room, 1);
    make_slots(paths, FIRST_ROOM);
    return paths;
}

void paths_close(struct paths *paths)
{
    if (!paths)
        return;
    free(paths->slots);
    free(paths->arena);
    free(paths->list);
    free(paths);
}

static void forget(struct paths *paths)
{
    paths->known = 0;
    paths->used = 0;
    paths->dictionary = 1;
    free(paths->slots);
    make_slots(paths, FIRST_ROOM);
}

void paths_clear(struct paths *paths)
{
    paths->list_count = 0;
    if (paths->known > PATHS_KEPT_COUNT || paths->used > PATHS_KEPT_BYTES || paths->dictionary == UINT32_MAX)
        forget(paths);
    else
        paths->dictionary++;
}

bool paths_full(const struct paths *paths)
{
    return paths->known >= PATHS_FULL_COUNT || paths->used >= PATHS_FULL_BYTES;
}

static struct entry *entry_at(const struct paths *paths, uint32_t handle)
{
    return (struct entry *)(void *)(paths->arena + handle);
}

/* Eight bytes at a time, the last ones overlapping those before them. */
static inline bool same_bytes(const uint8_t *a, const uint8_t *b, size_t size)
{
    uint64_t differ = 0;
    if (size < 8)
        return memcmp(a, b, size) == 0;
    for (size_t i = 0; i < size - 8; i += 8)
        differ |= get_u64(a + i) ^ get_u64(b + i);
    return (differ | (get_u64(a + size - 8) ^ get_u64(b + size - 8))) == 0;
}

/* The slot of the path, or the empty one where it would stand. */
static inline struct slot *find(const struct paths *paths, struct slice path, uint64_t hash)
{
    uint32_t tag = (uint32_t)(hash >> 32);
    for (size_t at = hash & (paths->room - 1);; at = (at + 1) & (paths->room - 1)) {
        struct slot *slot = &paths->slots[at];
        if (slot->handle == PATHS_NONE)
            return slot;
        const struct entry *entry = entry_at(paths, slot->handle);
        if (slot->tag == tag && entry->size == path.size && same_bytes(entry->bytes, path.data, path.size))
            return slot;
    }
}

static inline uint64_t hash_of(const struct paths *paths, struct slice path)
{
    return XXH3_64bits_withSeed(path.data, path.size, paths->seed);
}

/* A cohort's path is of one segment, whatever else is known. */
enum verdict paths_check(const struct paths *paths, const struct event *event, int64_t oldest_ms, int64_t newest_ms,
                         uint32_t *handle)
{
    *handle = find(paths, event->content, hash_of(paths, event->content))->handle;
    bool fits = *handle != PATHS_NONE && (event->kind != KIND_COHORT || entry_at(paths, *handle)->single);
    return fits ? event_check_known(event, oldest_ms, newest_ms) : event_check(event, oldest_ms, newest_ms);
}

static void grow(struct paths *paths)
{
    struct slot *slots = paths->slots;
    size_t room = paths->room;
    make_slots(paths, room * 2);
    for (size_t i = 0; i < room; i++) {
        if (slots[i].handle == PATHS_NONE)
            continue;
        const struct entry *entry = entry_at(paths, slots[i].handle);
        struct slice path = slice_of(entry->bytes, entry->size);
        *find(paths, path, hash_of(paths, path)) = slots[i];
    }
    free(slots);
}

uint32_t paths_learn(struct paths *paths, struct slice path)
{
    uint64_t hash = hash_of(paths, path);
    struct slot *slot = find(paths, path, hash);
    if (slot->handle != PATHS_NONE)
        return slot->handle;
    size_t size = (sizeof(struct entry) + path.size + 3) / 4 * 4;
    ensure(path.size >= 1 && path.size <= UINT8_MAX && size <= paths->arena_room - paths->used);
    struct entry *entry = entry_at(paths, (uint32_t)paths->used);
    entry->dictionary = 0;
    entry->size = (uint8_t)path.size;
    entry->single = memchr(path.data, '/', path.size) == NULL;
    memcpy(entry->bytes, path.data, path.size);
    uint32_t handle = (uint32_t)paths->used;
    *slot = (struct slot){(uint32_t)(hash >> 32), handle};
    paths->used += size;
    if ((size_t)++paths->known * 2 > paths->room)
        grow(paths);
    return handle;
}

uint32_t paths_use(struct paths *paths, uint32_t handle)
{
    struct entry *entry = entry_at(paths, handle);
    if (entry->dictionary == paths->dictionary)
        return entry->index;
    if (paths->list_count == paths->list_room) {
        paths->list_room = paths->list_room ? paths->list_room * 2 : FIRST_ROOM;
        paths->list = mem_grow(paths->list, paths->list_room, sizeof *paths->list);
    }
    paths->list[paths->list_count] = slice_of(entry->bytes, entry->size);
    entry->dictionary = paths->dictionary;
    entry->index = paths->list_count++;
    return entry->index;
}

uint32_t paths_used(const struct paths *paths)
{
    return paths->list_count;
}

const struct slice *paths_list(const struct paths *paths)
{
    return paths->list;
}
