/* arena.h - memory that is taken piecewise and given back all at once. */
#ifndef JEJAK_AGGREGATOR_ARENA_H
#define JEJAK_AGGREGATOR_ARENA_H

#include "common/base.h"

struct arena_chunk;
/* Zero it before the first use. */
struct arena {
    struct arena_chunk *chunks; /* the newest first */
    size_t used;                /* of the newest */
};

void *arena_take(struct arena *arena, size_t size) must_check; /* aligned for anything, not zeroed */
void arena_clear(struct arena *arena);                         /* keeps one chunk for the next use */
void arena_close(struct arena *arena);

#endif
