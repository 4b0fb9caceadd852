/* sums.h - one activity a learner: what a row comes to while it is added up. */
#ifndef JEJAK_AGGREGATOR_SUMS_H
#define JEJAK_AGGREGATOR_SUMS_H

#include "aggregator/activity.h"
#include "aggregator/bits.h"

struct sums {
    struct sum {
        _Alignas(64) struct activity of; /* a cache line: it is met at random */
    } * by_learner;                      /* none (visits 0) but for those in `met` */
    struct bits met;
    void *memory;
};

struct sums sums_open(uint32_t learner_count); /* on huge pages where the system has them: they are met at random */
void sums_close(struct sums *sums);

static inline void sums_prefetch(const struct sums *sums, uint32_t learner)
{
    __builtin_prefetch(&sums->by_learner[learner], 1);
}

/* `next` comes after all that was added for this learner. */
static inline void sums_append(struct sums *sums, uint32_t learner, const struct activity *next)
{
    struct activity *sum = &sums->by_learner[learner].of;
    if (sum->visits == 0)
        bits_add(&sums->met, learner);
    activity_append(sum, next);
}

/* Of the learners of `some`, which were fetched ahead. */
static inline void sums_hand_some(struct sums *sums, struct activities *some, activity_fn each, void *argument)
{
    for (uint32_t i = 0; i < some->count; i++) {
        struct activity *sum = &sums->by_learner[some->learners[i]].of;
        some->of[i] = *sum;
        sum->visits = 0;
    }
    if (some->count > 0)
        each(some, argument);
    some->count = 0;
}

/* Hands the sums out by ascending learner. Not those of `but` (NULL: all). Leaves none. */
static inline void sums_hand_out(struct sums *sums, const struct bits *but, activity_fn each, void *argument)
{
    struct activities some;
    some.count = 0;
    for (size_t i = 0; i < sums->met.word_count; i++) {
        uint64_t left_out = but ? sums->met.words[i] & but->words[i] : 0;
        for (uint64_t word = sums->met.words[i] & ~left_out; word; word &= word - 1) {
            uint32_t learner = (uint32_t)(i * 64) + (uint32_t)__builtin_ctzll(word);
            sums_prefetch(sums, learner);
            some.learners[some.count] = learner;
            if (++some.count == ACTIVITIES_AT_ONCE)
                sums_hand_some(sums, &some, each, argument);
        }
        for (uint64_t word = left_out; word; word &= word - 1)
            sums->by_learner[i * 64 + (size_t)__builtin_ctzll(word)].of.visits = 0;
        sums->met.words[i] = 0;
    }
    sums_hand_some(sums, &some, each, argument);
}

#endif
