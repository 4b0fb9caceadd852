/* serve.h - the ingest actor: the collector's main thread, one loop over all its sockets and descriptors.
 *
 *     ingest ROUTER   batches in, answers out          drop-off PULL   batches in, best effort
 *     ZAP REP         who may connect                  control ROUTER  jejakctl
 *     signals         TERM, INT: drain and stop; HUP: keys and limits again
 *     timer           once a second: open a failed store again, sweep sessions
 *     committer       a group is durable: send its answers
 *     resolver        learners never seen were met: take the batches that waited for them
 *
 * One of the two groups is open and filled, the other one is with the committer or waits to be filled next. The open
 * one is handed over as soon as the committer is idle and it is worth a commit, or nothing more waits; where it is full and
 * the committer busy, batches wait in ZeroMQ's bounded queues, and beyond them in the publishers' spools.
 */
#ifndef JEJAK_COLLECTOR_SERVE_H
#define JEJAK_COLLECTOR_SERVE_H

#include "collector/keys.h"
#include "collector/pipeline.h"
#include "collector/store.h"

struct serve_options {
    const struct config *config;
    const struct keys *keys;
    struct store *store; /* open; the ingest actor may close it and open it again */
    /* Reads the configuration again, for SIGHUP. The old one stays valid. */
    enum status (*reload)(struct config **config, struct error *error);
};

/* Runs until SIGTERM or SIGINT, or until it cannot go on. */
enum status serve_run(const struct serve_options *options, struct error *error) must_check;

#endif
