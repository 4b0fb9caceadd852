#include "bench/lane.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/random.h>
#include <zmq.h>

enum status lane_open(void *context, const char *endpoint, const struct sock_options *options, uint32_t in_flight,
                      struct batches batches, struct lane *lane, struct error *error)
{
    uint8_t session[SESSION_BYTES];
    if (getrandom(session, sizeof session, 0) != sizeof session)
        return error_errno(error, STATUS_SYSTEM, "random bytes");
    *lane = (struct lane){.batches = batches, .latency_ns = mem_new(batches.count, sizeof *lane->latency_ns)};
    stream_start(&lane->stream, session, 0, in_flight);
    for (size_t i = 0; i < batches.count; i++)
        stream_add(&lane->stream);
    enum status status = sock_open(context, options, &lane->socket, error);
    return status == STATUS_OK ? sock_connect(lane->socket, endpoint, error) : status;
}

void lane_close(struct lane *lane)
{
    sock_close(lane->socket);
    free(lane->latency_ns);
    batches_close(&lane->batches);
}

/* *taken: the socket has it. */
static enum status send_batch(struct lane *lane, uint64_t seq, bool *taken, struct error *error)
{
    struct encode_head head = {
        .session = lane->stream.session, .seq = seq, .acked = lane->stream.acked, .sent_ms = clock_now_ms()};
    struct slice bytes = batches_message(&lane->batches, seq - 1, head);
    zmq_msg_t message;
    void *data = lane->batches.bytes + (bytes.data - lane->batches.bytes);
    if (zmq_msg_init_data(&message, data, bytes.size, NULL, NULL) != 0)
        return error_errno(error, STATUS_SYSTEM, "a message of %zu bytes", bytes.size);
    *taken = zmq_msg_send(&message, lane->socket, ZMQ_DONTWAIT) >= 0;
    if (*taken)
        return STATUS_OK;
    zmq_msg_close(&message);
    return zmq_errno() == EAGAIN ? STATUS_OK : error_errno(error, STATUS_SYSTEM, "sending");
}

enum status lane_send(struct lane *lane, struct error *error)
{
    int64_t now_ns = clock_mono_ns();
    for (uint64_t seq; stream_send(&lane->stream, now_ns / 1000000, &seq);) {
        bool taken = false;
        enum status status = send_batch(lane, seq, &taken, error);
        if (!taken) {
            stream_unsend(&lane->stream, seq);
            return status;
        }
        if (lane->latency_ns[seq - 1] == 0)
            lane->latency_ns[seq - 1] = now_ns;
    }
    return STATUS_OK;
}

static enum status settle(struct lane *lane, const struct answer *answer, struct error *error)
{
    uint32_t events = lane->batches.list[answer->seq - 1].events;
    if (answer->status != ANSWER_OK)
        return error_set(error, STATUS_PROTOCOL, "batch %" PRIu64 " was answered %s %s", answer->seq,
                         answer_status_name(answer->status), answer->detail);
    if (answer->accepted != events)
        return error_set(error, STATUS_DATA, "batch %" PRIu64 ": %" PRIu32 " of %" PRIu32 " events accepted, %s first",
                         answer->seq, answer->accepted, events,
                         answer->rejected_count > 0 ? verdict_name(answer->rejected[0].verdict) : "nothing");
    lane->accepted += answer->accepted;
    lane->latency_ns[answer->seq - 1] = clock_mono_ns() - lane->latency_ns[answer->seq - 1];
    return STATUS_OK;
}

static enum status take_answer(struct lane *lane, struct slice bytes, uint64_t *settled, struct error *error)
{
    struct answer answer;
    struct answer_rejected rejected[REJECTED_MAX_LISTED];
    enum status status = answer_decode(bytes, &answer, rejected, error);
    if (status != STATUS_OK)
        return status;
    lane->busy += answer.status == ANSWER_BUSY;
    switch (stream_answer(&lane->stream, &answer, clock_mono_ns() / 1000000)) {
    case STREAM_IGNORED:
    case STREAM_AGAIN:
        return STATUS_OK;
    case STREAM_SETTLED:
    case STREAM_SET_ASIDE:
        ++*settled;
        return settle(lane, &answer, error);
    case STREAM_STOPPED:
    default:
        return error_set(error, STATUS_PROTOCOL, "the collector refuses this protocol version");
    }
}

enum status lane_receive(struct lane *lane, uint64_t *settled, struct error *error)
{
    for (;;) {
        zmq_msg_t message;
        zmq_msg_init(&message);
        if (zmq_msg_recv(&message, lane->socket, ZMQ_DONTWAIT) < 0) {
            zmq_msg_close(&message);
            return zmq_errno() == EAGAIN ? STATUS_OK : error_errno(error, STATUS_SYSTEM, "receiving");
        }
        struct slice bytes = slice_of(zmq_msg_data(&message), zmq_msg_size(&message));
        enum status status = take_answer(lane, bytes, settled, error);
        zmq_msg_close(&message);
        if (status != STATUS_OK)
            return status;
    }
}

bool lane_done(const struct lane *lane)
{
    return stream_idle(&lane->stream);
}
