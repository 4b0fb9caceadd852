/* The part of libzmq's interface that Jejak's programs use, over net.h, in libzmq's place. Who sends is "plain". */
#include "tests/simulator/net.h"

#include <errno.h>
#include <stdlib.h>
#include <zmq.h>

struct part {
    void *data;
    size_t size;
    bool more;
    zmq_free_fn *free;
    void *hint;
};
_Static_assert(sizeof(struct part) <= sizeof(zmq_msg_t), "a part lies in libzmq's own type");

static struct part *part_of(zmq_msg_t *message)
{
    return (struct part *)(void *)message;
}

static const struct part *part_in(const zmq_msg_t *message)
{
    return (const struct part *)(const void *)message;
}

/* ---- contexts, sockets ---- */

void *zmq_ctx_new(void)
{
    return mem_new(1, 1);
}

int zmq_ctx_term(void *context)
{
    free(context);
    return 0;
}

void *zmq_socket(void *context, int type)
{
    (void)context;
    return net_socket(type);
}

int zmq_close(void *socket)
{
    net_close(socket);
    return 0;
}

int zmq_setsockopt(void *socket, int option, const void *value, size_t size)
{
    if (option == ZMQ_SNDHWM && size == sizeof(int))
        memcpy(&((struct socket *)socket)->send_mark, value, size);
    return 0;
}

int zmq_getsockopt(void *socket, int option, void *value, size_t *size)
{
    const struct socket *of = socket;
    if (option == ZMQ_RCVMORE) {
        int more = of->more;
        memcpy(value, &more, sizeof more);
    } else {
        ensure(option == ZMQ_LAST_ENDPOINT && of->endpoint && strlen(of->endpoint) < *size);
        *size = strlen(of->endpoint) + 1;
        memcpy(value, of->endpoint, *size);
    }
    return 0;
}

int zmq_bind(void *socket, const char *endpoint)
{
    if (process_dead() || net_listen(socket, endpoint))
        return 0;
    errno = EADDRINUSE;
    return -1;
}

int zmq_connect(void *socket, const char *endpoint)
{
    if (!process_dead())
        net_connect(socket, endpoint);
    return 0;
}

int zmq_errno(void)
{
    return errno;
}

const char *zmq_strerror(int number)
{
    return strerror(number);
}

/* ---- messages ---- */

int zmq_msg_init(zmq_msg_t *message)
{
    *part_of(message) = (struct part){0};
    return 0;
}

int zmq_msg_init_size(zmq_msg_t *message, size_t size)
{
    *part_of(message) = (struct part){.data = mem_new(size, 1), .size = size};
    return 0;
}

int zmq_msg_init_data(zmq_msg_t *message, void *data, size_t size, zmq_free_fn *release, void *hint)
{
    *part_of(message) = (struct part){.data = data, .size = size, .free = release, .hint = hint};
    return 0;
}

int zmq_msg_close(zmq_msg_t *message)
{
    struct part *part = part_of(message);
    if (part->free)
        part->free(part->data, part->hint);
    else
        free(part->data);
    *part = (struct part){0};
    return 0;
}

void *zmq_msg_data(zmq_msg_t *message)
{
    return part_of(message)->data;
}

size_t zmq_msg_size(const zmq_msg_t *message)
{
    return part_in(message)->size;
}

int zmq_msg_more(const zmq_msg_t *message)
{
    return part_in(message)->more;
}

const char *zmq_msg_gets(const zmq_msg_t *message, const char *property)
{
    (void)message;
    return strcmp(property, "User-Id") == 0 ? "plain" : NULL;
}

/* ---- receiving ---- */

/* A ROUTER's messages begin with where they come from. */
static bool begin(struct socket *socket)
{
    if (socket->receiving)
        return true;
    socket->receiving = net_take(socket, &socket->from);
    socket->received = 0;
    if (!socket->receiving)
        return false;
    if (socket->type != ZMQ_ROUTER)
        return true;
    struct message *message = socket->receiving;
    message_add(message, NULL, 0);
    struct frame routing = message->frames[message->count - 1];
    memmove(message->frames + 1, message->frames, (message->count - 1) * sizeof *message->frames);
    free(routing.bytes);
    routing = (struct frame){mem_new(ROUTING_BYTES, 1), ROUTING_BYTES};
    memcpy(routing.bytes, socket->from->routing, ROUTING_BYTES);
    message->frames[0] = routing;
    return true;
}

static struct frame take(struct socket *socket, bool *more)
{
    struct message *message = socket->receiving;
    struct frame frame = message->frames[socket->received];
    message->frames[socket->received++] = (struct frame){0};
    *more = socket->more = socket->received < message->count;
    if (!*more) {
        message_close(message);
        socket->receiving = NULL;
    }
    return frame;
}

int zmq_msg_recv(zmq_msg_t *message, void *socket, int flags)
{
    (void)flags;
    if (!begin(socket)) {
        errno = EAGAIN;
        return -1;
    }
    zmq_msg_close(message);
    struct part *part = part_of(message);
    struct frame frame = take(socket, &part->more);
    part->data = frame.bytes;
    part->size = frame.size;
    return (int)frame.size;
}

int zmq_recv(void *socket, void *bytes, size_t room, int flags)
{
    zmq_msg_t message;
    zmq_msg_init(&message);
    int size = zmq_msg_recv(&message, socket, flags);
    if (size > 0)
        memcpy(bytes, zmq_msg_data(&message), (size_t)size < room ? (size_t)size : room);
    zmq_msg_close(&message);
    return size;
}

/* ---- sending ---- */

static int fails(int number)
{
    errno = number;
    return -1;
}

static struct frame last_of(const struct message *message)
{
    return message->frames[message->count - 1];
}

static int hand_over(struct socket *socket)
{
    struct message *message = socket->sending;
    struct slice bytes = slice_of(last_of(message).bytes, last_of(message).size);
    bool ingest = socket->to ? strcmp(socket->to->endpoint, NET_INGEST) == 0
                             : socket->endpoint && strcmp(socket->endpoint, NET_INGEST) == 0;
    if (ingest && socket->to)
        ledger_batch(bytes);
    else if (ingest)
        ledger_answer(bytes);
    socket->sending = NULL;
    struct connection *to = socket->to ? socket->to : socket->from;
    if (net_send(to, socket->to != NULL, message))
        return 0;
    message_close(message);
    return fails(EAGAIN);
}

int zmq_send(void *of, const void *bytes, size_t size, int flags)
{
    struct socket *socket = of;
    if (socket->process->dead || (socket->type != ZMQ_ROUTER && !socket->to))
        return fails(EAGAIN);
    if (!socket->sending && socket->type == ZMQ_ROUTER) {
        socket->from = net_route(socket, slice_of(bytes, size));
        if (!socket->from)
            return fails(EHOSTUNREACH);
        socket->sending = message_open();
        return (int)size;
    }
    if (!socket->sending)
        socket->sending = message_open();
    message_add(socket->sending, bytes, size);
    return flags & ZMQ_SNDMORE || hand_over(socket) == 0 ? (int)size : -1;
}

int zmq_msg_send(zmq_msg_t *message, void *socket, int flags)
{
    struct part *part = part_of(message);
    int sent = zmq_send(socket, part->data, part->size, flags);
    if (sent >= 0)
        zmq_msg_close(message);
    return sent;
}

/* ---- waiting ---- */

struct poll {
    zmq_pollitem_t *items;
    int count;
};

static bool look(void *argument)
{
    const struct poll *poll = argument;
    bool any = false;
    for (int i = 0; i < poll->count; i++) {
        zmq_pollitem_t *item = &poll->items[i];
        bool readable = item->socket ? net_readable(item->socket) : files_readable(item->fd);
        item->revents =
            (short)((item->events & ZMQ_POLLIN && readable ? ZMQ_POLLIN : 0) | (item->events & ZMQ_POLLOUT));
        any |= item->revents != 0;
    }
    return any;
}

int zmq_poll(zmq_pollitem_t *items, int count, long timeout_ms)
{
    struct poll poll = {items, count};
    int64_t until_ns = timeout_ms < 0 ? NEVER_NS : world.now_ns + timeout_ms * NS_PER_MS;
    bool any = fiber_wait(look, &poll, until_ns);
    int ready = 0;
    for (int i = 0; any && i < count; i++)
        ready += items[i].revents != 0;
    return ready;
}

/* ---- keys: nobody looks at them ---- */

char *zmq_z85_encode(char *text, const uint8_t *bytes, size_t size)
{
    (void)text, (void)bytes, (void)size;
    return NULL;
}

/* Some 4 bytes for 5 characters: the same for the same, and more is not asked of it here. */
uint8_t *zmq_z85_decode(uint8_t *bytes, const char *text)
{
    for (size_t i = 0; text[i]; i += 5) {
        uint32_t number = 0;
        for (size_t k = 0; k < 5; k++)
            number = number * 85 + (uint8_t)text[i + k];
        put_u32(bytes + i / 5 * 4, number);
    }
    return bytes;
}

int zmq_curve_keypair(char *public_key, char *secret_key)
{
    (void)public_key, (void)secret_key;
    return -1;
}
