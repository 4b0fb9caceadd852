/* net.h - connections in memory: what zmq.c gives and takes, and what may happen on the way.
 *
 * A connection has a queue each way, in order. A message arrives late; it may never arrive, or twice. A connection that
 * breaks loses what is on its way to the client, and some of what is on its way to the server; it is made again by
 * itself, as another one, when somebody listens. That is more trouble than TCP makes, and all that the protocol allows
 * for.
 */
#ifndef JEJAK_TESTS_SIMULATOR_NET_H
#define JEJAK_TESTS_SIMULATOR_NET_H

#include "tests/simulator/world.h"

enum {
    FRAMES_MAX = 256,
    ROUTING_BYTES = 5,
};

struct frame {
    uint8_t *bytes;
    size_t size;
};
struct message {
    struct message *next;
    int64_t due_ns;
    struct frame *frames;
    size_t count;
};
struct queue {
    struct message *first, *last;
    size_t count;
    int64_t last_due_ns;
};

struct socket {
    bool used;
    int type;
    struct process *process;
    char *endpoint; /* of a server: where it listens */
    int send_mark;
    struct message *sending, *receiving; /* a message of which some frames have gone or come */
    size_t received;
    struct connection *to, *from;
    bool more; /* of the frame received last */
};

struct connection {
    bool used;
    char *endpoint;
    struct socket *client, *server; /* server: NULL while it is broken */
    uint8_t routing[ROUTING_BYTES];
    int64_t again_ns;     /* broken: when it is tried next */
    struct queue out, in; /* to the server, to the client */
};

struct socket *net_socket(int type);
void net_close(struct socket *socket);
bool net_listen(struct socket *socket, const char *endpoint); /* false: somebody does */
void net_connect(struct socket *socket, const char *endpoint);

bool net_readable(struct socket *socket);
/* The next message for this socket, its own from now on; NULL: none has arrived. *from: its connection. */
struct message *net_take(struct socket *socket, struct connection **from);
/* Gives the message away. False: the queue is full. */
bool net_send(struct connection *connection, bool to_server, struct message *message);
struct connection *net_route(struct socket *server, struct slice routing); /* NULL: nobody */

struct message *message_open(void);
void message_add(struct message *message, const void *bytes, size_t size);
void message_close(struct message *message);

/* ledger.c: what passes between publishers and collector, seen by nobody else. */
void ledger_batch(struct slice bytes);
void ledger_answer(struct slice bytes);
#define NET_INGEST "tcp://127.0.0.1:7411"

#endif
