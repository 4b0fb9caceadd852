#include "bench/trunk.h"

#include <errno.h>
#include <poll.h>
#include <sys/prctl.h>

enum {
    ID_BYTES = 5, /* a mark, because ids that begin with a zero are ZeroMQ's own, and the connection's number */
    ID_MARK = 'c',
    TIMER_SLACK_NS = 1000, /* the kernel's 50 µs would count as the collector's */
};

static void id_of(uint32_t connection, uint8_t id[ID_BYTES])
{
    id[0] = ID_MARK;
    put_u32(id + 1, connection);
}

static enum status refused(struct error *error, const char *what)
{
    return error_set(error, STATUS_SYSTEM, "%s: %s", what, zmq_strerror(zmq_errno()));
}

/* The options of a connection are those that the socket has at this moment. */
static enum status connect_one(struct trunk *trunk, const char *endpoint, const struct trunk_keys *keys,
                               uint32_t connection, struct error *error)
{
    uint8_t id[ID_BYTES];
    id_of(connection, id);
    if (zmq_setsockopt(trunk->socket, ZMQ_CONNECT_ROUTING_ID, id, sizeof id) != 0)
        return refused(error, "naming a connection");
    if (keys->server_public) {
        const struct keypair *own = &keys->own[connection % keys->count];
        if (zmq_setsockopt(trunk->socket, ZMQ_CURVE_PUBLICKEY, own->public_key, strlen(own->public_key)) != 0 ||
            zmq_setsockopt(trunk->socket, ZMQ_CURVE_SECRETKEY, own->secret_key, strlen(own->secret_key)) != 0)
            return refused(error, "the keys of a connection");
    }
    return sock_connect(trunk->socket, endpoint, error);
}

static enum status open_socket(const struct trunk_keys *keys, int queue, struct trunk *trunk, struct error *error)
{
    struct sock_options options = {.type = ZMQ_ROUTER, .high_water_mark = queue};
    if (keys->server_public) {
        options.server_public = keys->server_public;
        options.client = keys->own;
    }
    enum status status = sock_open(trunk->context, &options, &trunk->socket, error);
    size_t size = sizeof trunk->fd;
    if (status == STATUS_OK && zmq_getsockopt(trunk->socket, ZMQ_FD, &trunk->fd, &size) != 0)
        status = refused(error, "the socket's descriptor");
    return status;
}

enum status trunk_open(const char *endpoint, const struct trunk_keys *keys, uint32_t count, int queue,
                       struct trunk *trunk, struct error *error)
{
    prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NS);
    *trunk = (struct trunk){.context = zmq_ctx_new()};
    if (!trunk->context)
        return error_errno(error, STATUS_SYSTEM, "ZeroMQ cannot start");
    enum status status = open_socket(keys, queue, trunk, error);
    for (uint32_t i = 0; status == STATUS_OK && i < count; i++)
        status = connect_one(trunk, endpoint, keys, i, error);
    if (status != STATUS_OK)
        trunk_close(trunk);
    return status;
}

void trunk_close(struct trunk *trunk)
{
    sock_close(trunk->socket);
    if (trunk->context)
        zmq_ctx_term(trunk->context);
    *trunk = (struct trunk){0};
}

enum status trunk_send(struct trunk *trunk, uint32_t connection, void *bytes, size_t size, bool *taken,
                       struct error *error)
{
    uint8_t id[ID_BYTES];
    id_of(connection, id);
    *taken = false;
    if (zmq_send(trunk->socket, id, sizeof id, ZMQ_SNDMORE | ZMQ_DONTWAIT) < 0)
        return zmq_errno() == EAGAIN ? STATUS_OK : refused(error, "sending");
    zmq_msg_t message;
    if (zmq_msg_init_data(&message, bytes, size, NULL, NULL) != 0)
        return refused(error, "a message");
    if (zmq_msg_send(&message, trunk->socket, ZMQ_DONTWAIT) < 0)
        return refused(error, "sending"); /* the bytes are the caller's: there is nothing to close */
    *taken = true;
    return STATUS_OK;
}

static enum status receive_body(struct trunk *trunk, zmq_msg_t *id, zmq_msg_t *message, struct error *error)
{
    bool named = zmq_msg_size(id) == ID_BYTES && zmq_msg_more(id);
    if (named && zmq_msg_recv(message, trunk->socket, ZMQ_DONTWAIT) >= 0 && !zmq_msg_more(message))
        return STATUS_OK;
    return error_set(error, STATUS_PROTOCOL, "an answer is not a message of one part");
}

enum status trunk_receive(struct trunk *trunk, bool *found, uint32_t *connection, zmq_msg_t *message,
                          struct error *error)
{
    zmq_msg_t id;
    zmq_msg_init(&id);
    *found = zmq_msg_recv(&id, trunk->socket, ZMQ_DONTWAIT) >= 0;
    if (!*found) /* an empty message needs no closing */
        return zmq_errno() == EAGAIN || zmq_errno() == EINTR ? STATUS_OK : refused(error, "receiving");
    zmq_msg_init(message);
    enum status status = receive_body(trunk, &id, message, error);
    if (status == STATUS_OK)
        *connection = get_u32((const uint8_t *)zmq_msg_data(&id) + 1);
    else
        zmq_msg_close(message);
    zmq_msg_close(&id);
    return status;
}

/* The descriptor tells of changes only: what is already there has to be asked for. */
static bool readable(struct trunk *trunk)
{
    int events = 0;
    size_t size = sizeof events;
    return zmq_getsockopt(trunk->socket, ZMQ_EVENTS, &events, &size) != 0 || (events & ZMQ_POLLIN) != 0;
}

void trunk_wait(struct trunk *trunk, int64_t until_ns)
{
    struct pollfd item = {.fd = trunk->fd, .events = POLLIN};
    if (readable(trunk))
        return;
    int64_t left_ns = until_ns - clock_mono_ns();
    if (left_ns <= 0)
        return;
    struct timespec left = {.tv_sec = left_ns / 1000000000, .tv_nsec = left_ns % 1000000000};
    ppoll(&item, 1, &left, NULL);
}
