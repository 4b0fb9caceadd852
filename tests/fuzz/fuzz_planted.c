/* The control of scripts/fuzz: a reader with a bug, which must be found, or "nothing found" means nothing. */
#include "tests/fuzz/fuzz.h"

/* A text behind its length; the length is believed. */
static unsigned sum_of(const uint8_t *text, size_t length)
{
    unsigned sum = 0;
    for (size_t i = 0; i < length; i++)
        sum += text[i];
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = exact_copy(slice_of(data, size));
    if (size > 4 && copy[0] == 'J' && copy[1] == 'J' && copy[2] == 'K')
        promise(sum_of(copy + 4, copy[3]) < UINT32_MAX);
    free(copy);
    return 0;
}
