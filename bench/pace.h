/* pace.h - when the batches of one publisher are meant to be sent: an open loop, which waits for nobody.
 *
 * Constant: batch after batch at equal distances. Poisson: at random, as when many people act by themselves. With a
 * ramp the rate rises evenly from 0 over its length; the number of sendings meant by then is half of what the full rate
 * would give.
 */
#ifndef JEJAK_BENCH_PACE_H
#define JEJAK_BENCH_PACE_H

#include "clients/simulate/random.h"

struct pace {
    double per_ns; /* weight that is meant to be sent in a nanosecond, after the ramp */
    double ramp_ns;
    double sent; /* weight, up to the next sending */
    int64_t start_ns;
    bool poisson;
    struct random random;
};

/* rate: weight (events, or batches) a second, above 0. phase: 0 to 1, the share of `first_weight` after which the first
 * sending is due, so that many publishers do not all begin at once. `seed` matters for Poisson only. */
struct pace pace_start(double rate, int64_t start_ns, int64_t ramp_ns, double first_weight, double phase);
void pace_make_poisson(struct pace *pace, uint64_t seed, uint64_t stream);

/* When the next sending is meant, as a monotonic time. */
int64_t pace_next_ns(const struct pace *pace);
/* It has happened, with this weight. */
void pace_advance(struct pace *pace, double weight);

#endif
