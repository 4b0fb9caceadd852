#include "aggregator/arena.h"

#include <stdlib.h>

enum {
    CHUNK_BYTES = 256 << 10,
    ALIGNMENT = 16
};

struct arena_chunk {
    struct arena_chunk *older;
    size_t room;
    _Alignas(ALIGNMENT) uint8_t bytes[];
};

void *arena_take(struct arena *arena, size_t size)
{
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!arena->chunks || arena->used + size > arena->chunks->room) {
        size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;
        struct arena_chunk *chunk = mem_new(1, sizeof *chunk + room);
        chunk->older = arena->chunks;
        chunk->room = room;
        arena->chunks = chunk;
        arena->used = 0;
    }
    void *taken = arena->chunks->bytes + arena->used;
    arena->used += size;
    return taken;
}

void arena_clear(struct arena *arena)
{
    while (arena->chunks && (arena->chunks->older || arena->chunks->room > CHUNK_BYTES)) {
        struct arena_chunk *older = arena->chunks->older;
        free(arena->chunks);
        arena->chunks = older;
    }
    arena->used = 0;
}

void arena_close(struct arena *arena)
{
    arena_clear(arena);
    free(arena->chunks);
    *arena = (struct arena){0};
}
