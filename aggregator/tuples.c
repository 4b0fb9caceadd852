#include "aggregator/tuples.h"

#include <stdlib.h>

enum {
    DIGIT_BITS = 11,
    DIGITS = 1 << DIGIT_BITS
};

void tuples_room(struct tuples *tuples, uint32_t more)
{
    if (more <= tuples->room - tuples->count)
        return;
    tuples->room = tuples->count + more + tuples->count / 8;
    tuples->items = mem_grow(tuples->items, tuples->room, sizeof *tuples->items);
    tuples->scratch = mem_grow(tuples->scratch, tuples->room, sizeof *tuples->scratch);
}

static inline uint32_t digit_of(const struct tuple *tuple, bool by_cell, unsigned shift)
{
    return ((by_cell ? tuple->cell : tuple->learner) >> shift) & (DIGITS - 1);
}

static void sort_pass(struct tuples *tuples, bool by_cell, unsigned shift)
{
    uint32_t starts[DIGITS] = {0}, sum = 0;
    for (uint32_t i = 0; i < tuples->count; i++)
        starts[digit_of(&tuples->items[i], by_cell, shift)]++;
    for (uint32_t d = 0; d < DIGITS; d++) {
        uint32_t here = starts[d];
        starts[d] = sum;
        sum += here;
    }
    for (uint32_t i = 0; i < tuples->count; i++)
        tuples->scratch[starts[digit_of(&tuples->items[i], by_cell, shift)]++] = tuples->items[i];
    struct tuple *sorted = tuples->scratch;
    tuples->scratch = tuples->items;
    tuples->items = sorted;
}

void tuples_sort(struct tuples *tuples)
{
    for (unsigned shift = 0; shift < 32 && tuples->greatest_learner >> shift > 0; shift += DIGIT_BITS)
        sort_pass(tuples, false, shift);
    for (unsigned shift = 0; shift < 32 && tuples->greatest_cell >> shift > 0; shift += DIGIT_BITS)
        sort_pass(tuples, true, shift);
}

void tuples_keep(struct tuples *tuples, uint32_t first, uint32_t end, uint32_t cell)
{
    for (uint32_t i = first; i < end; i++) {
        struct tuple *kept = &tuples->scratch[tuples->kept++];
        *kept = tuples->items[i];
        kept->cell = cell;
    }
}

void tuples_keep_only(struct tuples *tuples)
{
    struct tuple *kept = tuples->scratch;
    uint32_t count = tuples->kept;
    tuples->scratch = tuples->items;
    tuples->items = kept;
    tuples_clear(tuples);
    for (uint32_t i = 0; i < count; i++)
        tuples_add(tuples, kept[i]);
}

void tuples_clear(struct tuples *tuples)
{
    tuples->kept = tuples->count = tuples->greatest_learner = tuples->greatest_cell = 0;
}

void tuples_close(struct tuples *tuples)
{
    free(tuples->items);
    free(tuples->scratch);
    *tuples = (struct tuples){0};
}
