#include "clients/publisher/deliver.h"
#include "clients/publisher/encode.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/random.h>

enum {
    EXPIRY_LOOK_MS = 60000
};

int64_t deliver_now_ms(void)
{
    return clock_mono_ns() / 1000000;
}

void deliver_notice(const struct jejak *publisher, const char *format, ...)
{
    char sentence[ERROR_TEXT_BYTES];
    va_list args;
    if (!publisher->on_notice)
        return;
    va_start(args, format);
    vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    publisher->on_notice(publisher->argument, sentence);
}

/* With a spool, bytes beyond the bound are left to it. */
static void leave_to_spool(struct jejak *publisher, uint64_t seq)
{
    if (publisher->spool && publisher->outbox.bytes > publisher->memory_bytes)
        outbox_drop(&publisher->outbox, seq);
}

enum status deliver_seal(struct jejak *publisher)
{
    enum status status = outbox_reserve(&publisher->outbox, &publisher->error);
    if (status == STATUS_OK && publisher->spool)
        status = spool_seal(publisher->spool, clock_now_ms(), &publisher->error);
    if (status != STATUS_OK)
        return status;
    outbox_seal(&publisher->outbox);
    publisher->counters.batches++;
    leave_to_spool(publisher, stream_add(&publisher->stream));
    return STATUS_OK;
}

static enum status adopt_open(struct jejak *publisher)
{
    struct outbox *outbox = &publisher->outbox;
    uint32_t events = spool_open_events(publisher->spool);
    uint8_t *bytes;
    size_t size;
    if (events == 0)
        return STATUS_OK;
    uint64_t open_seq = spool_made(publisher->spool) + 1;
    enum status status = spool_load(publisher->spool, open_seq, &bytes, &size, &publisher->error);
    if (status != STATUS_OK)
        return status;
    outbox->open = (struct outbox_batch){.bytes = bytes, .size = size, .events = events};
    outbox->open_room = size;
    outbox->bytes += size;
    outbox->events += events;
    publisher->opened_ms = deliver_now_ms();
    return STATUS_OK;
}

enum status deliver_adopt(struct jejak *publisher)
{
    const struct spool *spool = publisher->spool;
    uint64_t settled = spool_settled(spool);
    outbox_free(&publisher->outbox);
    outbox_start(&publisher->outbox, settled);
    stream_start(&publisher->stream, spool_session(spool), settled, publisher->in_flight);
    for (uint64_t seq = settled + 1; seq <= spool_made(spool); seq++) {
        enum status status = outbox_reserve(&publisher->outbox, &publisher->error);
        if (status != STATUS_OK)
            return status;
        outbox_found(&publisher->outbox, spool_batch(spool, seq)->events);
        stream_add(&publisher->stream);
    }
    return adopt_open(publisher);
}

/* Batches too old to be sent go aside, the rest goes on in a new session. */
static enum status renew_expired(struct jejak *publisher, int64_t now_ms)
{
    uint8_t session[SESSION_BYTES];
    uint64_t batches, events;
    if (!publisher->spool || now_ms < publisher->expiry_look_ms)
        return STATUS_OK;
    publisher->expiry_look_ms = now_ms + EXPIRY_LOOK_MS;
    if (!spool_expired(publisher->spool, clock_now_ms()))
        return STATUS_OK;
    if (getrandom(session, sizeof session, 0) != sizeof session)
        return error_errno(&publisher->error, STATUS_SYSTEM, "random bytes");
    enum status status = spool_renew(publisher->spool, session, clock_now_ms(), &batches, &events, &publisher->error);
    if (status != STATUS_OK)
        return status;
    publisher->counters.set_aside += events;
    deliver_notice(publisher,
                   "%" PRIu64 " batches with %" PRIu64 " events are older than 29 days, or were sent with one "
                   "that is, and were set aside in the spool",
                   batches, events);
    return deliver_adopt(publisher);
}

static enum status load(struct jejak *publisher, uint64_t seq)
{
    uint8_t *bytes;
    size_t size;
    if (outbox_at(&publisher->outbox, seq)->bytes)
        return STATUS_OK;
    enum status status = spool_load(publisher->spool, seq, &bytes, &size, &publisher->error);
    if (status == STATUS_OK)
        outbox_hold(&publisher->outbox, seq, bytes, size);
    return status;
}

static bool hand_over(struct jejak *publisher, uint64_t seq)
{
    uint8_t bytes[ENCODE_HEAD_MAX];
    const struct outbox_batch *batch = outbox_at(&publisher->outbox, seq);
    struct encode_head head = {
        .session = publisher->stream.session,
        .seq = seq,
        .acked = publisher->stream.acked,
        .sent_ms = clock_now_ms(),
        .events = batch->events,
    };
    size_t size = encode_head(&head, bytes);
    return link_send(publisher->link, slice_of(bytes, size), slice_of(batch->bytes, batch->size));
}

static enum status send_due(struct jejak *publisher, int64_t now_ms, bool *busy)
{
    uint64_t seq;
    while (stream_send(&publisher->stream, now_ms, &seq)) {
        enum status status = load(publisher, seq);
        if (status != STATUS_OK || !hand_over(publisher, seq)) {
            stream_unsend(&publisher->stream, seq);
            return status;
        }
        publisher->counters.sendings++;
        leave_to_spool(publisher, seq);
        *busy = true;
    }
    return STATUS_OK;
}

static void count_answer(struct jejak *publisher, const struct answer *answer)
{
    publisher->counters.busy += answer->status == ANSWER_BUSY;
    publisher->counters.gaps += answer->status == ANSWER_GAP;
}

static void report(struct jejak *publisher, const struct answer *answer, enum jejak_outcome outcome)
{
    struct jejak_rejected list[REJECTED_MAX_LISTED];
    const struct outbox_batch *sent = outbox_at(&publisher->outbox, answer->seq);
    bool aside = outcome == JEJAK_SET_ASIDE;
    struct jejak_batch batch = {
        .seq = answer->seq,
        .outcome = outcome,
        .events = sent->events,
        .accepted = answer->accepted,
        .rejected = answer->rejected_total,
        .list = list,
        .listed = answer->rejected_count,
        .detail = aside ? answer->detail : NULL,
        .bytes = aside ? sent->bytes : NULL,
        .size = aside ? sent->size : 0,
    };
    for (uint32_t i = 0; i < answer->rejected_count; i++)
        list[i] = (struct jejak_rejected){answer->rejected[i].index, verdict_name(answer->rejected[i].verdict)};
    publisher->counters.accepted += answer->accepted;
    publisher->counters.rejected += answer->rejected_total;
    publisher->counters.duplicate += outcome == JEJAK_DUPLICATE ? sent->events : 0;
    publisher->counters.set_aside += aside ? sent->events : 0;
    if (publisher->on_batch)
        publisher->on_batch(publisher->argument, &batch);
}

static enum status set_aside(struct jejak *publisher, const struct answer *answer)
{
    report(publisher, answer, JEJAK_SET_ASIDE);
    deliver_notice(publisher, "batch %" PRIu64 " was refused (%s) and set aside: %s", answer->seq,
                   refusal_name(answer->refusal), answer->detail);
    if (!publisher->spool)
        return STATUS_OK;
    return spool_set_aside(publisher->spool, answer->seq, answer->detail, &publisher->error);
}

static enum status stopped(struct jejak *publisher)
{
    return error_set(&publisher->error, STATUS_PROTOCOL,
                     "this collector does not speak protocol version %d; everything is kept", WIRE_VERSION);
}

static enum status take_answer(struct jejak *publisher, struct slice bytes, int64_t now_ms)
{
    struct answer answer;
    struct answer_rejected rejected[REJECTED_MAX_LISTED];
    struct error ignored;
    if (answer_decode(bytes, &answer, rejected, &ignored) != STATUS_OK) {
        publisher->counters.unreadable++;
        return STATUS_OK;
    }
    count_answer(publisher, &answer);
    switch (stream_answer(&publisher->stream, &answer, now_ms)) {
    case STREAM_SETTLED:
        report(publisher, &answer, answer.status == ANSWER_OK ? JEJAK_STORED : JEJAK_DUPLICATE);
        return STATUS_OK;
    case STREAM_SET_ASIDE:
        return set_aside(publisher, &answer);
    case STREAM_STOPPED:
        return stopped(publisher);
    case STREAM_IGNORED:
    case STREAM_AGAIN:
        break;
    }
    return STATUS_OK;
}

/* Settled first in the spool's file, then here. */
static enum status forget_settled(struct jejak *publisher)
{
    uint64_t acked = publisher->stream.acked;
    if (acked == publisher->outbox.acked)
        return STATUS_OK;
    outbox_settle(&publisher->outbox, acked);
    return publisher->spool ? spool_settle(publisher->spool, acked, &publisher->error) : STATUS_OK;
}

static enum status receive_all(struct jejak *publisher, int64_t now_ms, bool *busy)
{
    struct slice bytes;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && link_receive(publisher->link, &bytes)) {
        status = take_answer(publisher, bytes, now_ms);
        *busy = true;
    }
    enum status forgotten = forget_settled(publisher);
    return status != STATUS_OK ? status : forgotten;
}

static enum status renew_lost(struct jejak *publisher, int64_t now_ms)
{
    if (!stream_lost(&publisher->stream, now_ms))
        return STATUS_OK;
    publisher->counters.connections++;
    deliver_notice(publisher, "no answer for %d s: connecting anew", STREAM_SILENCE_MS / 1000);
    return link_renew(publisher->link, &publisher->error);
}

static bool too_old(const struct jejak *publisher, int64_t now_ms)
{
    return publisher->outbox.open.events > 0 && publisher->batch_age_ms >= 0 &&
           now_ms - publisher->opened_ms >= publisher->batch_age_ms;
}

enum status deliver_round(struct jejak *publisher, bool *busy)
{
    int64_t now_ms = deliver_now_ms();
    enum status status = renew_expired(publisher, now_ms);
    if (status == STATUS_OK && too_old(publisher, now_ms))
        status = deliver_seal(publisher);
    if (status == STATUS_OK && publisher->stream.stopped)
        status = stopped(publisher);
    if (status == STATUS_OK)
        status = receive_all(publisher, now_ms, busy);
    if (status == STATUS_OK)
        status = renew_lost(publisher, now_ms);
    if (status == STATUS_OK)
        status = send_due(publisher, now_ms, busy);
    return status;
}

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

int deliver_patience_ms(const struct jejak *publisher, int64_t now_ms, int timeout_ms)
{
    int64_t until_ms = stream_wake_ms(&publisher->stream);
    if (publisher->outbox.open.events > 0 && publisher->batch_age_ms >= 0)
        until_ms = least(until_ms, publisher->opened_ms + publisher->batch_age_ms);
    if (until_ms <= now_ms)
        return timeout_ms < 1 ? timeout_ms : 1; /* the socket takes nothing now */
    return (int)least(timeout_ms, until_ms - now_ms);
}
