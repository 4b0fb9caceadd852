#include "common/wire.h"

#include <stdio.h>

static const char *const status_names[ANSWER_STATUS_COUNT] = {
    [ANSWER_OK] = "ok",     [ANSWER_DUPLICATE] = "duplicate", [ANSWER_GAP] = "gap",
    [ANSWER_BUSY] = "busy", [ANSWER_REFUSED] = "refused",
};
static const char *const refusal_names[REFUSAL_COUNT] = {
    [REFUSAL_MALFORMED] = "malformed",
    [REFUSAL_VERSION] = "version",
    [REFUSAL_CONFLICT] = "conflict",
};

const char *answer_status_name(enum answer_status status)
{
    ensure(status < ANSWER_STATUS_COUNT);
    return status_names[status];
}

const char *refusal_name(enum refusal refusal)
{
    return refusal_names[refusal];
}

static void put_rejected(struct packer *packer, const struct answer *answer)
{
    packer_text(packer, "rejected");
    packer_array(packer, answer->rejected_count);
    for (uint32_t i = 0; i < answer->rejected_count; i++) {
        packer_array(packer, 2);
        packer_natural(packer, answer->rejected[i].index);
        packer_text(packer, verdict_name(answer->rejected[i].verdict));
    }
}

static void put_refused(struct packer *packer, const struct answer *answer)
{
    packer_pair_text(packer, "code", refusal_name(answer->refusal));
    if (answer->refusal == REFUSAL_VERSION) {
        packer_text(packer, "versions");
        packer_array(packer, 1);
        packer_natural(packer, WIRE_VERSION);
    }
    packer_pair_text(packer, "detail", answer->detail);
}

/* How many keys the status brings beside v, status, session and seq. */
static size_t extra_keys(const struct answer *answer)
{
    switch (answer->status) {
    case ANSWER_OK:
        return answer->rejected_count > 0 ? 3 : 2;
    case ANSWER_GAP:
    case ANSWER_BUSY:
        return 1;
    case ANSWER_REFUSED:
        return answer->refusal == REFUSAL_VERSION ? 3 : 2;
    case ANSWER_DUPLICATE:
    case ANSWER_STATUS_COUNT:
        break;
    }
    return 0;
}

static void put_extra(struct packer *packer, const struct answer *answer)
{
    switch (answer->status) {
    case ANSWER_OK:
        packer_pair_natural(packer, "accepted", answer->accepted);
        packer_pair_natural(packer, "rejected_total", answer->rejected_total);
        if (answer->rejected_count > 0)
            put_rejected(packer, answer);
        break;
    case ANSWER_GAP:
        packer_pair_natural(packer, "expected", answer->expected);
        break;
    case ANSWER_BUSY:
        packer_pair_natural(packer, "retry_ms", answer->retry_ms);
        break;
    case ANSWER_REFUSED:
        put_refused(packer, answer);
        break;
    case ANSWER_DUPLICATE:
    case ANSWER_STATUS_COUNT:
        break;
    }
}

struct slice answer_encode(struct packer *packer, const struct answer *answer)
{
    packer_clear(packer);
    size_t named = (answer->has_session ? 1u : 0u) + (answer->has_seq ? 1u : 0u);
    packer_map(packer, 2 + named + extra_keys(answer));
    packer_pair_natural(packer, "v", WIRE_VERSION);
    packer_pair_text(packer, "status", answer_status_name(answer->status));
    if (answer->has_session) {
        packer_text(packer, "session");
        packer_binary(packer, slice_of(answer->session, SESSION_BYTES));
    }
    if (answer->has_seq)
        packer_pair_natural(packer, "seq", answer->seq);
    put_extra(packer, answer);
    return packer_bytes(packer);
}

/* ---- for publishers ---- */

enum answer_key {
    KEY_V,
    KEY_STATUS,
    KEY_SESSION,
    KEY_SEQ,
    KEY_ACCEPTED,
    KEY_REJECTED_TOTAL,
    KEY_REJECTED,
    KEY_EXPECTED,
    KEY_RETRY_MS,
    KEY_CODE,
    KEY_DETAIL,
    KEY_COUNT
};

static const char *const key_names[KEY_COUNT] = {
    [KEY_V] = "v",
    [KEY_STATUS] = "status",
    [KEY_SESSION] = "session",
    [KEY_SEQ] = "seq",
    [KEY_ACCEPTED] = "accepted",
    [KEY_REJECTED_TOTAL] = "rejected_total",
    [KEY_REJECTED] = "rejected",
    [KEY_EXPECTED] = "expected",
    [KEY_RETRY_MS] = "retry_ms",
    [KEY_CODE] = "code",
    [KEY_DETAIL] = "detail",
};

/* What an answer of each status cannot do without, beside v and status. */
static const unsigned needed_keys[ANSWER_STATUS_COUNT] = {
    [ANSWER_OK] = 1u << KEY_ACCEPTED | 1u << KEY_REJECTED_TOTAL,
    [ANSWER_DUPLICATE] = 0,
    [ANSWER_GAP] = 1u << KEY_EXPECTED,
    [ANSWER_BUSY] = 1u << KEY_RETRY_MS,
    [ANSWER_REFUSED] = 1u << KEY_CODE,
};

static uint32_t read_u32(struct mp *mp)
{
    uint64_t number = mp_uint(mp);
    if (number > UINT32_MAX)
        mp_fail(mp, "a number above 32 bits");
    return (uint32_t)number;
}

static void read_version(struct mp *mp)
{
    if (mp_uint(mp) != WIRE_VERSION)
        mp_fail(mp, "another protocol version");
}

static void read_status(struct mp *mp, struct answer *answer)
{
    struct slice name = mp_str(mp);
    for (unsigned i = 0; i < ANSWER_STATUS_COUNT; i++)
        if (slice_equal(name, slice_of_text(status_names[i])))
            answer->status = (enum answer_status)i;
    if (answer->status == ANSWER_STATUS_COUNT)
        mp_fail(mp, "an unknown status");
}

static void read_code(struct mp *mp, struct answer *answer)
{
    struct slice name = mp_str(mp);
    for (unsigned i = 0; i < REFUSAL_COUNT; i++)
        if (slice_equal(name, slice_of_text(refusal_names[i])))
            answer->refusal = (enum refusal)i;
    if (answer->refusal == REFUSAL_COUNT)
        mp_fail(mp, "an unknown code of refusal");
}

static void read_answer_session(struct mp *mp, struct answer *answer)
{
    struct slice session = mp_bin(mp);
    if (session.size != SESSION_BYTES) {
        mp_fail(mp, "`session` is not 16 bytes");
        return;
    }
    memcpy(answer->session, session.data, SESSION_BYTES);
    answer->has_session = true;
}

/* VERDICT_ACCEPTED where no code of rejection has this name. */
static enum verdict verdict_from_name(struct slice name)
{
    for (unsigned i = VERDICT_ACCEPTED + 1; i < VERDICT_COUNT; i++)
        if (slice_equal(name, slice_of_text(verdict_name((enum verdict)i))))
            return (enum verdict)i;
    return VERDICT_ACCEPTED;
}

static void read_rejected(struct mp *mp, struct answer *answer, struct answer_rejected *rejected)
{
    uint32_t count = mp_array(mp);
    if (count > REJECTED_MAX_LISTED)
        mp_fail(mp, "more than 100 rejected events are listed");
    for (uint32_t i = 0; i < count && !mp->error; i++) {
        if (mp_array(mp) != 2)
            mp_fail(mp, "a rejected event is not [index, code]");
        rejected[i].index = read_u32(mp);
        rejected[i].verdict = verdict_from_name(mp_str(mp));
        if (rejected[i].verdict == VERDICT_ACCEPTED)
            mp_fail(mp, "an unknown code of rejection");
        answer->rejected_count = i + 1;
    }
    answer->rejected = rejected;
}

static void read_detail(struct mp *mp, struct answer *answer)
{
    struct slice detail = mp_str(mp);
    size_t room = sizeof answer->detail - 1, size = detail.size < room ? detail.size : room;
    if (size > 0)
        memcpy(answer->detail, detail.data, size);
    answer->detail[size] = '\0';
}

static enum answer_key key_from_name(struct slice name)
{
    unsigned key = 0;
    while (key < KEY_COUNT && !slice_equal(name, slice_of_text(key_names[key])))
        key++;
    return (enum answer_key)key;
}

static void read_value(struct mp *mp, enum answer_key key, struct answer *answer, struct answer_rejected *rejected)
{
    switch (key) {
    case KEY_V:
        read_version(mp);
        break;
    case KEY_STATUS:
        read_status(mp, answer);
        break;
    case KEY_SESSION:
        read_answer_session(mp, answer);
        break;
    case KEY_SEQ:
        answer->seq = mp_uint(mp);
        answer->has_seq = true;
        break;
    case KEY_ACCEPTED:
        answer->accepted = read_u32(mp);
        break;
    case KEY_REJECTED_TOTAL:
        answer->rejected_total = read_u32(mp);
        break;
    case KEY_REJECTED:
        read_rejected(mp, answer, rejected);
        break;
    case KEY_EXPECTED:
        answer->expected = mp_uint(mp);
        if (answer->expected == 0)
            mp_fail(mp, "an `expected` of 0; a seq is at least 1");
        break;
    case KEY_RETRY_MS:
        answer->retry_ms = read_u32(mp);
        break;
    case KEY_CODE:
        read_code(mp, answer);
        break;
    case KEY_DETAIL:
        read_detail(mp, answer);
        break;
    case KEY_COUNT:
        mp_skip(mp);
    }
}

/* The keys that stood there, a bit each. */
static unsigned read_pairs(struct mp *mp, struct answer *answer, struct answer_rejected *rejected)
{
    unsigned seen = 0;
    uint32_t pairs = mp_map(mp);
    for (uint32_t i = 0; i < pairs && !mp->error; i++) {
        enum answer_key key = key_from_name(mp_str(mp));
        if (key < KEY_COUNT && (seen & 1u << key))
            mp_fail(mp, "a key stands twice");
        read_value(mp, key, answer, rejected);
        seen |= 1u << key;
    }
    return seen;
}

enum status answer_decode(struct slice bytes, struct answer *answer, struct answer_rejected *rejected,
                          struct error *error)
{
    struct mp mp = mp_open(bytes);
    struct answer read = {.status = ANSWER_STATUS_COUNT, .refusal = REFUSAL_COUNT};
    unsigned seen = read_pairs(&mp, &read, rejected), needed = 1u << KEY_V | 1u << KEY_STATUS;
    if (!mp_done(&mp))
        return error_set(error, STATUS_PROTOCOL, "an answer is malformed: %s", mp.error ? mp.error : "bytes left over");
    if (read.status < ANSWER_STATUS_COUNT)
        needed |= needed_keys[read.status];
    for (unsigned key = 0; key < KEY_COUNT; key++)
        if (needed & ~seen & 1u << key)
            return error_set(error, STATUS_PROTOCOL, "an answer is malformed: `%s` is missing", key_names[key]);
    *answer = read;
    return STATUS_OK;
}
