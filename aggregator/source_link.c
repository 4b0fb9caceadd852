/* The collector's reader socket. */
#include "aggregator/source_inner.h"

#include "common/secret.h"
#include "common/sock.h"

#include <stdlib.h>
#include <zmq.h>

enum {
    ANSWER_MAX_BYTES = BLOCK_MAX_BYTES + (2 << 20)
};

struct source_link {
    void *context, *socket;
    const struct config *config;
    bool has_keys;
    char server_public[KEY_TEXT_BYTES];
    struct keypair *own; /* in locked memory (common/secret.h); NULL: no keys are needed */
};

/* ipc and loopback need no keys; anything else is CURVE. */
static enum status keys_read(struct source_link *link, struct error *error)
{
    if (sock_endpoint_is_local(config_text(link->config, CONFIG_READER)))
        return STATUS_OK;
    const char *folder = config_text(link->config, CONFIG_KEYS);
    void *own = NULL;
    enum status status = secret_new(sizeof *link->own, &own, error);
    if (status != STATUS_OK)
        return status;
    link->own = own;
    const char *names[] = {"server.public", "reader.public", "reader.secret"};
    char *texts[] = {link->server_public, link->own->public_key, link->own->secret_key};
    for (size_t i = 0; i < ARRAY_COUNT(names) && status == STATUS_OK; i++) {
        char *path = mem_text("%s/%s", folder, names[i]);
        status = i == 2 ? keyfile_read_secret(path, texts[i], error) : keyfile_read_public(path, texts[i], error);
        free(path);
    }
    link->has_keys = status == STATUS_OK;
    return status;
}

static enum status link_connect(struct source_link *link, struct error *error)
{
    struct sock_options options = {.type = ZMQ_DEALER, .max_message_bytes = ANSWER_MAX_BYTES};
    if (link->has_keys) {
        options.server_public = link->server_public;
        options.client = link->own;
    }
    sock_close(link->socket);
    link->socket = NULL;
    enum status status = sock_open(link->context, &options, &link->socket, error);
    if (status == STATUS_OK)
        status = sock_connect(link->socket, config_text(link->config, CONFIG_READER), error);
    return status;
}

enum status source_link_open(const struct config *config, struct source_link **out, struct error *error)
{
    struct source_link *link = mem_new(1, sizeof *link);
    link->config = config;
    link->context = zmq_ctx_new();
    enum status status = keys_read(link, error);
    if (status == STATUS_OK)
        status = link_connect(link, error);
    if (status != STATUS_OK) {
        source_link_close(link);
        return status;
    }
    *out = link;
    return STATUS_OK;
}

void source_link_close(struct source_link *link)
{
    if (!link)
        return;
    sock_close(link->socket);
    zmq_ctx_term(link->context);
    secret_free(link->own);
    free(link);
}

void *source_link_socket(const struct source_link *link)
{
    return link->socket;
}

enum status source_link_ask(struct source_link *link, const struct cells_position *from, uint32_t wait_ms,
                            struct error *error)
{
    struct fetch_request request = {.has_log = from->has_log,
                                    .epoch = from->epoch,
                                    .offset = from->offset,
                                    .learners = from->learners,
                                    .max_bytes = FETCH_MAX_BYTES,
                                    .wait_ms = wait_ms < FETCH_MAX_WAIT_MS ? wait_ms : FETCH_MAX_WAIT_MS};
    memcpy(request.log_id, from->log_id, LOG_ID_BYTES);
    if (!link->socket) {
        enum status status = link_connect(link, error);
        if (status != STATUS_OK)
            return status;
    }
    struct slice bytes = fetch_request_encode(&request);
    int sent = zmq_send(link->socket, bytes.data, bytes.size, ZMQ_DONTWAIT);
    free((void *)(uintptr_t)bytes.data);
    if (sent >= 0)
        return STATUS_OK;
    return error_set(error, STATUS_UNAVAILABLE, "%s: the request cannot be sent: %s",
                     config_text(link->config, CONFIG_READER), zmq_strerror(zmq_errno()));
}

/* An answer that comes too late must not be taken for that of the next request: a new socket. */
static enum status give_up(struct source_link *link, struct error *error)
{
    sock_close(link->socket);
    link->socket = NULL;
    return error_set(error, STATUS_UNAVAILABLE, "%s: no collector answers there",
                     config_text(link->config, CONFIG_READER));
}

static bool part_take(void *socket, struct source_records *records, bool *more)
{
    zmq_msg_t part;
    zmq_msg_init(&part);
    int size = zmq_msg_recv(&part, socket, ZMQ_DONTWAIT);
    if (size >= 0) {
        memcpy(source_records_add(records, (size_t)size), zmq_msg_data(&part), (size_t)size);
        *more = zmq_msg_more(&part) != 0;
    }
    zmq_msg_close(&part);
    return size >= 0;
}

static enum status answer_judge(const struct fetch_answer *answer, struct error *error)
{
    int size = (int)answer->detail.size;
    const char *detail = size > 0 ? (const char *)answer->detail.data : "no reason given";
    size = size > 0 ? size : (int)strlen(detail);
    switch (answer->status) {
    case FETCH_OK:
        return STATUS_OK;
    case FETCH_FORKED:
        return source_forked(error);
    case FETCH_MALFORMED:
        return error_set(error, STATUS_PROTOCOL, "the collector does not take our request: %.*s", size, detail);
    case FETCH_FAILED:
    case FETCH_STATUS_COUNT:
        break;
    }
    return error_set(error, STATUS_UNAVAILABLE, "the collector cannot read its log: %.*s", size, detail);
}

enum status source_link_take(struct source_link *link, int timeout_ms, struct source_records *records,
                             struct source_chunk *chunk, struct error *error)
{
    zmq_pollitem_t item = {.socket = link->socket, .events = ZMQ_POLLIN};
    struct fetch_answer answer;
    if (!link->socket || zmq_poll(&item, 1, timeout_ms) <= 0)
        return give_up(link, error);
    for (bool more = true; more;)
        if (!part_take(link->socket, records, &more)) /* parts of a message arrive together */
            return give_up(link, error);
    enum status status = fetch_answer_decode(records->records[0], &answer, error);
    if (status == STATUS_OK)
        status = answer_judge(&answer, error);
    if (status != STATUS_OK)
        return status;
    memcpy(chunk->log_id, answer.log_id, LOG_ID_BYTES);
    chunk->epoch = answer.epoch;
    chunk->durable = answer.durable;
    chunk->next = answer.next;
    chunk->learners = answer.learners; /* in the arena, as its part is */
    records->count--;
    memmove(records->records, records->records + 1, records->count * sizeof *records->records);
    return STATUS_OK;
}
