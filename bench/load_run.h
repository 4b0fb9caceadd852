/* load_run.h - one pass of load: prepares, connects, drives all publishers from one thread, waits for the last answer. */
#ifndef JEJAK_BENCH_LOAD_RUN_H
#define JEJAK_BENCH_LOAD_RUN_H

#include "bench/lane.h"
#include "bench/load_keys.h"

struct load_side {
    struct lane_counts counts;
    struct latency latency; /* of batches meant in the measured time */
    uint64_t unsent;        /* batches meant in time and given up */
};

struct load_result {
    double seconds;             /* measured; with --events from the first sending to the last answer */
    struct load_side known;     /* learners of --learners */
    struct load_side newcomers; /* of --new-learners */
};

/* Fails where an event is not accepted, or nothing is answered for too long. SIGINT ends the measured time. */
enum status load_run(const struct load_options *options, const struct load_keys *keys, enum workload_kind kind,
                     struct load_result *result, struct error *error) must_check;

#endif
