#include "clients/publisher/stream.h"

static struct stream_slot *slot_of(struct stream *stream, uint64_t seq)
{
    return &stream->slots[seq % STREAM_WINDOW_MAX];
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* The last batch that may have been sent. */
static uint64_t window_end(const struct stream *stream)
{
    return least(stream->made, stream->acked + stream->window);
}

/* The last batch that may be sent now. */
static uint64_t pace_end(const struct stream *stream)
{
    return least(stream->made, stream->acked + stream->pace);
}

void stream_start(struct stream *stream, const uint8_t session[SESSION_BYTES], uint64_t settled, uint32_t window)
{
    ensure(window >= 1 && window <= STREAM_WINDOW_MAX);
    *stream = (struct stream){.acked = settled, .made = settled, .window = window};
    stream->pace = (uint32_t)least(window, STREAM_FIRST_PACE);
    memcpy(stream->session, session, SESSION_BYTES);
}

uint64_t stream_add(struct stream *stream)
{
    return ++stream->made;
}

bool stream_settled(const struct stream *stream, uint64_t seq)
{
    if (seq <= stream->acked)
        return true;
    return seq <= window_end(stream) && stream->slots[seq % STREAM_WINDOW_MAX].state == STREAM_DONE;
}

bool stream_idle(const struct stream *stream)
{
    return stream->acked == stream->made;
}

bool stream_send(struct stream *stream, int64_t now_ms, uint64_t *seq)
{
    if (stream->stopped || now_ms < stream->hold_until_ms)
        return false;
    uint64_t end = pace_end(stream);
    for (uint64_t at = stream->acked + 1; at <= end; at++) {
        struct stream_slot *slot = slot_of(stream, at);
        if (slot->state != STREAM_WAITING)
            continue;
        if (stream->flying++ == 0)
            stream->heard_ms = now_ms;
        slot->state = STREAM_FLYING;
        slot->last_order = ++stream->order;
        slot->sent_ms = now_ms;
        if (slot->first_order == 0)
            slot->first_order = slot->last_order;
        *seq = at;
        return true;
    }
    return false;
}

static void wait_again(struct stream *stream, struct stream_slot *slot)
{
    if (slot->state != STREAM_FLYING)
        return;
    slot->state = STREAM_WAITING;
    stream->flying--;
}

static void wait_again_from(struct stream *stream, uint64_t seq)
{
    uint64_t end = window_end(stream);
    for (uint64_t at = seq > stream->acked ? seq : stream->acked + 1; at <= end; at++)
        wait_again(stream, slot_of(stream, at));
}

void stream_unsend(struct stream *stream, uint64_t seq)
{
    struct stream_slot *slot = slot_of(stream, seq);
    ensure(slot->state == STREAM_FLYING && slot->last_order == stream->order);
    wait_again(stream, slot);
    if (slot->first_order == slot->last_order)
        slot->first_order = 0;
}

/* The batches before this one whose last sending lies before its first: their answers will not come any more. */
static bool overtaken(struct stream *stream, uint64_t seq)
{
    uint64_t first_order = slot_of(stream, seq)->first_order;
    bool any = false;
    for (uint64_t at = stream->acked + 1; at < seq; at++) {
        struct stream_slot *slot = slot_of(stream, at);
        if (slot->state != STREAM_FLYING || slot->last_order > first_order)
            continue;
        wait_again(stream, slot);
        any = true;
    }
    return any;
}

static void slow_down(struct stream *stream)
{
    stream->pace = stream->pace > 1 ? stream->pace / 2 : 1;
    stream->paced_order = stream->order;
}

static void set_pace(struct stream *stream, const struct stream_slot *slot, int64_t now_ms)
{
    if (now_ms - slot->sent_ms < STREAM_SLOW_MS)
        stream->pace = (uint32_t)least(stream->window, stream->pace + 1);
    else if (slot->last_order > stream->paced_order)
        slow_down(stream);
}

static void settle(struct stream *stream, uint64_t seq, int64_t now_ms)
{
    set_pace(stream, slot_of(stream, seq), now_ms);
    wait_again(stream, slot_of(stream, seq));
    slot_of(stream, seq)->state = STREAM_DONE;
    stream->gap_expected = 0;
    while (stream->acked < stream->made && slot_of(stream, stream->acked + 1)->state == STREAM_DONE)
        *slot_of(stream, ++stream->acked) = (struct stream_slot){0};
}

/* An `expected` at or below `acked` comes of a message that told an older `acked`: the renewed one will tell. */
static bool go_on_from(struct stream *stream, const struct answer *answer)
{
    if (answer->expected == 0 || answer->expected >= answer->seq || answer->expected == stream->gap_expected)
        return false;
    stream->gap_expected = answer->expected;
    wait_again_from(stream, answer->expected);
    return true;
}

static void pause_from(struct stream *stream, const struct answer *answer, int64_t now_ms)
{
    stream->hold_until_ms = now_ms + (int64_t)least(answer->retry_ms, STREAM_RETRY_MAX_MS);
    wait_again_from(stream, answer->seq);
}

/* Is it about a batch that was sent on this connection and is not settled? */
static bool concerns(const struct stream *stream, uint64_t seq)
{
    if (seq <= stream->acked || seq > window_end(stream))
        return false;
    const struct stream_slot *slot = &stream->slots[seq % STREAM_WINDOW_MAX];
    return slot->first_order > 0 && slot->state != STREAM_DONE;
}

/* A collector of another version may not even have read the session. */
static bool refuses_version(const struct stream *stream, const struct answer *answer)
{
    bool ours = !answer->has_session || memcmp(answer->session, stream->session, SESSION_BYTES) == 0;
    return ours && answer->status == ANSWER_REFUSED && answer->refusal == REFUSAL_VERSION;
}

enum stream_outcome stream_answer(struct stream *stream, const struct answer *answer, int64_t now_ms)
{
    if (refuses_version(stream, answer)) {
        stream->stopped = true;
        return STREAM_STOPPED;
    }
    if (!answer->has_session || memcmp(answer->session, stream->session, SESSION_BYTES) != 0)
        return STREAM_IGNORED;
    stream->heard_ms = now_ms;
    if (!answer->has_seq || !concerns(stream, answer->seq))
        return STREAM_IGNORED;
    bool again = overtaken(stream, answer->seq);
    switch (answer->status) {
    case ANSWER_OK:
    case ANSWER_DUPLICATE:
        settle(stream, answer->seq, now_ms);
        return STREAM_SETTLED;
    case ANSWER_REFUSED:
        settle(stream, answer->seq, now_ms);
        return STREAM_SET_ASIDE;
    case ANSWER_GAP:
        again |= go_on_from(stream, answer);
        return again ? STREAM_AGAIN : STREAM_IGNORED;
    case ANSWER_BUSY:
        pause_from(stream, answer, now_ms);
        return STREAM_AGAIN;
    case ANSWER_STATUS_COUNT:
        break;
    }
    return STREAM_IGNORED;
}

bool stream_lost(struct stream *stream, int64_t now_ms)
{
    if (stream->flying == 0 || now_ms - stream->heard_ms < STREAM_SILENCE_MS)
        return false;
    wait_again_from(stream, stream->acked + 1);
    for (size_t i = 0; i < STREAM_WINDOW_MAX; i++)
        stream->slots[i].first_order = 0;
    stream->order = 0;
    stream->gap_expected = 0;
    slow_down(stream);
    return true;
}

int64_t stream_wake_ms(const struct stream *stream)
{
    if (stream->stopped || stream_idle(stream))
        return INT64_MAX;
    int64_t patience_ms = stream->flying > 0 ? stream->heard_ms + STREAM_SILENCE_MS : INT64_MAX;
    bool waiting = false;
    for (uint64_t at = stream->acked + 1; at <= pace_end(stream) && !waiting; at++)
        waiting = stream->slots[at % STREAM_WINDOW_MAX].state == STREAM_WAITING;
    return waiting && stream->hold_until_ms < patience_ms ? stream->hold_until_ms : patience_ms;
}
