/* random.h - random numbers that are the same on every machine: one small generator, whole numbers only.
 *
 * xoshiro256** 1.0 (Blackman & Vigna, "Scrambled linear pseudorandom number generators", ACM TOMS 47, 2021; described
 * at prng.di.unimi.it), its state filled by SplitMix64 (Steele, Lea & Flood, "Fast splittable pseudorandom number
 * generators", OOPSLA 2014). Written from those descriptions; the tests hold it to published outputs.
 *
 * Nothing here rounds: chances are parts per million, factors are parts per thousand, so no libm, no compiler flag and
 * no processor can change a history. Not for secrets.
 */
#ifndef JEJAK_CLIENTS_SIMULATE_RANDOM_H
#define JEJAK_CLIENTS_SIMULATE_RANDOM_H

#include "common/base.h"

enum {
    PPM = 1000000,   /* chances */
    PERMILLE = 1000, /* factors */
};

struct random {
    uint64_t state[4];
};

/* SplitMix64: steps *state, returns the next number. */
uint64_t random_split(uint64_t *state);

/* Streams of one seed are independent of each other: one for each learner, so that more learners change nobody. */
void random_open(struct random *random, uint64_t seed, uint64_t stream);
uint64_t random_next(struct random *random);

/* 0 … n-1, n >= 1. Lemire's multiply and shift, without rejection: off by less than n in 2^32. */
uint32_t random_below(struct random *random, uint32_t n);
/* least … greatest, both included. */
uint32_t random_between(struct random *random, uint32_t least, uint32_t greatest);
bool random_chance(struct random *random, uint32_t ppm);
/* A factor around 1000 permille: a bell (the sum of four uniform numbers) with this standard deviation, never further
 * than 3.47 of it. spread <= 280, so that it stays above 0. */
uint32_t random_factor(struct random *random, uint32_t spread_permille);

#endif
