#include "common/event.h"
#include "common/utf8.h"

static const struct {
    const char *name;
    size_t length;
    uint32_t least;
    uint32_t greatest;
} kinds[KIND_COUNT] = {
#define X(name, wire, valued, least, greatest) [KIND_##name] = {wire, sizeof(wire) - 1, least, greatest},
    KIND_TABLE(X)
#undef X
};

static const struct {
    const char *name;
    const char *sentence;
} verdicts[VERDICT_COUNT] = {
#define X(name, wire, sentence) [VERDICT_##name] = {wire, sentence},
    VERDICT_TABLE(X)
#undef X
};

const char *kind_name(enum kind kind)
{
    return kinds[kind].name;
}

enum kind kind_from_name(struct slice name)
{
    for (unsigned i = 0; i < KIND_COUNT; i++)
        if (name.size == kinds[i].length && memcmp(name.data, kinds[i].name, name.size) == 0)
            return (enum kind)i;
    return KIND_COUNT;
}

const char *verdict_name(enum verdict verdict)
{
    return verdicts[verdict].name;
}

const char *verdict_sentence(enum verdict verdict)
{
    return verdicts[verdict].sentence;
}

/* Are these eight bytes printable ASCII, 0x20 to 0x7e? A borrow in a subtraction starts at a byte that is too small, so
 * with no high bit set beforehand the test is exact. */
static bool printable_ascii(uint64_t bytes)
{
    const uint64_t high = UINT64_C(0x8080808080808080), ones = UINT64_C(0x0101010101010101);
    uint64_t below_space = bytes - 0x20 * ones, delete = (bytes ^ 0x7f * ones) - ones;
    return ((bytes | below_space | delete) & high) == 0;
}

/* Eight bytes at a time, the last ones overlapping those before them. */
static bool all_printable_ascii(struct slice text)
{
    if (text.size < 8)
        return false;
    for (size_t i = 0; i < text.size - 8; i += 8)
        if (!printable_ascii(get_u64(text.data + i)))
            return false;
    return printable_ascii(get_u64(text.data + text.size - 8));
}

static bool well_formed_without_controls(struct slice text)
{
    for (size_t i = 0; i < text.size;) {
        const uint8_t *s = text.data + i;
        size_t length = utf8_length(s, text.size - i);
        if (length == 0 || utf8_is_control(s, length))
            return false;
        i += length;
    }
    return true;
}

bool learner_valid(struct slice learner)
{
    if (learner.size < 1 || learner.size > LEARNER_MAX_BYTES)
        return false;
    return all_printable_ascii(learner) || well_formed_without_controls(learner);
}

/* 1 for a byte that may stand in a segment. */
static const uint8_t segment_byte[256] = {
    ['-'] = 1, ['.'] = 1, [':'] = 1, ['_'] = 1, ['~'] = 1, ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1,
};

bool segment_valid(struct slice segment)
{
    if (segment.size < 1 || segment.size > SEGMENT_MAX_BYTES)
        return false;
    for (size_t i = 0; i < segment.size; i++)
        if (!segment_byte[segment.data[i]])
            return false;
    return true;
}

bool content_valid(struct slice content)
{
    if (content.size < 1 || content.size > CONTENT_MAX_BYTES)
        return false;
    size_t segment_size = 0, segments = 1;
    for (size_t i = 0; i < content.size; i++) {
        if (content.data[i] == '/') {
            if (segment_size == 0)
                return false;
            segments++;
            segment_size = 0;
        } else if (!segment_byte[content.data[i]] || ++segment_size > SEGMENT_MAX_BYTES) {
            return false;
        }
    }
    return segment_size > 0 && segments <= SEGMENT_MAX_COUNT;
}

bool value_valid(enum kind kind, uint32_t value)
{
    return value >= kinds[kind].least && value <= kinds[kind].greatest;
}

static enum verdict check(const struct event *event, int64_t oldest_ms, int64_t newest_ms, bool known)
{
    if (event->time_ms < 0 || event->time_ms > TIME_MAX_MS)
        return VERDICT_TIME_INVALID;
    if (event->time_ms > newest_ms)
        return VERDICT_TIME_FUTURE;
    if (event->time_ms < oldest_ms)
        return VERDICT_TIME_EXPIRED;
    if (!learner_valid(event->learner))
        return VERDICT_LEARNER;
    if (!known && !(event->kind == KIND_COHORT ? segment_valid(event->content) : content_valid(event->content)))
        return VERDICT_CONTENT;
    return value_valid(event->kind, event->value) ? VERDICT_ACCEPTED : VERDICT_VALUE;
}

enum verdict event_check(const struct event *event, int64_t oldest_ms, int64_t newest_ms)
{
    return check(event, oldest_ms, newest_ms, false);
}

enum verdict event_check_known(const struct event *event, int64_t oldest_ms, int64_t newest_ms)
{
    return check(event, oldest_ms, newest_ms, true);
}
