#include "common/wire.h"

/* Keys may stand in any order. A mistake in meaning (a wrong type, an unknown key) is kept as the first one and reading
 * goes on, so that version, session and seq are found wherever they stand; only bytes that are no msgpack end it. */

/* Where the bytes themselves end or break, that is what is wrong, whatever was being read. */
static void mistake(struct wire_batch *batch, const char *detail)
{
    if (!batch->detail)
        batch->detail = batch->cursor.error ? batch->cursor.error : detail;
}

static void read_session(struct wire_batch *batch)
{
    struct mp_value value = mp_read_whole(&batch->cursor);
    if (value.type != MP_BIN || value.bytes.size != SESSION_BYTES || batch->has_session) {
        mistake(batch, "`session` is not binary of 16 bytes that stands once");
        return;
    }
    memcpy(batch->session, value.bytes.data, SESSION_BYTES);
    batch->has_session = true;
}

/* 2^64 - 1 is refused: there is no seq after it to be expected. */
static void read_natural(struct wire_batch *batch, bool *has, uint64_t *number, const char *detail)
{
    struct mp_value value = mp_read_whole(&batch->cursor);
    if (value.type != MP_UINT || value.u == UINT64_MAX || *has) {
        mistake(batch, detail);
        return;
    }
    *number = value.u;
    *has = true;
}

static void read_sent(struct wire_batch *batch)
{
    struct mp_value value = mp_read_whole(&batch->cursor);
    bool fits = value.type == MP_INT || (value.type == MP_UINT && value.u <= INT64_MAX);
    if (!fits || batch->has_sent) {
        mistake(batch, "`sent` is not an integer that stands once");
        return;
    }
    batch->sent_ms = value.type == MP_INT ? value.i : (int64_t)value.u;
    batch->has_sent = true;
}

/* Where other keys follow, the array is stepped over and `resume` keeps its end; the last key is read event by event.
 */
static void read_events(struct wire_batch *batch, bool last, struct mp *events)
{
    const uint8_t *start = batch->cursor.at;
    struct mp array = batch->cursor;
    uint32_t count = mp_array(&array);
    if (batch->has_events || array.error || count < 1 || count > BATCH_MAX_EVENTS) {
        mp_skip(&batch->cursor);
        mistake(batch, "`events` is not an array of 1 to 65,535 events that stands once");
        return;
    }
    *events = array;
    batch->events = slice_of(start, 0);
    batch->event_count = count;
    batch->has_events = true;
    if (last)
        return;
    mp_skip(&batch->cursor);
    batch->resume = batch->cursor.at;
}

static void read_pair(struct wire_batch *batch, bool last, struct mp *events)
{
    struct mp_value key = mp_read_whole(&batch->cursor);
    struct slice name = key.type == MP_STR ? key.bytes : slice_of("", 0);
    if (slice_equal(name, slice_of_text("v"))) {
        read_natural(batch, &batch->has_version, &batch->version, "`v` is not an unsigned integer that stands once");
    } else if (slice_equal(name, slice_of_text("session"))) {
        read_session(batch);
    } else if (slice_equal(name, slice_of_text("seq"))) {
        read_natural(batch, &batch->has_seq, &batch->seq, "`seq` is not an unsigned integer that stands once");
    } else if (slice_equal(name, slice_of_text("acked"))) {
        read_natural(batch, &batch->has_acked, &batch->acked, "`acked` is not an unsigned integer that stands once");
    } else if (slice_equal(name, slice_of_text("sent"))) {
        read_sent(batch);
    } else if (slice_equal(name, slice_of_text("events"))) {
        read_events(batch, last, events);
    } else {
        mistake(batch, "an unknown key");
        mp_skip(&batch->cursor);
    }
}

static const char *missing_key(const struct wire_batch *batch)
{
    if (!batch->has_version)
        return "`v` is missing";
    if (!batch->has_session)
        return "`session` is missing";
    if (!batch->has_seq)
        return "`seq` is missing";
    if (!batch->has_events)
        return "`events` is missing";
    return NULL;
}

/* A seq of 0 cannot be: it counts as not readable, so nothing hangs on it. */
static void drop_bad_seq(struct wire_batch *batch)
{
    if (!batch->has_seq || batch->seq >= 1)
        return;
    batch->has_seq = false;
    mistake(batch, "`seq` is 0; it starts at 1");
}

enum wire_result wire_batch_read(struct slice message, struct wire_batch *batch)
{
    *batch = (struct wire_batch){.cursor = mp_open(message)};
    struct mp events = batch->cursor;
    uint32_t pairs = mp_map(&batch->cursor);
    for (uint32_t i = 0; i < pairs && !batch->cursor.error; i++)
        read_pair(batch, i + 1 == pairs, &events);
    drop_bad_seq(batch);
    if (batch->has_version && batch->version != WIRE_VERSION)
        return WIRE_BAD_VERSION;
    if (batch->cursor.error)
        mistake(batch, batch->cursor.error);
    if (missing_key(batch))
        mistake(batch, missing_key(batch));
    if (batch->resume && batch->cursor.at != batch->cursor.end)
        mistake(batch, "bytes are left over");
    if (batch->detail)
        return WIRE_MALFORMED;
    if (batch->resume)
        batch->events.size = (size_t)(batch->resume - batch->events.data);
    batch->cursor = events;
    batch->events_left = batch->event_count;
    return WIRE_OK;
}

bool wire_batch_finish(struct wire_batch *batch)
{
    if (batch->detail)
        return false;
    while (batch->events_left > 0 && !batch->cursor.error) {
        mp_skip(&batch->cursor);
        batch->events_left--;
    }
    if (batch->cursor.error) {
        mistake(batch, batch->cursor.error);
        return false;
    }
    if (!batch->resume)
        batch->events.size = (size_t)(batch->cursor.at - batch->events.data);
    if (batch->cursor.at != (batch->resume ? batch->resume : batch->cursor.end))
        mistake(batch, "bytes are left over");
    return !batch->detail;
}
