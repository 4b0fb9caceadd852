/* settings.h - what the load of a benchmark is made of; the options that its programs share. */
#ifndef JEJAK_BENCH_SETTINGS_H
#define JEJAK_BENCH_SETTINGS_H

#include "common/status.h"

struct settings {
    const char *to;         /* the collector's ingest endpoint (loader) */
    const char *curve;      /* the collector's home, for its public key; NULL: plain */
    const char *key;        /* KEY.public and KEY.secret: the publisher's own pair */
    const char *curriculum; /* where the course's curriculum file goes; NULL: nowhere */
    bool course;            /* events of jejak-simulate's model instead of independent ones */
    bool warm;              /* before the measured pass, each learner once */
    uint64_t events;
    uint64_t learners;
    uint64_t modules;
    uint64_t batch;      /* events in one */
    uint64_t publishers; /* connections, each with a session of its own */
    uint64_t in_flight;  /* batches, in a session */
    uint64_t seed;
    uint64_t patience_s; /* without any answer, then it fails */
};

/* Ends the process with its usage where an option is wrong, or asked for. */
struct settings settings_parse(const char *program, int argc, char **argv);

#endif
