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
 * An event of the right count, kind and types in their usual encodings takes a fraction of the time here. Whatever is
 * otherwise leaves the cursor where it was and is read the long way, so this needs no verdict of its own.
 *
 *     95  a5 dwell  cf 0000019b76da8400  b0 learner-00000042  bc module-001/topic-1/section-2  cd 7530
 *     |   |         |                    |                    |                                fixint, or uint 8, 16, 32
 *     |   |         |                    fixstr, or str 8     likewise
 *     |   |         uint 64, or int 64: what milliseconds since 1970 need
 *     |   fixstr: compared as two words under a mask of its length
 *     4 or 5 fields, as the kind has a value or not
 */

enum {
    NAME_MAX_BYTES = 15,                       /* of a kind */
    QUICK_LEAST = 2 + NAME_MAX_BYTES + 1 + 11, /* up to the learner's head; shorter is read the long way */
};

/* By (has a value, length of its name): the kind, and one more, or 0. Two kinds on one place do not compile. */
static const uint8_t kind_places[2][NAME_MAX_BYTES + 1] = {
#define X(name, wire, valued, least, greatest) [(valued)][sizeof(wire) - 1] = KIND_##name + 1,
    KIND_TABLE(X)
#undef X
};
static const char kind_words[KIND_COUNT][NAME_MAX_BYTES + 1] = {
#define X(name, wire, valued, least, greatest) [KIND_##name] = {wire},
    KIND_TABLE(X)
#undef X
};
/* The 16 bytes that begin n before the middle: n times 0xff, then zeros. */
static const uint8_t mask_bytes[2 * (NAME_MAX_BYTES + 1)] = {[0 ... NAME_MAX_BYTES] = 0xff};

static inline uint64_t word_of(const void *bytes, size_t at)
{
    return get_u64((const uint8_t *)bytes + at);
}

/* The array's head and the kind; NULL where they are not as drawn. QUICK_LEAST bytes are there. */
static inline const uint8_t *quick_kind(const uint8_t *at, enum kind *kind)
{
    unsigned fields = at[0] ^ 0x94u, size = at[1] ^ 0xa0u;
    if (fields > 1 || size > NAME_MAX_BYTES || !kind_places[fields][size])
        return NULL;
    *kind = (enum kind)(kind_places[fields][size] - 1);
    const char *words = kind_words[*kind];
    const uint8_t *mask = mask_bytes + NAME_MAX_BYTES + 1 - size;
    uint64_t differ = ((word_of(at, 2) ^ word_of(words, 0)) & word_of(mask, 0)) |
                      ((word_of(at, 10) ^ word_of(words, 8)) & word_of(mask, 8));
    return differ ? NULL : at + 2 + size;
}

static inline const uint8_t *quick_text(const uint8_t *at, const uint8_t *end, struct slice *text)
{
    if (end - at < 2)
        return NULL;
    size_t size = at[0] ^ 0xa0u;
    if (size <= 0x1f) {
        at += 1;
    } else if (at[0] == 0xd9) {
        size = at[1];
        at += 2;
    } else {
        return NULL;
    }
    *text = slice_of(at, size);
    return (size_t)(end - at) < size ? NULL : at + size;
}

static inline const uint8_t *quick_value(const uint8_t *at, const uint8_t *end, uint32_t *value)
{
    if (at == end)
        return NULL;
    if (at[0] <= 0x7f) {
        *value = at[0];
        return at + 1;
    }
    if (at[0] < 0xcc || at[0] > 0xce || end - at < 5)
        return NULL;
    unsigned size = 1u << (at[0] - 0xcc);
    *value = get_be32(at + 1) >> (32 - 8 * size);
    return at + 1 + size;
}

static inline bool quick_event(struct mp *mp, struct event *event)
{
    const uint8_t *at = mp->at, *end = mp->end;
    if (end - at < QUICK_LEAST)
        return false;
    at = quick_kind(at, &event->kind);
    if (!at || (at[0] != 0xcf && at[0] != 0xd3))
        return false;
    uint64_t time_ms = get_be64(at + 1);
    if (time_ms > (uint64_t)TIME_MAX_MS)
        return false;
    event->time_ms = (int64_t)time_ms;
    at = quick_text(at + 9, end, &event->learner);
    if (at)
        at = quick_text(at, end, &event->content);
    event->value = 0;
    if (at && kind_has_value(event->kind))
        at = quick_value(at, end, &event->value);
    if (at)
        mp->at = at;
    return at != NULL;
}

/* ---- the long way: any encoding, any mistake ---- */

/* Not inlined: what it keeps on the stack would burden every event. */
static __attribute__((noinline)) enum verdict read_event(struct mp *mp, struct event *event)
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

bool wire_event_next_plain(struct wire_batch *batch, struct event *event, enum verdict *verdict)
{
    if (batch->events_left == 0)
        return false;
    batch->events_left--;
    *verdict = read_event(&batch->cursor, event);
    if (batch->cursor.error && !batch->detail)
        batch->detail = batch->cursor.error;
    return !batch->cursor.error;
}

bool wire_event_next(struct wire_batch *batch, struct event *event, enum verdict *verdict)
{
    if (batch->events_left == 0 || !quick_event(&batch->cursor, event))
        return wire_event_next_plain(batch, event, verdict);
    batch->events_left--;
    *verdict = VERDICT_ACCEPTED;
    return true;
}
