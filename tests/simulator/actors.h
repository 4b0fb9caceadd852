/* actors.h - the programs that live in the world, and who makes trouble for them. */
#ifndef JEJAK_TESTS_SIMULATOR_ACTORS_H
#define JEJAK_TESTS_SIMULATOR_ACTORS_H

#include "tests/simulator/ledger.h"

enum {
    PUBLISHERS_MAX = 3,
};

struct publisher {
    unsigned number;
    bool spool;
    unsigned batch_events, in_flight;
    unsigned left; /* events to be taken still */
    bool idle;     /* all were taken, and all that was taken is settled */
    char folder[32];
    struct process *process;
};

/* collector.c: jejak-collector from its store to its loop. */
struct server {
    struct config *config;
    bool refused; /* it would not start on what it found: acknowledged data is missing */
};
void collector_first_start(struct server *server);
void collector_run(struct process *process);
void server_close(struct server *server);

/* publisher.c: a frontend with libjejak. */
void publisher_run(struct process *process);

/* director.c: one history. */
void director_play(uint64_t seed, enum mutant mutant, bool loud);

/* mutants.c: forgets what it kept of a history. */
void mutants_free(void);

#endif
