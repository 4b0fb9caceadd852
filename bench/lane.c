#include "bench/lane.h"

#include <inttypes.h>
#include <sys/random.h>

enum {
    MS_NS = 1000000
};

enum status lane_open(uint32_t connection, uint32_t in_flight, struct batches batches, struct latency *latency,
                      struct lane *lane, struct error *error)
{
    uint8_t session[SESSION_BYTES];
    if (getrandom(session, sizeof session, 0) != sizeof session)
        return error_errno(error, STATUS_SYSTEM, "random bytes");
    *lane =
        (struct lane){.connection = connection, .batches = batches, .batches_left = batches.count, .latency = latency};
    stream_start(&lane->stream, session, 0, in_flight);
    return STATUS_OK;
}

void lane_close(struct lane *lane)
{
    batches_close(&lane->batches);
}

/* ---- what is to be sent ----------------------------------------------------------------------------------------- */

static size_t index_of(const struct lane *lane, uint64_t seq)
{
    return (seq - 1) % lane->batches.count;
}

static uint32_t events_of(const struct lane *lane, uint64_t seq)
{
    return lane->batches.list[index_of(lane, seq)].events;
}

static int64_t *meant_of(struct lane *lane, uint64_t seq)
{
    return &lane->meant_ns[seq % STREAM_WINDOW_MAX];
}

/* When the next batch that does not exist yet is meant; INT64_MAX: there is none. */
static int64_t next_ns(const struct lane *lane, const struct lane_clock *clock, int64_t now_ns)
{
    int64_t meant_ns = lane->paced ? pace_next_ns(&lane->pace) : now_ns;
    return lane->batches_left > 0 && meant_ns < clock->until_ns ? meant_ns : INT64_MAX;
}

static bool has_room(const struct lane *lane)
{
    return lane->stream.made - lane->stream.acked < lane->stream.window;
}

static void make_batch(struct lane *lane, int64_t meant_ns)
{
    uint64_t seq = stream_add(&lane->stream);
    *meant_of(lane, seq) = lane->paced ? meant_ns : 0;
    lane->sent[seq % STREAM_WINDOW_MAX] = slice_of(NULL, 0);
    if (lane->batches_left != UINT64_MAX)
        lane->batches_left--;
    if (lane->paced)
        pace_advance(&lane->pace, lane->by_events ? events_of(lane, seq) : 1);
}

/* ---- sending ---------------------------------------------------------------------------------------------------- */

/* Written anew until ZeroMQ has taken it; from then on it is the same. */
static struct slice message_of(struct lane *lane, uint64_t seq, int64_t now_ns)
{
    struct slice message = lane->sent[seq % STREAM_WINDOW_MAX];
    if (message.size > 0)
        return message;
    struct encode_head head = {
        .session = lane->stream.session, .seq = seq, .acked = lane->stream.acked, .sent_ms = clock_now_ms()};
    if (lane->newcomers)
        batches_renumber(&lane->batches, index_of(lane, seq), lane->newcomers);
    if (*meant_of(lane, seq) == 0)
        *meant_of(lane, seq) = now_ns;
    return batches_message(&lane->batches, index_of(lane, seq), head);
}

static void note_sent(struct lane *lane, uint64_t seq, struct slice message, int64_t now_ns)
{
    struct slice *sent = &lane->sent[seq % STREAM_WINDOW_MAX];
    if (sent->size > 0) {
        lane->counts.resent++;
        return;
    }
    *sent = message;
    lane->counts.bytes += message.size;
    if (now_ns - *meant_of(lane, seq) > lane->counts.late_ns)
        lane->counts.late_ns = now_ns - *meant_of(lane, seq);
}

static enum status send_batch(struct lane *lane, struct trunk *trunk, uint64_t seq, bool *taken, struct error *error)
{
    int64_t now_ns = clock_mono_ns(); /* for each: a large message takes its time */
    struct slice message = message_of(lane, seq, now_ns);
    void *bytes = lane->batches.bytes + (message.data - lane->batches.bytes);
    enum status status = trunk_send(trunk, lane->connection, bytes, message.size, taken, error);
    if (*taken)
        note_sent(lane, seq, message, now_ns);
    return status;
}

/* An open loop's batches exist when they are meant; a closed loop's when nothing waits. */
static void make_due(struct lane *lane, const struct lane_clock *clock, int64_t now_ns)
{
    for (int64_t meant_ns; has_room(lane) && (meant_ns = next_ns(lane, clock, now_ns)) <= now_ns;)
        make_batch(lane, meant_ns);
}

static int64_t wake_of(const struct lane *lane, const struct lane_clock *clock, int64_t now_ns)
{
    int64_t stream_ms = stream_wake_ms(&lane->stream), wake_ns = INT64_MAX;
    if (stream_ms != INT64_MAX)
        wake_ns = stream_ms * MS_NS;
    int64_t meant_ns = has_room(lane) ? next_ns(lane, clock, now_ns) : INT64_MAX;
    return meant_ns < wake_ns ? meant_ns : wake_ns;
}

enum status lane_send(struct lane *lane, struct trunk *trunk, const struct lane_clock *clock, int64_t *wake_ns,
                      struct error *error)
{
    int64_t now_ns = clock_mono_ns();
    stream_lost(&lane->stream, now_ns / MS_NS); /* ZeroMQ makes the connection anew; what was on its way goes again */
    make_due(lane, clock, now_ns);
    for (uint64_t seq; stream_send(&lane->stream, now_ns / MS_NS, &seq);) {
        bool taken = false;
        enum status status = send_batch(lane, trunk, seq, &taken, error);
        if (!taken) {
            stream_unsend(&lane->stream, seq);
            *wake_ns = now_ns + MS_NS;
            return status;
        }
    }
    *wake_ns = wake_of(lane, clock, now_ns);
    return STATUS_OK;
}

/* ---- answers ---------------------------------------------------------------------------------------------------- */

static enum status judge(struct lane *lane, const struct answer *answer, struct error *error)
{
    uint32_t events = events_of(lane, answer->seq);
    if (answer->status == ANSWER_DUPLICATE) {
        lane->counts.duplicate++;
        return STATUS_OK;
    }
    if (answer->status != ANSWER_OK)
        return error_set(error, STATUS_PROTOCOL, "batch %" PRIu64 " was answered %s %s", answer->seq,
                         answer_status_name(answer->status), answer->detail);
    if (answer->accepted != events)
        return error_set(error, STATUS_DATA, "batch %" PRIu64 ": %" PRIu32 " of %" PRIu32 " events accepted, %s first",
                         answer->seq, answer->accepted, events,
                         answer->rejected_count > 0 ? verdict_name(answer->rejected[0].verdict) : "nothing");
    return STATUS_OK;
}

static enum status settle(struct lane *lane, const struct answer *answer, const struct lane_clock *clock,
                          int64_t *settled_ns, struct error *error)
{
    enum status status = judge(lane, answer, error);
    if (status != STATUS_OK)
        return status;
    int64_t now_ns = lane->answered_ns, meant_ns = *meant_of(lane, answer->seq);
    uint32_t events = events_of(lane, answer->seq);
    lane->counts.events += events;
    lane->counts.batches++;
    if (now_ns >= clock->from_ns && now_ns < clock->until_ns) {
        lane->counts.measured_events += events;
        lane->counts.measured_batches++;
    }
    if (meant_ns >= clock->from_ns && meant_ns < clock->until_ns)
        latency_record(lane->latency, now_ns - meant_ns);
    *settled_ns = now_ns - meant_ns;
    return STATUS_OK;
}

enum status lane_receive(struct lane *lane, struct slice bytes, const struct lane_clock *clock, int64_t *settled_ns,
                         struct error *error)
{
    struct answer answer;
    struct answer_rejected rejected[REJECTED_MAX_LISTED];
    *settled_ns = -1;
    enum status status = answer_decode(bytes, &answer, rejected, error);
    if (status != STATUS_OK)
        return status;
    lane->counts.busy += answer.status == ANSWER_BUSY;
    lane->answered_ns = clock_mono_ns();
    switch (stream_answer(&lane->stream, &answer, lane->answered_ns / MS_NS)) {
    case STREAM_IGNORED:
    case STREAM_AGAIN:
        return STATUS_OK;
    case STREAM_SETTLED:
    case STREAM_SET_ASIDE:
        return settle(lane, &answer, clock, settled_ns, error);
    case STREAM_STOPPED:
    default:
        return error_set(error, STATUS_PROTOCOL, "the collector refuses this protocol version");
    }
}

/* ---- the end ---------------------------------------------------------------------------------------------------- */

bool lane_done(const struct lane *lane, const struct lane_clock *clock)
{
    return stream_idle(&lane->stream) && next_ns(lane, clock, clock_mono_ns()) == INT64_MAX;
}

uint64_t lane_abandon(struct lane *lane, const struct lane_clock *clock, int64_t now_ns)
{
    uint64_t abandoned = 0;
    uint64_t seq = lane->stream.made;
    for (int64_t meant_ns; (meant_ns = next_ns(lane, clock, now_ns)) <= now_ns; abandoned++) {
        if (meant_ns >= clock->from_ns)
            latency_record(lane->latency, now_ns - meant_ns);
        if (lane->batches_left != UINT64_MAX)
            lane->batches_left--;
        pace_advance(&lane->pace, lane->by_events ? events_of(lane, ++seq) : 1);
    }
    lane->batches_left = 0;
    return abandoned;
}
