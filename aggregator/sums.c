#include "aggregator/sums.h"

struct sums sums_open(uint32_t learner_count)
{
    struct sums sums = {mem_new(learner_count, sizeof *sums.of), bits_open(learner_count)};
    mem_prefer_huge(sums.of, learner_count * sizeof *sums.of);
    return sums;
}

void sums_close(struct sums *sums)
{
    free(sums->of);
    bits_close(&sums->met);
    *sums = (struct sums){0};
}
