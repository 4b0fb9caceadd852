#include "collector/serve_inner.h"

enum {
    TURN_MS = 20
}; /* of receiving between two looks at everything else */

/* False: none waits. The payload is the last part; a message of another shape is read to its end. */
static bool receive_payload(void *socket, struct message *message)
{
    int parts = 0;
    message->from.delimiter = false;
    message->misshapen = false;
    zmq_msg_init(&message->payload);
    for (bool more = true; more; parts++) {
        if (zmq_msg_recv(&message->payload, socket, ZMQ_DONTWAIT) < 0)
            break;
        more = zmq_msg_more(&message->payload);
        if (more && parts == 0 && zmq_msg_size(&message->payload) == 0)
            message->from.delimiter = true;
        else if (more)
            message->misshapen = true;
    }
    return parts > 0;
}

/* The same from a ROUTER: the routing id first. */
bool serve_receive(void *socket, struct message *message)
{
    int size = zmq_recv(socket, message->from.routing_id, ROUTING_ID_MAX_BYTES, ZMQ_DONTWAIT);
    if (size < 0)
        return false;
    message->from.size = (uint8_t)size;
    if (!receive_payload(socket, message))
        message->misshapen = true;
    return true;
}

/* The publisher by the key that its connection proved, if it is listed now; ROLE_NOBODY: not a byte is decoded. */
static uint32_t authenticate(struct server *server, zmq_msg_t *payload)
{
    const char *user = zmq_msg_gets(payload, "User-Id");
    uint32_t publisher = user ? roles_publisher(server->roles, user) : ROLE_NOBODY;
    *serve_counter(server, COUNTER_UNLISTED) += publisher == ROLE_NOBODY ? 1 : 0;
    return publisher;
}

struct slice serve_payload(zmq_msg_t *payload)
{
    return slice_of(zmq_msg_data(payload), zmq_msg_size(payload));
}

static bool take_batch(struct server *server, int64_t now_ms)
{
    struct message message;
    if (!serve_receive(server->ingest, &message))
        return false;
    uint32_t publisher = authenticate(server, &message.payload);
    if (publisher != ROLE_NOBODY && message.misshapen)
        pipeline_misshapen(server->pipeline, &message.from);
    else if (publisher != ROLE_NOBODY)
        pipeline_batch(server->pipeline, publisher, serve_payload(&message.payload), &message.from, now_ms);
    zmq_msg_close(&message.payload);
    return true;
}

static bool take_dropoff(struct server *server, int64_t now_ms)
{
    struct message message;
    if (!server->dropoff)
        return false;
    bool there = receive_payload(server->dropoff, &message);
    uint32_t publisher = there ? authenticate(server, &message.payload) : ROLE_NOBODY;
    if (publisher != ROLE_NOBODY && message.misshapen)
        ++*serve_counter(server, COUNTER_MISSHAPEN);
    else if (publisher != ROLE_NOBODY)
        pipeline_dropoff(server->pipeline, publisher, serve_payload(&message.payload), now_ms);
    zmq_msg_close(&message.payload);
    return there;
}

/* Is a written group to be answered, or the open one to be handed over? */
static bool committer_waits(const struct server *server)
{
    return committer_done(server->committer) || (committer_idle(server->committer) && serve_worth_writing(server));
}

/* Fills the open group with what waits; not for longer than a turn, nor while the committer waits. Parked batches whose
 * learners were met go first: they came first. */
void serve_take_batches(struct server *server)
{
    int64_t now_ms = clock_now_ms(), until_ns = clock_mono_ns() + (int64_t)TURN_MS * 1000000;
    while (pipeline_ready(server->pipeline) && !group_full(server->open) && clock_mono_ns() < until_ns)
        pipeline_unpark(server->pipeline);
    bool more = true;
    while (more && !group_full(server->open) && !committer_waits(server) && clock_mono_ns() < until_ns) {
        more = take_batch(server, now_ms);
        if (!group_full(server->open))
            more |= take_dropoff(server, now_ms);
    }
    resolver_submit(server->resolver, pipeline_meetings(server->pipeline));
}

void serve_take_met(struct server *server)
{
    struct error error = {0};
    struct meeting *met = resolver_take(server->resolver);
    resolver_error(server->resolver, &error);
    pipeline_met(server->pipeline, met, &error);
}
