#include "clients/simulate/random.h"

uint64_t random_split(uint64_t *state)
{
    uint64_t z = *state += 0x9E3779B97F4A7C15u;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

void random_open(struct random *random, uint64_t seed, uint64_t stream)
{
    uint64_t stream_state = stream;
    uint64_t state = seed ^ random_split(&stream_state);
    for (size_t i = 0; i < ARRAY_COUNT(random->state); i++)
        random->state[i] = random_split(&state);
}

static uint64_t rotate_left(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

uint64_t random_next(struct random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

uint32_t random_below(struct random *random, uint32_t n)
{
    ensure(n > 0);
    return (uint32_t)(((random_next(random) >> 32) * n) >> 32);
}

uint32_t random_between(struct random *random, uint32_t least, uint32_t greatest)
{
    return least + random_below(random, greatest - least + 1);
}

bool random_chance(struct random *random, uint32_t ppm)
{
    return random_below(random, PPM) < ppm;
}

uint32_t random_factor(struct random *random, uint32_t spread_permille)
{
    ensure(spread_permille <= 280);
    uint64_t bits = random_next(random);
    int64_t sum = 0; /* of four numbers from 0 to 999: mean 1998, standard deviation 577 */
    for (int i = 0; i < 4; i++, bits >>= 16)
        sum += (int64_t)(((bits & 0xFFFF) * PERMILLE) >> 16);
    return (uint32_t)(PERMILLE + (sum - 1998) * (int64_t)spread_permille / 577);
}
