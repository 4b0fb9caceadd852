#include "collector/serve_inner.h"

#include "common/logline.h"
#include "common/sock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    /* Messages of one connection that wait in memory. With a queue of 1, CURVE and ZAP, libzmq 4.3.4 hands nothing over
     * (measured). A short one leaves little to put into a group: docs/PERFORMANCE.md. It stands for good once the socket is
     * bound: changed under way, a connection whose queue is full may never be read again (libzmq wakes the writer at
     * multiples of a low-water mark that has moved). */
    RECEIVE_QUEUE_LEAST = 2,
    RECEIVE_QUEUE_MAX = 32,
    INGEST_SEND_QUEUE = 4096, /* answers of one connection: small, and as many as it has in flight */
    READER_SEND_QUEUE = 4096, /* parts: an answer is a header and its records */
    INGEST_LINGER_MS = 1000,
};

/* So many messages of each connection may wait; beyond them libzmq leaves its bytes in the kernel's buffers. One more is
 * being received, so that messages have max_connections * (this + 1) * max_message_bytes at most. */
static int receive_queue(const struct config *config)
{
    int64_t messages = config_whole(config, CONFIG_CONNECTION_MEMORY) / config_whole(config, CONFIG_MAX_MESSAGE_BYTES);
    if (messages < RECEIVE_QUEUE_LEAST)
        return RECEIVE_QUEUE_LEAST;
    return messages < RECEIVE_QUEUE_MAX ? (int)messages : RECEIVE_QUEUE_MAX;
}

static enum status open_socket(struct server *server, struct sock_options *options, enum role role,
                               enum config_key endpoint_key, void **socket, struct error *error)
{
    const char *endpoint = config_text(serve_config(server), endpoint_key);
    bool ipc = sock_ipc_path(endpoint) != NULL;
    bool plain = role == ROLE_PUBLISHER ? config_switch(serve_config(server), CONFIG_PLAIN) : ipc;
    if (plain && !sock_endpoint_is_local(endpoint))
        return error_set(
            error, STATUS_CONFIG,
            "%s = %s: an endpoint without CURVE may stand on loopback or ipc only; leave `plain` off, or bind "
            "127.0.0.1",
            config_key_name(endpoint_key), endpoint);
    if (plain)
        roles_allow_plain(server->roles, role);
    options->zap_domain = role_domain(role);
    options->server_secret = plain ? NULL : server->options->keys->server.secret_key;
    options->max_message_bytes = config_whole(serve_config(server), CONFIG_MAX_MESSAGE_BYTES);
    enum status status = sock_open(server->context, options, socket, error);
    /* An ipc endpoint is reached by its own user only. */
    if (status == STATUS_OK && !sock_ipc_path(endpoint))
        status = gate_watch(server->gate, *socket, !plain, error);
    return status;
}

static enum status bind_socket(struct server *server, void *socket, enum config_key endpoint_key, int send_queue,
                               struct error *error)
{
    char bound[256] = "";
    zmq_setsockopt(socket, ZMQ_SNDHWM, &send_queue, sizeof send_queue);
    enum status status = sock_bind(socket, config_text(serve_config(server), endpoint_key), error);
    if (status == STATUS_OK)
        status = sock_bound_endpoint(socket, bound, sizeof bound, error);
    if (status == STATUS_OK)
        log_info("listening", LOG_TEXT("for", config_key_name(endpoint_key)), LOG_TEXT("endpoint", bound));
    else
        error_prefix(error, "%s", config_key_name(endpoint_key));
    return status;
}

static enum status open_reader(struct server *server, struct error *error)
{
    struct sock_options options = {.type = ZMQ_ROUTER};
    enum status status = open_socket(server, &options, ROLE_READER, CONFIG_READER, &server->unread, error);
    if (status == STATUS_OK)
        status = bind_socket(server, server->unread, CONFIG_READER, READER_SEND_QUEUE, error);
    if (status == STATUS_OK)
        status = reader_open(server->unread, server->roles, server->options->store, &server->reader, error);
    if (status == STATUS_OK)
        server->unread = NULL; /* it is the reader's now */
    return status;
}

static enum status open_dropoff(struct server *server, struct error *error)
{
    struct sock_options options = {.type = ZMQ_PULL, .high_water_mark = receive_queue(serve_config(server))};
    if (config_text(serve_config(server), CONFIG_DROPOFF)[0] == '\0')
        return STATUS_OK;
    enum status status = open_socket(server, &options, ROLE_PUBLISHER, CONFIG_DROPOFF, &server->dropoff, error);
    return status == STATUS_OK ? bind_socket(server, server->dropoff, CONFIG_DROPOFF, RECEIVE_QUEUE_LEAST, error)
                               : status;
}

/* ZAP first: no socket is bound before its judge is there. Ingest last: whoever is answered finds all else running. */
enum status serve_open_sockets(struct server *server, struct error *error)
{
    struct sock_options control = {.type = ZMQ_ROUTER};
    struct sock_options ingest = {.type = ZMQ_ROUTER, .high_water_mark = receive_queue(serve_config(server))};
    uint32_t most = (uint32_t)config_whole(serve_config(server), CONFIG_MAX_CONNECTIONS);
    enum status status = zap_open(server->context, &server->zap, error);
    if (status == STATUS_OK)
        status = gate_open(server->context, most, &server->gate, error);
    if (status == STATUS_OK)
        status = open_socket(server, &control, ROLE_ADMIN, CONFIG_CONTROL, &server->control, error);
    if (status == STATUS_OK)
        status = bind_socket(server, server->control, CONFIG_CONTROL, 64, error);
    if (status == STATUS_OK)
        status = open_reader(server, error);
    if (status == STATUS_OK)
        status = open_dropoff(server, error);
    if (status == STATUS_OK)
        status = open_socket(server, &ingest, ROLE_PUBLISHER, CONFIG_INGEST, &server->ingest, error);
    if (status == STATUS_OK)
        status = gate_start(server->gate, error);
    if (status == STATUS_OK)
        status = committer_open(server->options->store, reader_durable_fd(server->reader), &server->committer, error);
    if (status == STATUS_OK)
        status = resolver_open(server->options->store, &server->resolver, error);
    if (status == STATUS_OK)
        status = bind_socket(server, server->ingest, CONFIG_INGEST, INGEST_SEND_QUEUE, error);
    return status;
}

enum status serve_open_descriptors(struct server *server, struct error *error)
{
    struct itimerspec second = {.it_interval = {.tv_sec = 1}, .it_value = {.tv_sec = 1}};
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    server->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    server->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (server->signal_fd < 0 || server->timer_fd < 0 || timerfd_settime(server->timer_fd, 0, &second, NULL) != 0)
        return error_errno(error, STATUS_SYSTEM, "signals and timer cannot be had");
    return STATUS_OK;
}

enum status serve_open_state(struct server *server, struct error *error)
{
    const struct keys *keys = server->options->keys;
    const struct config *config = serve_config(server);
    uint32_t max_publishers = (uint32_t)config_whole(config, CONFIG_MAX_PUBLISHERS);
    server->context = zmq_ctx_new();
    server->answer_bytes = packer_open();
    server->started_ms = clock_now_ms();
    server->roles = roles_open(config_text(config, CONFIG_KEYS), max_publishers);
    server->pipeline = pipeline_open(server->roles, keys->lookup, keys->session);
    for (int i = 0; i < 2; i++) {
        server->groups[i] = group_open((uint32_t)config_whole(config, CONFIG_GROUP_EVENTS),
                                       (size_t)config_whole(config, CONFIG_MAX_MESSAGE_BYTES));
        serve_clear_group(server, server->groups[i]);
    }
    server->open = server->groups[0];
    pipeline_fill(server->pipeline, server->open);
    serve_apply_limits(server);
    enum status status = roles_reload(server->roles, max_publishers, error);
    if (status == STATUS_OK)
        status = pipeline_attach(server->pipeline, server->options->store, error);
    return status;
}

/* The last answers get a moment to leave. */
static void close_ingest(void *socket)
{
    int linger_ms = INGEST_LINGER_MS;
    if (!socket)
        return;
    zmq_setsockopt(socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    zmq_close(socket);
}

void serve_close(struct server *server)
{
    committer_close(server->committer);
    resolver_close(server->resolver);
    gate_close(server->gate);
    reader_close(server->reader);
    close_ingest(server->ingest);
    sock_close(server->unread);
    sock_close(server->dropoff);
    sock_close(server->control);
    sock_close(server->zap);
    if (server->context)
        zmq_ctx_term(server->context);
    pipeline_close(server->pipeline);
    roles_close(server->roles);
    group_close_memory(server->groups[0]);
    group_close_memory(server->groups[1]);
    packer_close(server->answer_bytes);
    config_close(server->reloaded);
    if (server->signal_fd >= 0)
        close(server->signal_fd);
    if (server->timer_fd >= 0)
        close(server->timer_fd);
}
