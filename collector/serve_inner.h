/* serve_inner.h - what the files of the ingest actor share (serve.h): its state, and the steps of its loop. */
#ifndef JEJAK_COLLECTOR_SERVE_INNER_H
#define JEJAK_COLLECTOR_SERVE_INNER_H

#include "collector/commit.h"
#include "collector/gate.h"
#include "collector/reader.h"
#include "collector/serve.h"
#include "collector/zap.h"

#include <zmq.h>

struct server {
    const struct serve_options *options;
    struct config *reloaded; /* after SIGHUP; NULL: options->config */
    void *context;
    void *zap, *ingest, *dropoff, *control;
    void *unread; /* the reader's socket, until the reader has it */
    struct gate *gate;
    uint64_t ended_told, ended_told_tick; /* connections, as the log has it */
    int signal_fd, timer_fd;
    struct roles *roles;
    struct pipeline *pipeline;
    struct committer *committer;
    struct resolver *resolver;
    struct reader *reader;
    struct group *groups[2];
    struct group *open;
    uint64_t group_number;
    struct packer *answer_bytes;
    uint64_t ticks;
    int64_t started_ms;
    bool stop;
};

/* The configuration in force: the one read last. */
const struct config *serve_config(const struct server *server);
uint64_t *serve_counter(struct server *server, enum counter counter);

/* serve_batch.c: what arrives. */
/* A received message: routing id, perhaps an empty part, the batch. */
struct message {
    struct group_address from;
    zmq_msg_t payload;
    bool misshapen;
};

/* False: none waits. The payload is the last part; a message of another shape is read to its end. */
bool serve_receive(void *socket, struct message *message);
struct slice serve_payload(zmq_msg_t *payload);
/* Fills the open group with what waits, for one turn. */
void serve_take_batches(struct server *server);
/* Learners that the resolver met: the batches that waited for them are ready. */
void serve_take_met(struct server *server);

/* serve_group.c: groups to the committer and back, answers, and a store that fails. */
bool serve_worth_writing(const struct server *server); /* an idle committer gets the open group, whatever else waits */
void serve_clear_group(struct server *server, struct group *group);
void serve_finish_group(struct server *server, struct group *group);
void serve_take_back(struct server *server);
void serve_hand_over(struct server *server);
/* Every parked batch is answered busy, in the open group, which must be empty. */
void serve_turn_parked(struct server *server);
void serve_try_store_again(struct server *server);
void serve_limit_log(struct server *server); /* the log's own limits, after it was opened or they were read again */

/* serve_control.c: limits, reloading, jejakctl. */
void serve_apply_limits(struct server *server);
enum status serve_reload(struct server *server, struct error *error) must_check;
void serve_take_control(struct server *server);

/* Says in the log when connections were too many; at most once in TOLD_TICKS. */
void serve_tell_gate(struct server *server);

/* serve_open.c: in the order in which serve_run() calls them; serve_close() takes a half-opened server. */
enum status serve_open_descriptors(struct server *server, struct error *error) must_check;
enum status serve_open_state(struct server *server, struct error *error) must_check;
enum status serve_open_sockets(struct server *server, struct error *error) must_check;
void serve_close(struct server *server);

#endif
