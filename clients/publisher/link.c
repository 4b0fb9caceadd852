#include "clients/publisher/link.h"
#include "common/secret.h"
#include "common/sock.h"
#include "common/wire.h"

#include <stdlib.h>
#include <zmq.h>

enum {
    LINK_QUEUE = 2 * BATCH_MAX_IN_FLIGHT
};

struct link {
    void *context;
    void *socket;
    char *endpoint;
    bool curve;
    char server_public[KEY_TEXT_BYTES];
    struct keypair *pair; /* in locked memory (common/secret.h) */
    zmq_msg_t answer;
};

enum status link_renew(struct link *link, struct error *error)
{
    struct sock_options options = {.type = ZMQ_DEALER, .high_water_mark = LINK_QUEUE};
    if (link->curve) {
        options.server_public = link->server_public;
        options.client = link->pair;
    }
    void *socket = NULL;
    enum status status = sock_open(link->context, &options, &socket, error);
    if (status == STATUS_OK)
        status = sock_connect(socket, link->endpoint, error);
    if (status != STATUS_OK) {
        sock_close(socket);
        return status;
    }
    sock_close(link->socket);
    link->socket = socket;
    return STATUS_OK;
}

static enum status take_keys(struct link *link, const char *server_public, const struct keypair *pair,
                             struct error *error)
{
    uint8_t bytes[KEY_BYTES];
    if (!server_public || !pair)
        return STATUS_OK;
    if (!link_key_bytes(server_public, bytes))
        return error_set(error, STATUS_USAGE, "the collector's key is not 40 characters of Z85");
    if (!link_key_bytes(pair->public_key, bytes) || !link_key_bytes(pair->secret_key, bytes))
        return error_set(error, STATUS_USAGE, "the publisher's own keys are not 40 characters of Z85 each");
    explicit_bzero(bytes, sizeof bytes);
    void *memory = NULL;
    enum status status = secret_new(sizeof *link->pair, &memory, error);
    if (status != STATUS_OK)
        return status;
    memcpy(link->server_public, server_public, KEY_TEXT_BYTES);
    link->pair = memory;
    *link->pair = *pair;
    link->curve = true;
    return STATUS_OK;
}

enum status link_open(const char *endpoint, const char *server_public, const struct keypair *pair, struct link **link,
                      struct error *error)
{
    if (!server_public && !sock_endpoint_is_local(endpoint))
        return error_set(error, STATUS_USAGE,
                         "%s is not on this machine: a plain connection goes to loopback or ipc only", endpoint);
    struct link *opened = calloc(1, sizeof *opened);
    if (!opened)
        return error_set(error, STATUS_SYSTEM, "no memory for a connection");
    zmq_msg_init(&opened->answer);
    opened->endpoint = strdup(endpoint);
    opened->context = zmq_ctx_new();
    enum status status = STATUS_OK;
    if (!opened->endpoint || !opened->context)
        status = error_set(error, STATUS_SYSTEM, "no memory for a connection");
    if (status == STATUS_OK)
        status = take_keys(opened, server_public, pair, error);
    if (status == STATUS_OK)
        status = link_renew(opened, error);
    if (status != STATUS_OK) {
        link_close(opened);
        return status;
    }
    *link = opened;
    return STATUS_OK;
}

void link_close(struct link *link)
{
    if (!link)
        return;
    zmq_msg_close(&link->answer);
    sock_close(link->socket);
    if (link->context)
        zmq_ctx_term(link->context);
    secret_free(link->pair);
    free(link->endpoint);
    free(link);
}

bool link_send(struct link *link, struct slice head, struct slice body)
{
    zmq_msg_t message;
    if (zmq_msg_init_size(&message, head.size + body.size) != 0)
        return false;
    memcpy(zmq_msg_data(&message), head.data, head.size);
    memcpy((uint8_t *)zmq_msg_data(&message) + head.size, body.data, body.size);
    if (zmq_msg_send(&message, link->socket, ZMQ_DONTWAIT) >= 0)
        return true;
    zmq_msg_close(&message);
    return false;
}

/* The last part of the next message; *parts: how many it had, *empty: were those before it empty. */
static bool receive_last(struct link *link, unsigned *parts, bool *empty)
{
    *parts = 0;
    *empty = true;
    do {
        if (*parts > 0)
            *empty = *empty && zmq_msg_size(&link->answer) == 0;
        zmq_msg_close(&link->answer);
        zmq_msg_init(&link->answer);
        if (zmq_msg_recv(&link->answer, link->socket, ZMQ_DONTWAIT) < 0)
            return false;
        (*parts)++;
    } while (zmq_msg_more(&link->answer));
    return true;
}

bool link_receive(struct link *link, struct slice *answer)
{
    unsigned parts;
    bool empty;
    while (receive_last(link, &parts, &empty)) {
        if (parts > 2 || !empty)
            continue;
        *answer = slice_of(zmq_msg_data(&link->answer), zmq_msg_size(&link->answer));
        return true;
    }
    return false;
}

void link_wait(struct link *link, int timeout_ms)
{
    zmq_pollitem_t item = {.socket = link->socket, .events = ZMQ_POLLIN};
    zmq_poll(&item, 1, timeout_ms);
}

bool link_key_bytes(const char *text, uint8_t key[KEY_BYTES])
{
    return strlen(text) == KEY_TEXT_BYTES - 1 && zmq_z85_decode(key, text) != NULL;
}
