/* sums.h - one activity a learner: what a row comes to while it is added up. */
#ifndef JEJAK_AGGREGATOR_SUMS_H
#define JEJAK_AGGREGATOR_SUMS_H

#include "aggregator/activity.h"
#include "aggregator/bits.h"

struct sums {
    struct activity *of; /* by learner; none (visits 0) but for those in `met` */
    struct bits met;
};

struct sums sums_open(uint32_t learner_count); /* on huge pages where the system has them: they are met at random */
void sums_close(struct sums *sums);

static inline void sums_prefetch(const struct sums *sums, uint32_t learner)
{
    __builtin_prefetch(&sums->of[learner], 1);
}

/* `next` comes after all that was added for this learner. */
static inline void sums_append(struct sums *sums, uint32_t learner, const struct activity *next)
{
    struct activity *sum = &sums->of[learner];
    if (sum->visits == 0)
        bits_add(&sums->met, learner);
    activity_append(sum, next);
}

/* Hands the sums out by ascending learner: memory is read in order. Not those of `but` (NULL: all). Leaves none. */
static inline void sums_hand_out(struct sums *sums, const struct bits *but, activity_fn each, void *argument)
{
    struct activity_outlet outlet = {.each = each, .argument = argument, .some.count = 0};
    for (size_t i = 0; i < sums->met.word_count; i++) {
        for (uint64_t word = sums->met.words[i]; word; word &= word - 1) {
            uint32_t learner = (uint32_t)(i * 64) + (uint32_t)__builtin_ctzll(word);
            if (!but || !bits_has(but, learner))
                activity_hand_out(&outlet, learner, &sums->of[learner]);
            sums->of[learner].visits = 0;
        }
        sums->met.words[i] = 0;
    }
    activity_hand_over(&outlet);
}

#endif
