#include "bench/latency.h"

#include <math.h>

enum {
    SUB_BUCKETS = 1 << LATENCY_SUB_BITS
};

/* Below 2 * SUB_BUCKETS ns a bucket is one ns wide; from there on each power of two has SUB_BUCKETS of them. */
static size_t bucket_of(uint64_t ns)
{
    if (ns < 2 * SUB_BUCKETS)
        return ns;
    unsigned shift = 63 - (unsigned)__builtin_clzll(ns) - LATENCY_SUB_BITS;
    return ((size_t)shift << LATENCY_SUB_BITS) + (ns >> shift);
}

static int64_t bucket_end(size_t bucket)
{
    if (bucket < 2 * SUB_BUCKETS)
        return (int64_t)bucket;
    unsigned shift = (unsigned)(bucket >> LATENCY_SUB_BITS) - 1;
    uint64_t first = (uint64_t)(bucket - ((size_t)shift << LATENCY_SUB_BITS)) << shift;
    return (int64_t)(first + (1ULL << shift) - 1);
}

void latency_record(struct latency *latency, int64_t ns)
{
    const int64_t longest = (1LL << LATENCY_MAX_BITS) - 1;
    int64_t counted = ns < 0 ? 0 : ns > longest ? longest : ns;
    latency->counts[bucket_of((uint64_t)counted)]++;
    latency->total++;
    latency->sum_ns += (double)counted;
    if (counted > latency->greatest_ns)
        latency->greatest_ns = counted;
}

void latency_add(struct latency *into, const struct latency *from)
{
    for (size_t i = 0; i < LATENCY_BUCKETS; i++)
        into->counts[i] += from->counts[i];
    into->total += from->total;
    into->sum_ns += from->sum_ns;
    if (from->greatest_ns > into->greatest_ns)
        into->greatest_ns = from->greatest_ns;
}

void latency_clear(struct latency *latency)
{
    memset(latency, 0, sizeof *latency);
}

int64_t latency_at(const struct latency *latency, double share)
{
    if (latency->total == 0)
        return 0;
    uint64_t wanted = (uint64_t)ceil(share * (double)latency->total), seen = 0;
    size_t bucket = 0;
    for (; bucket < LATENCY_BUCKETS - 1; bucket++)
        if ((seen += latency->counts[bucket]) >= wanted && seen > 0)
            break;
    int64_t end_ns = bucket_end(bucket);
    return end_ns < latency->greatest_ns ? end_ns : latency->greatest_ns;
}

double latency_mean_ns(const struct latency *latency)
{
    return latency->total > 0 ? latency->sum_ns / (double)latency->total : 0;
}
