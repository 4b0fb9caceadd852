/* load_options.h - what bench-load is asked to do. */
#ifndef JEJAK_BENCH_LOAD_OPTIONS_H
#define JEJAK_BENCH_LOAD_OPTIONS_H

#include "bench/settings.h"
#include "clients/publish/keys.h"
#include "clients/publisher/stream.h"

enum {
    LOAD_MAX_PUBLISHERS = 1000, /* sessions that a collector lets one publisher's key have: 1,024 */
    LOAD_MAX_IN_FLIGHT = STREAM_WINDOW_MAX,
    LOAD_MAX_KEYS = LOAD_MAX_PUBLISHERS,
    LOAD_MAX_SECONDS = 7 * 24 * 3600,
    LOAD_MAX_RATE = 100000000,
    LOAD_MAX_DISTINCT = 40000000, /* events; 3 GB */
    LOAD_GRACE_S = 10,
};

struct load_options {
    struct settings settings; /* its `events` are those of --events; 0: a duration */
    struct keys_wanted keys;
    const char *key_files[LOAD_MAX_KEYS];
    size_t key_file_count;
    uint64_t rate;       /* events a second, 0: not by events */
    uint64_t batch_rate; /* batches a second, 0: not by batches; neither: a closed loop */
    uint64_t newcomers;  /* learners a second who were never seen */
    uint64_t publishers;
    uint64_t in_flight;
    uint64_t distinct; /* events prepared */
    uint64_t duration_s, ramp_s, warm_up_s, patience_s;
    uint64_t grace_s; /* after the end, for what was meant to be sent before it; none for newcomers */
    bool poisson, introduce, json;
};

/* Ends the process with a sentence where an option is wrong. `argv` is kept. */
struct load_options load_options_parse(int argc, char **argv);

#endif
