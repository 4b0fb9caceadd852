#include "aggregator/tuples.h"

#include <stdlib.h>

enum {
    DIGIT_BITS = 11, /* at most: 2,048 counters, and as many places of memory that are written to in turn */
    DIGITS = 1 << DIGIT_BITS,
    FIELD_BITS = 32, /* of a tuple's learner, of its cell */
    PASSES_MAX = 2 * ((FIELD_BITS + DIGIT_BITS - 1) / DIGIT_BITS),
};

static struct tuple *items_grow(struct tuple *items, uint32_t room)
{
    items = mem_grow(items, room, sizeof *items);
    mem_prefer_huge(items, room * sizeof *items); /* a pass of the sort writes to all of it in turn */
    return items;
}

void tuples_room(struct tuples *tuples, uint32_t more)
{
    if (more <= tuples->room - tuples->count)
        return;
    tuples->room = tuples->count + more + tuples->count / 8;
    tuples->items = items_grow(tuples->items, tuples->room);
    tuples->scratch = items_grow(tuples->scratch, tuples->room);
}

struct pass {
    unsigned shift; /* of the digit in cell << FIELD_BITS | learner */
    uint32_t mask;
    uint32_t starts[DIGITS];
};

static inline uint32_t digit_of(const struct tuple *tuple, const struct pass *pass)
{
    return (uint32_t)(((uint64_t)tuple->cell << FIELD_BITS | tuple->learner) >> pass->shift) & pass->mask;
}

/* As few passes over a field as will do, of digits as short as these allow. */
static unsigned passes_plan(struct pass *passes, unsigned low_bit, uint32_t greatest)
{
    unsigned bits = greatest ? FIELD_BITS - (unsigned)__builtin_clz(greatest) : 0;
    unsigned count = (bits + DIGIT_BITS - 1) / DIGIT_BITS;
    for (unsigned p = 0, done = 0, width; p < count; p++, done += width) {
        width = (bits - done + count - p - 1) / (count - p);
        passes[p].shift = low_bit + done;
        passes[p].mask = (1U << width) - 1;
        memset(passes[p].starts, 0, (passes[p].mask + 1) * sizeof *passes[p].starts);
    }
    return count;
}

/* Where the tuples of each digit begin: of all passes at once, for what counts does not depend on the order. */
static void passes_count(const struct tuples *tuples, struct pass *passes, unsigned count)
{
    for (uint32_t i = 0; i < tuples->count; i++)
        for (unsigned p = 0; p < count; p++)
            passes[p].starts[digit_of(&tuples->items[i], &passes[p])]++;
    for (unsigned p = 0; p < count; p++) {
        uint32_t sum = 0;
        for (uint32_t d = 0; d <= passes[p].mask; d++) {
            uint32_t here = passes[p].starts[d];
            passes[p].starts[d] = sum;
            sum += here;
        }
    }
}

static void sort_pass(struct tuples *tuples, struct pass *pass)
{
    for (uint32_t i = 0; i < tuples->count; i++)
        tuples->scratch[pass->starts[digit_of(&tuples->items[i], pass)]++] = tuples->items[i];
    struct tuple *sorted = tuples->scratch;
    tuples->scratch = tuples->items;
    tuples->items = sorted;
}

void tuples_sort(struct tuples *tuples)
{
    struct pass passes[PASSES_MAX];
    unsigned count = passes_plan(passes, 0, tuples->greatest_learner);
    count += passes_plan(passes + count, FIELD_BITS, tuples->greatest_cell);
    passes_count(tuples, passes, count);
    for (unsigned p = 0; p < count; p++)
        sort_pass(tuples, &passes[p]);
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
