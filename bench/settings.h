/* settings.h - which events a benchmark is made of; the options that its programs share, as a part of their argp. */
#ifndef JEJAK_BENCH_SETTINGS_H
#define JEJAK_BENCH_SETTINGS_H

#include "common/status.h"

#include <argp.h>

enum {
    SETTINGS_MAX_EVENTS = 1000000000,
    SETTINGS_MAX_LEARNERS = 20000000,
    SETTINGS_MAX_MODULES = 999,
    SETTINGS_MAX_BATCH = 5000,
};

struct settings {
    const char *curriculum; /* where the file of WORKLOAD_COURSE goes; NULL: nowhere */
    uint64_t events;
    uint64_t learners;
    uint64_t modules;
    uint64_t batch;       /* events in one, at most */
    uint64_t batch_least; /* at least */
    uint64_t seed;
};

extern const struct settings settings_default;

/* --learners, --modules, --batch, --seed. Its input is a struct settings. */
extern const struct argp settings_argp;

/* The whole number in an argument; ends the process with a sentence where it is none from least to greatest. */
uint64_t settings_number(const struct argp_state *state, const char *option, const char *text, uint64_t least,
                         uint64_t greatest);

#endif
