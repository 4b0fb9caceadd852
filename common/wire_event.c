#include "common/wire.h"

static enum verdict shape_kind(const struct mp_value *field, uint32_t field_count, enum kind *kind)
{
    *kind = field->type == MP_STR ? kind_from_name(field->bytes) : KIND_COUNT;
    if (*kind == KIND_COUNT)
        return VERDICT_KIND;
    return field_count == (kind_has_value(*kind) ? 5 : 4) ? VERDICT_ACCEPTED : VERDICT_SHAPE;
}

static struct slice text_or_nothing(const struct mp_value *field)
{
    return field->type == MP_STR ? field->bytes : slice_of("", 0);
}

static uint32_t value_or_greatest(const struct mp_value *field)
{
    return field->type == MP_UINT && field->u < UINT32_MAX ? (uint32_t)field->u : UINT32_MAX;
}

/* A learner, content or value of a wrong type becomes one that event_check() refuses under the same code, so that the
 * codes keep their order: a time in the future goes before a learner that is a number. */
static enum verdict shape_event(const struct mp_value field[5], uint32_t field_count, struct event *event)
{
    enum verdict verdict = shape_kind(&field[0], field_count, &event->kind);
    if (verdict != VERDICT_ACCEPTED)
        return verdict;
    if (field[1].type != MP_UINT || field[1].u > (uint64_t)TIME_MAX_MS)
        return VERDICT_TIME_INVALID;
    event->time_ms = (int64_t)field[1].u;
    event->learner = text_or_nothing(&field[2]);
    event->content = text_or_nothing(&field[3]);
    event->value = field_count == 5 ? value_or_greatest(&field[4]) : 0;
    return VERDICT_ACCEPTED;
}

/* ---- the quick way: the heads that encoders choose, read in place ----
 *
 * An event of the right count, kind and types in their usual encodings takes a quarter of the time here. Whatever is
 * otherwise leaves the cursor where it was and is read the long way, so this needs no verdict of its own. */

struct quick {
    const uint8_t *at, *end;
};

static bool quick_text(struct quick *quick, struct slice *text)
{
    const uint8_t *at = quick->at;
    if (quick->end - at < 2)
        return false;
    bool short_text = (at[0] & 0xe0) == 0xa0;
    if (!short_text && at[0] != 0xd9)
        return false;
    size_t size = short_text ? at[0] & 0x1f : at[1];
    at += short_text ? 1 : 2;
    if ((size_t)(quick->end - at) < size)
        return false;
    *text = slice_of(at, size);
    quick->at = at + size;
    return true;
}

/* uint 64 or int 64: what milliseconds since 1970 need. */
static bool quick_time(struct quick *quick, int64_t *time_ms)
{
    const uint8_t *at = quick->at;
    if (quick->end - at < 9 || (at[0] != 0xcf && at[0] != 0xd3))
        return false;
    uint64_t number = get_be64(at + 1);
    if (number > (uint64_t)TIME_MAX_MS)
        return false;
    *time_ms = (int64_t)number;
    quick->at = at + 9;
    return true;
}

/* A fixint, or uint 8, 16, 32. */
static bool quick_value(struct quick *quick, uint32_t *value)
{
    const uint8_t *at = quick->at;
    if (at == quick->end)
        return false;
    if (at[0] <= 0x7f) {
        *value = at[0];
        quick->at = at + 1;
        return true;
    }
    if (at[0] < 0xcc || at[0] > 0xce || quick->end - at < 5)
        return false;
    uint32_t number = get_be32(at + 1);
    unsigned size = 1u << (at[0] - 0xcc);
    *value = number >> (32 - 8 * size);
    quick->at = at + 1 + size;
    return true;
}

static bool quick_event(struct mp *mp, struct event *event)
{
    struct quick quick = {mp->at, mp->end};
    struct slice kind;
    if (quick.at == quick.end || (quick.at[0] != 0x94 && quick.at[0] != 0x95))
        return false;
    bool valued = *quick.at++ == 0x95;
    if (!quick_text(&quick, &kind))
        return false;
    event->kind = kind_from_name(kind);
    if (event->kind == KIND_COUNT || kind_has_value(event->kind) != valued)
        return false;
    event->value = 0;
    bool read = quick_time(&quick, &event->time_ms) && quick_text(&quick, &event->learner) &&
                quick_text(&quick, &event->content) && (!valued || quick_value(&quick, &event->value));
    if (read)
        mp->at = quick.at;
    return read;
}

/* ---- the long way: any encoding, any mistake ---- */

static enum verdict read_event(struct mp *mp, struct event *event)
{
    const uint8_t *start = mp->at;
    struct mp_value array = mp_read(mp), field[5];
    if (array.type != MP_ARRAY || (array.u != 4 && array.u != 5)) {
        mp->at = mp->error ? mp->at : start;
        mp_skip(mp);
        return VERDICT_SHAPE;
    }
    for (uint32_t i = 0; i < array.u; i++)
        field[i] = mp_read_whole(mp);
    return shape_event(field, (uint32_t)array.u, event);
}

bool wire_event_next(struct wire_batch *batch, struct event *event, enum verdict *verdict)
{
    struct mp *mp = &batch->cursor;
    if (batch->events_left == 0)
        return false;
    batch->events_left--;
    *verdict = quick_event(mp, event) ? VERDICT_ACCEPTED : read_event(mp, event);
    if (mp->error && !batch->detail)
        batch->detail = mp->error;
    return !mp->error;
}
