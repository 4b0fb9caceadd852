#include "common/sock.h"

#include <errno.h>
#include <stdlib.h>
#include <zmq.h>

enum {
    ANSWER_MAX_PARTS = 4096,
};
#define MONITOR "inproc://asked"

void sock_parts_free(struct sock_parts *parts)
{
    for (size_t i = 0; i < parts->count; i++)
        free((void *)(uintptr_t)parts->part[i].data);
    free(parts->part);
    *parts = (struct sock_parts){0};
}

static void parts_add(struct sock_parts *parts, zmq_msg_t *message)
{
    size_t size = zmq_msg_size(message);
    uint8_t *copy = mem_new(size, 1);
    if (size > 0)
        memcpy(copy, zmq_msg_data(message), size);
    parts->part = mem_grow(parts->part, parts->count + 1, sizeof *parts->part);
    parts->part[parts->count++] = slice_of(copy, size);
}

/* All parts of the message that waits; libzmq hands over whole messages only. */
static enum status receive_parts(void *socket, const char *endpoint, struct sock_parts *parts, struct error *error)
{
    bool more = true;
    while (more) {
        zmq_msg_t message;
        zmq_msg_init(&message);
        if (parts->count == ANSWER_MAX_PARTS || zmq_msg_recv(&message, socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&message);
            return error_set(error, STATUS_PROTOCOL, "%s: the answer has too many parts, or broke off", endpoint);
        }
        more = zmq_msg_more(&message);
        parts_add(parts, &message);
        zmq_msg_close(&message);
    }
    return STATUS_OK;
}

/* Who is asked, and what libzmq's monitor tells of the connection. */
struct asked {
    const char *endpoint;
    void *socket, *monitor;
    bool met;  /* the handshake went well: the request is there, or on its way */
    bool lost; /* and the connection ended after it */
    int64_t deadline_ns;
};

/* An event is two parts: be it 16 bits of what happened and 32 of no matter here, then the endpoint. */
static void watch(struct asked *asked)
{
    uint8_t event[6];
    uint16_t what;
    while (zmq_recv(asked->monitor, event, sizeof event, ZMQ_DONTWAIT) == (int)sizeof event) {
        zmq_recv(asked->monitor, NULL, 0, ZMQ_DONTWAIT);
        memcpy(&what, event, sizeof what);
        asked->met |= what == ZMQ_EVENT_HANDSHAKE_SUCCEEDED;
        asked->lost |= what == ZMQ_EVENT_DISCONNECTED && asked->met;
    }
}

/* Waits until the socket is ready for `events`, signals notwithstanding. What was answered before the connection ended is
 * still received. */
static bool wait_ready(struct asked *asked, short events)
{
    for (;;) {
        int64_t left_ms = (asked->deadline_ns - clock_mono_ns()) / 1000000;
        zmq_pollitem_t items[] = {{.socket = asked->socket, .events = events},
                                  {.socket = asked->monitor, .events = ZMQ_POLLIN}};
        int ready = zmq_poll(items, 2, left_ms > 0 && !asked->lost ? (long)left_ms : 0);
        if (ready > 0 && items[0].revents)
            return true;
        if (ready == 0 || (ready < 0 && errno != EINTR))
            return false;
        watch(asked);
    }
}

static enum status ask(struct asked *asked, struct slice request, struct sock_parts *answer, struct error *error)
{
    enum status status = sock_connect(asked->socket, asked->endpoint, error);
    if (status != STATUS_OK)
        return status;
    int64_t start_ns = clock_mono_ns();
    bool answered = wait_ready(asked, ZMQ_POLLOUT) &&
                    zmq_send(asked->socket, request.data, request.size, ZMQ_DONTWAIT) >= 0 &&
                    wait_ready(asked, ZMQ_POLLIN);
    if (!answered && asked->lost)
        return error_set(error, STATUS_UNAVAILABLE,
                         "%s: the program that listens there ended, or hung up, before it answered; ask again",
                         asked->endpoint);
    if (!answered)
        return error_set(error, STATUS_UNAVAILABLE,
                         "%s: no answer within %lld ms; is the program that listens there running?", asked->endpoint,
                         (long long)((asked->deadline_ns - start_ns) / 1000000));
    struct sock_parts parts = {0};
    status = receive_parts(asked->socket, asked->endpoint, &parts, error);
    if (status == STATUS_OK)
        *answer = parts;
    else
        sock_parts_free(&parts);
    return status;
}

static enum status open_monitor(void *context, struct asked *asked, struct error *error)
{
    int linger = 0;
    if (zmq_socket_monitor(asked->socket, MONITOR, ZMQ_EVENT_HANDSHAKE_SUCCEEDED | ZMQ_EVENT_DISCONNECTED) == 0)
        asked->monitor = zmq_socket(context, ZMQ_PAIR);
    if (!asked->monitor || zmq_setsockopt(asked->monitor, ZMQ_LINGER, &linger, sizeof linger) != 0 ||
        zmq_connect(asked->monitor, MONITOR) != 0)
        return error_set(error, STATUS_SYSTEM, "a socket cannot be watched: %s", zmq_strerror(errno));
    return STATUS_OK;
}

enum status sock_ask(const char *endpoint, const struct sock_options *options, struct slice request, int timeout_ms,
                     struct sock_parts *answer, struct error *error)
{
    const char *path = sock_ipc_path(endpoint);
    int number = path ? sock_ipc_probe(path) : 0;
    if (number == EACCES)
        return error_set(error, STATUS_DENIED, "%s: not allowed to ask there; the socket is another user's", endpoint);
    if (number != 0 && number != ENAMETOOLONG) /* which sock_connect() says better */
        return error_set(error, STATUS_UNAVAILABLE, "%s: nobody listens there; is the program running?", endpoint);
    struct sock_options asking = options ? *options : (struct sock_options){0};
    asking.type = ZMQ_DEALER;
    struct asked asked = {.endpoint = endpoint, .deadline_ns = clock_mono_ns() + (int64_t)timeout_ms * 1000000};
    void *context = zmq_ctx_new();
    enum status status = sock_open(context, &asking, &asked.socket, error);
    if (status == STATUS_OK)
        status = open_monitor(context, &asked, error);
    if (status == STATUS_OK)
        status = ask(&asked, request, answer, error);
    sock_close(asked.socket);
    sock_close(asked.monitor);
    zmq_ctx_term(context);
    return status;
}
