#include "aggregator/sums.h"

struct sums sums_open(uint32_t learner_count)
{
    size_t size = learner_count * sizeof(struct sum), align = _Alignof(struct sum);
    struct sums sums = {.memory = mem_new(1, size + align), .met = bits_open(learner_count)};
    sums.by_learner = (struct sum *)(((uintptr_t)sums.memory + align - 1) / align * align);
    mem_prefer_huge(sums.by_learner, size);
    return sums;
}

void sums_close(struct sums *sums)
{
    free(sums->memory);
    bits_close(&sums->met);
    *sums = (struct sums){0};
}
