#include "bench/pace.h"

#include <math.h>

struct pace pace_start(double rate, int64_t start_ns, int64_t ramp_ns, double first_weight, double phase)
{
    ensure(rate > 0 && ramp_ns >= 0);
    return (struct pace){
        .per_ns = rate / 1e9, .ramp_ns = (double)ramp_ns, .sent = first_weight * phase, .start_ns = start_ns};
}

/* Exponential gaps around `weight`; from a number above 0 and not above 1. */
static double draw(struct random *random, double weight)
{
    double uniform = ((double)(random_next(random) >> 11) + 1) / 9007199254740992.0;
    return -log(uniform) * weight;
}

void pace_make_poisson(struct pace *pace, uint64_t seed, uint64_t stream)
{
    pace->poisson = true;
    random_open(&pace->random, seed, stream);
}

/* The weight meant up to t ns is per_ns t² / (2 ramp) within the ramp and per_ns (t - ramp / 2) after it; solved for
 * t. */
int64_t pace_next_ns(const struct pace *pace)
{
    double full_ns = pace->sent / pace->per_ns;
    double after_ns = full_ns < pace->ramp_ns / 2 ? sqrt(2 * pace->ramp_ns * full_ns) : full_ns + pace->ramp_ns / 2;
    return pace->start_ns + llround(after_ns);
}

void pace_advance(struct pace *pace, double weight)
{
    pace->sent += pace->poisson ? draw(&pace->random, weight) : weight;
}
