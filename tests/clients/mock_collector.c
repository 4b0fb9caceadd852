#include "tests/clients/mock_collector.h"

#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

static struct mock_session *session_of(struct mock *mock, const uint8_t *id, uint64_t acked)
{
    for (size_t i = 0; i < mock->session_count; i++)
        if (memcmp(mock->sessions[i].id, id, SESSION_BYTES) == 0)
            return &mock->sessions[i];
    ensure(mock->session_count < MOCK_SESSIONS);
    struct mock_session *session = &mock->sessions[mock->session_count++];
    memcpy(session->id, id, SESSION_BYTES);
    session->stored = acked;
    return session;
}

static void store(struct mock *mock, struct wire_batch *batch, struct answer *answer, struct answer_rejected *rejected)
{
    struct event event;
    enum verdict verdict;
    uint32_t index = 0;
    while (wire_event_next(batch, &event, &verdict)) {
        if (verdict == VERDICT_ACCEPTED)
            verdict = event_check(&event, 1000, TIME_MAX_MS); /* the first second of 1970 has expired */
        if (verdict == VERDICT_ACCEPTED) {
            answer->accepted++;
            if (event.kind == KIND_DWELL && event.value < MOCK_EVENTS)
                mock->times_stored[event.value]++;
        } else {
            answer->rejected_total++;
            if (answer->rejected_count < REJECTED_MAX_LISTED)
                rejected[answer->rejected_count++] = (struct answer_rejected){index, verdict};
        }
        index++;
    }
    ensure(wire_batch_finish(batch));
    mock->batches++;
    mock->events += answer->accepted;
}

/* False: no answer. */
static bool judge(struct mock *mock, struct wire_batch *batch, struct answer *answer, struct answer_rejected *rejected)
{
    struct mock_session *session = session_of(mock, batch->session, batch->acked);
    enum mock_way way = mock->meddle ? mock->meddle(mock, batch) : MOCK_NORMAL;
    mock->acked = batch->acked;
    if (way == MOCK_IGNORE)
        return false;
    if (way == MOCK_REFUSE_VERSION) {
        answer->status = ANSWER_REFUSED;
        answer->refusal = REFUSAL_VERSION;
    } else if (batch->seq <= session->stored) {
        answer->status = ANSWER_DUPLICATE;
    } else if (batch->seq != session->stored + 1) {
        answer->status = ANSWER_GAP;
        answer->expected = session->stored + 1;
    } else if (way == MOCK_BUSY) {
        answer->status = ANSWER_BUSY;
        answer->retry_ms = 50;
    } else if (way == MOCK_REFUSE) {
        answer->status = ANSWER_REFUSED;
        answer->refusal = REFUSAL_MALFORMED;
        snprintf(answer->detail, sizeof answer->detail, "the mock does not like it");
        session->stored++;
    } else {
        answer->status = ANSWER_OK;
        store(mock, batch, answer, rejected);
        session->stored++;
    }
    return way != MOCK_STORE_ONLY;
}

static void serve(struct mock *mock, struct packer *buffer, struct slice routing, struct slice message)
{
    struct wire_batch batch;
    struct answer_rejected rejected[REJECTED_MAX_LISTED];
    struct answer answer = {.has_session = true, .has_seq = true, .rejected = rejected};
    mock->messages++;
    if (routing.size <= sizeof mock->routing && memcmp(mock->routing, routing.data, routing.size) != 0) {
        memcpy(mock->routing, routing.data, routing.size);
        mock->connections++;
    }
    ensure(wire_batch_read(message, &batch) == WIRE_OK);
    memcpy(answer.session, batch.session, SESSION_BYTES);
    answer.seq = batch.seq;
    if (!judge(mock, &batch, &answer, rejected))
        return;
    struct slice bytes = answer_encode(buffer, &answer);
    zmq_send(mock->socket, routing.data, routing.size, ZMQ_SNDMORE);
    zmq_send(mock->socket, bytes.data, bytes.size, 0);
}

static void *run(void *argument)
{
    struct mock *mock = argument;
    struct packer *buffer = packer_open();
    while (!mock->stop) {
        zmq_pollitem_t item = {.socket = mock->socket, .events = ZMQ_POLLIN};
        if (zmq_poll(&item, 1, 20) <= 0)
            continue;
        zmq_msg_t routing, message;
        zmq_msg_init(&routing);
        zmq_msg_init(&message);
        zmq_msg_recv(&routing, mock->socket, 0);
        zmq_msg_recv(&message, mock->socket, 0);
        serve(mock, buffer, slice_of(zmq_msg_data(&routing), zmq_msg_size(&routing)),
              slice_of(zmq_msg_data(&message), zmq_msg_size(&message)));
        zmq_msg_close(&routing);
        zmq_msg_close(&message);
    }
    packer_close(buffer);
    return NULL;
}

void mock_start(struct mock *mock, const char *endpoint)
{
    int on = 1, none = 0;
    if (!mock->times_stored)
        mock->times_stored = calloc(MOCK_EVENTS, 1);
    snprintf(mock->endpoint, sizeof mock->endpoint, "%s", endpoint);
    mock->context = zmq_ctx_new();
    mock->socket = zmq_socket(mock->context, ZMQ_ROUTER);
    zmq_setsockopt(mock->socket, ZMQ_LINGER, &none, sizeof none);
    if (mock->server_secret) {
        zmq_setsockopt(mock->socket, ZMQ_CURVE_SERVER, &on, sizeof on);
        zmq_setsockopt(mock->socket, ZMQ_CURVE_SECRETKEY, mock->server_secret, 41);
    }
    ensure(zmq_bind(mock->socket, endpoint) == 0);
    mock->stop = false;
    ensure(pthread_create(&mock->thread, NULL, run, mock) == 0);
}

void mock_stop(struct mock *mock)
{
    mock->stop = true;
    pthread_join(mock->thread, NULL);
    zmq_close(mock->socket);
    zmq_ctx_term(mock->context);
}

void mock_free(struct mock *mock)
{
    free(mock->times_stored);
    mock->times_stored = NULL;
}
