/* sock.h - ZeroMQ sockets with the project's options: bounded messages and queues, CURVE, ZAP domain, heartbeats. */
#ifndef JEJAK_COMMON_SOCK_H
#define JEJAK_COMMON_SOCK_H

#include "common/keyfile.h"
#include "common/status.h"

/* Not in the public header of 4.3.4 (draft), honoured by the library of Debian and Ubuntu: without it CURVE lets
 * strangers in while no ZAP handler answers. */
enum {
    SOCK_OPTION_ZAP_ENFORCE_DOMAIN = 93
};

struct sock_options {
    int type;                     /* ZMQ_ROUTER … */
    const char *zap_domain;       /* server side: the role that must be listed; NULL: a client */
    const char *server_secret;    /* server side with CURVE: Z85; NULL: no CURVE */
    const char *server_public;    /* client side with CURVE: the server's key, Z85 */
    const struct keypair *client; /* client side with CURVE: its own pair */
    int64_t max_message_bytes;    /* 0: 1 MiB */
    int high_water_mark;          /* messages, both directions; 0: 8 */
    const char *routing_id;       /* REQ/DEALER: rarely needed; NULL */
};

enum status sock_open(void *context, const struct sock_options *options, void **socket, struct error *error) must_check;
/* Binds; names the endpoint and, where the address is in use, says so. An ipc path's folder is made, its file is 0600.
 */
enum status sock_bind(void *socket, const char *endpoint, struct error *error) must_check;
enum status sock_connect(void *socket, const char *endpoint, struct error *error) must_check;
void sock_close(void *socket); /* linger 0; NULL is fine */

/* Is this endpoint on this machine only: ipc://, inproc:// or tcp:// on a loopback address? */
bool sock_endpoint_is_local(const char *endpoint);
/* The path of an ipc endpoint, NULL for others. */
const char *sock_ipc_path(const char *endpoint);
/* 0 where a program listens at this unix socket, else the errno of asking; ENAMETOOLONG: no socket can stand there. */
int sock_ipc_probe(const char *path);
/* The endpoint that was bound last, port 0 and wildcards resolved. */
enum status sock_bound_endpoint(void *socket, char *endpoint, size_t size, struct error *error) must_check;

struct sock_parts {
    size_t count;
    struct slice *part;
};
/* One request, one answer, over a fresh context and DEALER socket with an empty delimiter left out: for tools that ask
 * a daemon. options: NULL, or with any `type`. The answer's parts are copied into *answer (to be freed with
 * sock_parts_free). STATUS_UNAVAILABLE where nobody answers within timeout_ms, or where the connection ends first. */
enum status sock_ask(const char *endpoint, const struct sock_options *options, struct slice request, int timeout_ms,
                     struct sock_parts *answer, struct error *error) must_check;
void sock_parts_free(struct sock_parts *parts);

#endif
