#include "tests/simulator/net.h"

#include <stdlib.h>
#include <zmq.h>

enum {
    SOCKETS_MAX = 64,
    AGAIN_NS = 100 * NS_PER_MS,
    LATE_NS = 2 * NS_PER_MS,
};

static struct socket sockets[SOCKETS_MAX];
static struct connection connections[SOCKETS_MAX];
static uint32_t routings;
static struct {
    unsigned loss_permille, twice_permille;
    int64_t delay_ns, silent_until_ns;
} trouble;

void net_trouble(unsigned loss_permille, unsigned twice_permille, int64_t delay_ns, int64_t silent_until_ns)
{
    trouble.loss_permille = loss_permille;
    trouble.twice_permille = twice_permille;
    trouble.delay_ns = delay_ns;
    trouble.silent_until_ns = silent_until_ns;
}

/* ---- messages ---- */

struct message *message_open(void)
{
    return mem_new(1, sizeof(struct message));
}

void message_add(struct message *message, const void *bytes, size_t size)
{
    ensure(message->count < FRAMES_MAX);
    message->frames = mem_grow(message->frames, message->count + 1, sizeof *message->frames);
    uint8_t *copy = mem_new(size, 1);
    if (size > 0)
        memcpy(copy, bytes, size);
    message->frames[message->count++] = (struct frame){copy, size};
}

void message_close(struct message *message)
{
    if (!message)
        return;
    for (size_t i = 0; i < message->count; i++)
        free(message->frames[i].bytes);
    free(message->frames);
    free(message);
}

static struct message *message_copy(const struct message *message)
{
    struct message *copy = message_open();
    for (size_t i = 0; i < message->count; i++)
        message_add(copy, message->frames[i].bytes, message->frames[i].size);
    return copy;
}

static void queue_add(struct queue *queue, struct message *message)
{
    int64_t due_ns = world.now_ns + (int64_t)world_roll(LATE_NS) + (int64_t)world_roll((uint64_t)trouble.delay_ns + 1);
    if (due_ns < trouble.silent_until_ns)
        due_ns = trouble.silent_until_ns;
    if (due_ns < queue->last_due_ns)
        due_ns = queue->last_due_ns;
    message->due_ns = queue->last_due_ns = due_ns;
    message->next = NULL;
    if (queue->last)
        queue->last->next = message;
    else
        queue->first = message;
    queue->last = message;
    queue->count++;
}

static struct message *queue_pop(struct queue *queue)
{
    struct message *message = queue->first;
    queue->first = message->next;
    if (!queue->first)
        queue->last = NULL;
    queue->count--;
    message->next = NULL;
    return message;
}

static void queue_drop(struct queue *queue, size_t count)
{
    for (; count > 0; count--)
        message_close(queue_pop(queue));
}

static bool arrived(const struct queue *queue)
{
    return queue->first && queue->first->due_ns <= world.now_ns;
}

/* ---- sockets and connections ---- */

struct socket *net_socket(int type)
{
    for (struct socket *socket = sockets; socket < sockets + SOCKETS_MAX; socket++)
        if (!socket->used) {
            *socket = (struct socket){.used = true, .type = type, .process = process_self(), .send_mark = 1000};
            return socket;
        }
    ensure(!"too many sockets");
    return NULL;
}

static struct socket *listener(const char *endpoint)
{
    for (struct socket *socket = sockets; socket < sockets + SOCKETS_MAX; socket++)
        if (socket->used && socket->endpoint && strcmp(socket->endpoint, endpoint) == 0)
            return socket;
    return NULL;
}

static void meet(struct connection *connection)
{
    connection->server = listener(connection->endpoint);
    if (!connection->server)
        return;
    put_u32(connection->routing + 1, ++routings);
    connection->out.last_due_ns = connection->in.last_due_ns = 0;
    for (struct message *message = connection->out.first; message; message = message->next) {
        message->due_ns = message->due_ns > world.now_ns ? message->due_ns : world.now_ns;
        connection->out.last_due_ns = message->due_ns;
    }
}

static void break_up(struct connection *connection)
{
    connection->server = NULL;
    connection->again_ns = world.now_ns + AGAIN_NS + (int64_t)world_roll(AGAIN_NS);
    queue_drop(&connection->out, world_roll(connection->out.count + 1));
    queue_drop(&connection->in, connection->in.count);
}

static bool is_up(struct connection *connection)
{
    if (!connection->server && connection->again_ns <= world.now_ns) {
        meet(connection);
        if (!connection->server)
            connection->again_ns = world.now_ns + AGAIN_NS;
    }
    return connection->server != NULL;
}

bool net_listen(struct socket *socket, const char *endpoint)
{
    if (listener(endpoint))
        return false;
    socket->endpoint = mem_text("%s", endpoint);
    return true;
}

void net_connect(struct socket *socket, const char *endpoint)
{
    struct connection *connection = connections;
    while (connection < connections + SOCKETS_MAX && connection->used)
        connection++;
    ensure(connection < connections + SOCKETS_MAX);
    *connection = (struct connection){.used = true, .client = socket};
    connection->endpoint = mem_text("%s", endpoint);
    socket->to = connection;
}

static void forget(struct connection *connection)
{
    queue_drop(&connection->out, connection->out.count);
    queue_drop(&connection->in, connection->in.count);
    free(connection->endpoint);
    *connection = (struct connection){0};
}

/* Nobody hears from it any more. */
static void silence(struct socket *socket)
{
    for (struct connection *at = connections; at < connections + SOCKETS_MAX; at++) {
        if (at->used && at->server == socket)
            break_up(at);
        if (at->used && at->client == socket)
            forget(at);
    }
    socket->to = NULL;
    free(socket->endpoint);
    socket->endpoint = NULL;
}

void net_close(struct socket *socket)
{
    silence(socket);
    message_close(socket->sending);
    message_close(socket->receiving);
    *socket = (struct socket){0};
}

void net_killed(const struct process *process)
{
    for (struct socket *socket = sockets; socket < sockets + SOCKETS_MAX; socket++)
        if (socket->used && socket->process == process)
            silence(socket);
}

void net_reset_some(void)
{
    for (struct connection *at = connections; at < connections + SOCKETS_MAX; at++)
        if (at->used && at->server && world_chance(500))
            break_up(at);
}

int64_t net_next_ns(void)
{
    int64_t next_ns = NEVER_NS;
    for (struct connection *at = connections; at < connections + SOCKETS_MAX; at++) {
        const struct message *heads[] = {at->server ? at->out.first : NULL, at->in.first};
        if (!at->used)
            continue;
        for (size_t i = 0; i < ARRAY_COUNT(heads); i++)
            if (heads[i] && heads[i]->due_ns < next_ns && heads[i]->due_ns > world.now_ns)
                next_ns = heads[i]->due_ns;
        if (!at->server && at->out.first && at->again_ns < next_ns && at->again_ns > world.now_ns)
            next_ns = at->again_ns;
    }
    return next_ns;
}

/* ---- on the way ---- */

bool net_send(struct connection *connection, bool to_server, struct message *message)
{
    struct queue *queue = to_server ? &connection->out : &connection->in;
    if (to_server && queue->count >= (size_t)connection->client->send_mark)
        return false;
    for (size_t i = 0; i < message->count; i++)
        world_mix_bytes(slice_of(message->frames[i].bytes, message->frames[i].size));
    if (world_chance(trouble.loss_permille)) {
        message_close(message);
        return true;
    }
    if (world_chance(trouble.twice_permille))
        queue_add(queue, message_copy(message));
    queue_add(queue, message);
    return true;
}

struct connection *net_route(struct socket *server, struct slice routing)
{
    for (struct connection *at = connections; at < connections + SOCKETS_MAX; at++)
        if (at->used && at->server == server && slice_equal(routing, slice_of(at->routing, ROUTING_BYTES)))
            return at;
    return NULL;
}

static struct connection *ready(struct socket *socket)
{
    struct connection *able[SOCKETS_MAX];
    size_t count = 0;
    if (socket->process->dead)
        return NULL;
    if (socket->to)
        return arrived(&socket->to->in) ? socket->to : NULL;
    for (struct connection *at = connections; at < connections + SOCKETS_MAX; at++)
        if (at->used && is_up(at) && at->server == socket && arrived(&at->out))
            able[count++] = at;
    return count == 0 ? NULL : able[count == 1 ? 0 : world_roll(count)];
}

bool net_readable(struct socket *socket)
{
    if (socket->process->dead)
        return false;
    if (socket->to)
        return arrived(&socket->to->in);
    for (struct connection *at = connections; at < connections + SOCKETS_MAX; at++)
        if (at->used && is_up(at) && at->server == socket && arrived(&at->out))
            return true;
    return false;
}

struct message *net_take(struct socket *socket, struct connection **from)
{
    *from = ready(socket);
    return *from ? queue_pop(*from == socket->to ? &(*from)->in : &(*from)->out) : NULL;
}

void net_free(void)
{
    for (struct connection *at = connections; at < connections + SOCKETS_MAX; at++)
        if (at->used)
            forget(at);
    for (struct socket *socket = sockets; socket < sockets + SOCKETS_MAX; socket++)
        if (socket->used)
            net_close(socket);
    routings = 0;
    net_trouble(0, 0, 0, 0);
}
