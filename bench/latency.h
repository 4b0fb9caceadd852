/* latency.h - a histogram of durations: fixed memory, no allocation, every quantile within 0.8 %.
 *
 * Log-linear buckets, as in HdrHistogram (hdrhistogram.org; G. Tene): each power of two of nanoseconds is cut into 128
 * equal ones. What is recorded should be the time since an operation was *meant* to begin; a loader that waits for the
 * answer before it begins the next one would leave out just the slow moments ("coordinated omission").
 */
#ifndef JEJAK_BENCH_LATENCY_H
#define JEJAK_BENCH_LATENCY_H

#include "common/base.h"

enum {
    LATENCY_SUB_BITS = 7,
    LATENCY_MAX_BITS = 42, /* 73 minutes; what is longer counts as this long */
    LATENCY_BUCKETS = (LATENCY_MAX_BITS - LATENCY_SUB_BITS + 1) << LATENCY_SUB_BITS,
};

struct latency {
    uint64_t total;
    int64_t greatest_ns;
    double sum_ns;
    uint64_t counts[LATENCY_BUCKETS];
};

/* Below 0 counts as 0. */
void latency_record(struct latency *latency, int64_t ns);
void latency_add(struct latency *into, const struct latency *from);
void latency_clear(struct latency *latency);
/* The duration that `share` (0 to 1) of all did not exceed: the upper end of its bucket, at most greatest_ns. 0 where
 * nothing was recorded. */
int64_t latency_at(const struct latency *latency, double share);
double latency_mean_ns(const struct latency *latency);

#endif
