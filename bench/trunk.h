/* trunk.h - many connections to one collector in a single ROUTER socket, so that a turn costs what has happened and not
 * how many publishers there are.
 *
 * Each connection is one of its own to the collector: TCP, handshake and key. A socket each would have to be asked one
 * by one. Used by one thread.
 */
#ifndef JEJAK_BENCH_TRUNK_H
#define JEJAK_BENCH_TRUNK_H

#include "common/sock.h"

#include <zmq.h>

struct trunk {
    void *context;
    void *socket;
    int fd;
};

struct trunk_keys {
    const char *server_public; /* NULL: plain */
    const struct keypair *own; /* connection i takes i % count */
    size_t count;
};

/* Connections 0 to count - 1; `queue`: messages that wait in each. A collector that is not there yet is waited for. */
enum status trunk_open(const char *endpoint, const struct trunk_keys *keys, uint32_t count, int queue,
                       struct trunk *trunk, struct error *error) must_check;
void trunk_close(struct trunk *trunk);

/* The bytes are not copied: they stay as they are until this message is answered. *taken: false where the connection's
 * queue is full. */
enum status trunk_send(struct trunk *trunk, uint32_t connection, void *bytes, size_t size, bool *taken,
                       struct error *error) must_check;

/* An answer, where there is one; *message is then the caller's, to be closed. Never waits. */
enum status trunk_receive(struct trunk *trunk, bool *found, uint32_t *connection, zmq_msg_t *message,
                          struct error *error) must_check;

/* Until something can be received, a signal arrives, or this moment of the monotonic clock. */
void trunk_wait(struct trunk *trunk, int64_t until_ns);

#endif
