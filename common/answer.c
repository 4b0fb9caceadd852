#include "common/wire.h"

#include <msgpack.h>

#include <stdio.h>
#include <stdlib.h>

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
    return status_names[status];
}

const char *refusal_name(enum refusal refusal)
{
    return refusal_names[refusal];
}

struct answer_buffer {
    msgpack_sbuffer bytes;
    msgpack_packer packer;
};

struct answer_buffer *answer_buffer_open(void)
{
    struct answer_buffer *buffer = mem_new(1, sizeof *buffer);
    msgpack_sbuffer_init(&buffer->bytes);
    msgpack_packer_init(&buffer->packer, &buffer->bytes, msgpack_sbuffer_write);
    return buffer;
}

void answer_buffer_close(struct answer_buffer *buffer)
{
    if (!buffer)
        return;
    msgpack_sbuffer_destroy(&buffer->bytes);
    free(buffer);
}

static void pack_text(msgpack_packer *packer, const char *text)
{
    msgpack_pack_str_with_body(packer, text, strlen(text));
}

static void pack_natural(msgpack_packer *packer, const char *key, uint64_t number)
{
    pack_text(packer, key);
    msgpack_pack_uint64(packer, number);
}

static void pack_rejected(msgpack_packer *packer, const struct answer *answer)
{
    pack_text(packer, "rejected");
    msgpack_pack_array(packer, answer->rejected_count);
    for (uint32_t i = 0; i < answer->rejected_count; i++) {
        msgpack_pack_array(packer, 2);
        msgpack_pack_uint32(packer, answer->rejected[i].index);
        pack_text(packer, verdict_name(answer->rejected[i].verdict));
    }
}

static void pack_refused(msgpack_packer *packer, const struct answer *answer)
{
    pack_text(packer, "code");
    pack_text(packer, refusal_name(answer->refusal));
    if (answer->refusal == REFUSAL_VERSION) {
        pack_text(packer, "versions");
        msgpack_pack_array(packer, 1);
        msgpack_pack_uint8(packer, WIRE_VERSION);
    }
    pack_text(packer, "detail");
    pack_text(packer, answer->detail);
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

static void pack_extra(msgpack_packer *packer, const struct answer *answer)
{
    switch (answer->status) {
    case ANSWER_OK:
        pack_natural(packer, "accepted", answer->accepted);
        pack_natural(packer, "rejected_total", answer->rejected_total);
        if (answer->rejected_count > 0)
            pack_rejected(packer, answer);
        break;
    case ANSWER_GAP:
        pack_natural(packer, "expected", answer->expected);
        break;
    case ANSWER_BUSY:
        pack_natural(packer, "retry_ms", answer->retry_ms);
        break;
    case ANSWER_REFUSED:
        pack_refused(packer, answer);
        break;
    case ANSWER_DUPLICATE:
    case ANSWER_STATUS_COUNT:
        break;
    }
}

struct slice answer_encode(struct answer_buffer *buffer, const struct answer *answer)
{
    msgpack_packer *packer = &buffer->packer;
    msgpack_sbuffer_clear(&buffer->bytes);
    size_t named = (answer->has_session ? 1u : 0u) + (answer->has_seq ? 1u : 0u);
    msgpack_pack_map(packer, 2 + named + extra_keys(answer));
    pack_natural(packer, "v", WIRE_VERSION);
    pack_text(packer, "status");
    pack_text(packer, answer_status_name(answer->status));
    if (answer->has_session) {
        pack_text(packer, "session");
        msgpack_pack_bin_with_body(packer, answer->session, SESSION_BYTES);
    }
    if (answer->has_seq)
        pack_natural(packer, "seq", answer->seq);
    pack_extra(packer, answer);
    return slice_of(buffer->bytes.data, buffer->bytes.size);
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

static enum verdict verdict_from_name(struct slice name)
{
    for (unsigned i = 0; i < VERDICT_COUNT; i++)
        if (slice_equal(name, slice_of_text(verdict_name((enum verdict)i))))
            return (enum verdict)i;
    return VERDICT_COUNT;
}

static void read_rejected(struct mp *mp, struct answer *answer, struct answer_rejected *rejected)
{
    uint32_t count = mp_array(mp);
    if (count > REJECTED_MAX_LISTED)
        mp_fail(mp, "more than 100 rejected events are listed");
    for (uint32_t i = 0; i < count && !mp->error; i++) {
        if (mp_array(mp) != 2)
            mp_fail(mp, "a rejected event is not [index, code]");
        rejected[i].index = (uint32_t)mp_uint(mp);
        rejected[i].verdict = verdict_from_name(mp_str(mp));
        if (rejected[i].verdict == VERDICT_COUNT)
            mp_fail(mp, "an unknown code of rejection");
        answer->rejected_count = i + 1;
    }
    answer->rejected = rejected;
}

static uint64_t read_version(struct mp *mp)
{
    uint64_t version = mp_uint(mp);
    if (version != WIRE_VERSION)
        mp_fail(mp, "an answer of another protocol version");
    return version;
}

static void read_answer_pair(struct mp *mp, struct answer *answer, struct answer_rejected *rejected)
{
    struct slice key = mp_str(mp);
    if (slice_equal(key, slice_of_text("v"))) {
        read_version(mp);
    } else if (slice_equal(key, slice_of_text("status"))) {
        read_status(mp, answer);
    } else if (slice_equal(key, slice_of_text("session"))) {
        read_answer_session(mp, answer);
    } else if (slice_equal(key, slice_of_text("seq"))) {
        answer->seq = mp_uint(mp);
        answer->has_seq = true;
    } else if (slice_equal(key, slice_of_text("accepted"))) {
        answer->accepted = (uint32_t)mp_uint(mp);
    } else if (slice_equal(key, slice_of_text("rejected_total"))) {
        answer->rejected_total = (uint32_t)mp_uint(mp);
    } else if (slice_equal(key, slice_of_text("rejected"))) {
        read_rejected(mp, answer, rejected);
    } else if (slice_equal(key, slice_of_text("expected"))) {
        answer->expected = mp_uint(mp);
    } else if (slice_equal(key, slice_of_text("retry_ms"))) {
        answer->retry_ms = (uint32_t)mp_uint(mp);
    } else if (slice_equal(key, slice_of_text("code"))) {
        read_code(mp, answer);
    } else if (slice_equal(key, slice_of_text("detail"))) {
        struct slice detail = mp_str(mp);
        snprintf(answer->detail, sizeof answer->detail, "%.*s", (int)detail.size, (const char *)detail.data);
    } else {
        mp_skip(mp);
    }
}

enum status answer_decode(struct slice bytes, struct answer *answer, struct answer_rejected *rejected,
                          struct error *error)
{
    struct mp mp = mp_open(bytes);
    struct answer read = {.status = ANSWER_STATUS_COUNT, .refusal = REFUSAL_COUNT};
    uint32_t pairs = mp_map(&mp);
    for (uint32_t i = 0; i < pairs && !mp.error; i++)
        read_answer_pair(&mp, &read, rejected);
    if (mp.error || !mp_done(&mp))
        return error_set(error, STATUS_PROTOCOL, "an answer is malformed: %s", mp.error ? mp.error : "bytes left over");
    bool lacks_code = read.status == ANSWER_REFUSED && read.refusal == REFUSAL_COUNT;
    if (read.status == ANSWER_STATUS_COUNT || lacks_code)
        return error_set(error, STATUS_PROTOCOL, "an answer lacks its status or code");
    *answer = read;
    return STATUS_OK;
}
