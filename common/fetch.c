#include "common/fetch.h"

#include "common/mp.h"

#include <msgpack.h>

static const char *const status_names[FETCH_STATUS_COUNT] = {
    [FETCH_OK] = "ok",
    [FETCH_FORKED] = "forked",
    [FETCH_MALFORMED] = "malformed",
    [FETCH_FAILED] = "failed",
};

static void pack_key(msgpack_packer *packer, const char *key)
{
    msgpack_pack_str_with_body(packer, key, strlen(key));
}

static void pack_natural(msgpack_packer *packer, const char *key, uint64_t number)
{
    pack_key(packer, key);
    msgpack_pack_uint64(packer, number);
}

static void pack_log(msgpack_packer *packer, const uint8_t *log_id, uint32_t epoch)
{
    pack_key(packer, "log");
    if (log_id)
        msgpack_pack_bin_with_body(packer, log_id, LOG_ID_BYTES);
    else
        msgpack_pack_nil(packer);
    pack_natural(packer, "epoch", epoch);
}

/* The buffer's memory goes to the caller. */
static struct slice give(msgpack_sbuffer *bytes)
{
    size_t size = bytes->size;
    return slice_of(msgpack_sbuffer_release(bytes), size);
}

struct slice fetch_request_encode(const struct fetch_request *request)
{
    msgpack_sbuffer bytes;
    msgpack_packer packer;
    msgpack_sbuffer_init(&bytes);
    msgpack_packer_init(&packer, &bytes, msgpack_sbuffer_write);
    msgpack_pack_map(&packer, 8);
    pack_natural(&packer, "v", 1);
    pack_key(&packer, "op");
    pack_key(&packer, "fetch");
    pack_log(&packer, request->has_log ? request->log_id : NULL, request->epoch);
    pack_natural(&packer, "offset", request->offset);
    pack_natural(&packer, "learners", request->learners);
    pack_natural(&packer, "max_bytes", request->max_bytes);
    pack_natural(&packer, "wait_ms", request->wait_ms);
    return give(&bytes);
}

struct slice fetch_answer_encode(const struct fetch_answer *answer)
{
    msgpack_sbuffer bytes;
    msgpack_packer packer;
    msgpack_sbuffer_init(&bytes);
    msgpack_packer_init(&packer, &bytes, msgpack_sbuffer_write);
    msgpack_pack_map(&packer, 8);
    pack_natural(&packer, "v", 1);
    pack_key(&packer, "status");
    pack_key(&packer, status_names[answer->status]);
    pack_log(&packer, answer->log_id, answer->epoch);
    pack_natural(&packer, "durable", answer->durable);
    pack_natural(&packer, "next", answer->next);
    pack_key(&packer, "learners");
    msgpack_pack_bin_with_body(&packer, answer->learners.data, answer->learners.size);
    pack_key(&packer, "detail");
    msgpack_pack_str_with_body(&packer, answer->detail.data, answer->detail.size);
    return give(&bytes);
}

static void read_log_id(struct mp *mp, bool *has, uint8_t log_id[LOG_ID_BYTES])
{
    struct mp_value value = mp_read(mp);
    *has = false;
    if (value.type == MP_NIL)
        return;
    if (value.type != MP_BIN || value.bytes.size != LOG_ID_BYTES) {
        mp_fail(mp, "`log` is not 16 bytes or nil");
        return;
    }
    memcpy(log_id, value.bytes.data, LOG_ID_BYTES);
    *has = true;
}

static uint32_t read_u32(struct mp *mp)
{
    uint64_t number = mp_uint(mp);
    if (number > UINT32_MAX)
        mp_fail(mp, "a number above 32 bits");
    return (uint32_t)number;
}

static void read_fixed(struct mp *mp, const char *expected, const char *fault)
{
    if (!slice_equal(mp_str(mp), slice_of_text(expected)))
        mp_fail(mp, fault);
}

static void read_version(struct mp *mp)
{
    if (mp_uint(mp) != 1)
        mp_fail(mp, "a version that this program does not speak");
}

static void read_request_pair(struct mp *mp, struct fetch_request *request)
{
    struct slice key = mp_str(mp);
    if (slice_equal(key, slice_of_text("v")))
        read_version(mp);
    else if (slice_equal(key, slice_of_text("op")))
        read_fixed(mp, "fetch", "an operation other than `fetch`");
    else if (slice_equal(key, slice_of_text("log")))
        read_log_id(mp, &request->has_log, request->log_id);
    else if (slice_equal(key, slice_of_text("epoch")))
        request->epoch = read_u32(mp);
    else if (slice_equal(key, slice_of_text("offset")))
        request->offset = mp_uint(mp);
    else if (slice_equal(key, slice_of_text("learners")))
        request->learners = read_u32(mp);
    else if (slice_equal(key, slice_of_text("max_bytes")))
        request->max_bytes = read_u32(mp);
    else if (slice_equal(key, slice_of_text("wait_ms")))
        request->wait_ms = read_u32(mp);
    else
        mp_fail(mp, "an unknown key");
}

enum status fetch_request_decode(struct slice bytes, struct fetch_request *request, struct error *error)
{
    struct mp mp = mp_open(bytes);
    struct fetch_request read = {0};
    if (mp_map(&mp) != 8)
        mp_fail(&mp, "not a map of its 8 keys");
    for (int i = 0; i < 8 && !mp.error; i++)
        read_request_pair(&mp, &read);
    if (!mp_done(&mp))
        return error_set(error, STATUS_PROTOCOL, "a fetch request is malformed: %s",
                         mp.error ? mp.error : "bytes are left over");
    *request = read;
    return STATUS_OK;
}

static void read_status(struct mp *mp, struct fetch_answer *answer)
{
    struct slice name = mp_str(mp);
    for (unsigned i = 0; i < FETCH_STATUS_COUNT; i++)
        if (slice_equal(name, slice_of_text(status_names[i])))
            answer->status = (enum fetch_status)i;
    if (answer->status == FETCH_STATUS_COUNT)
        mp_fail(mp, "an unknown status");
}

static void read_learners(struct mp *mp, struct fetch_answer *answer)
{
    answer->learners = mp_bin(mp);
    if (answer->learners.size % LID_BYTES != 0)
        mp_fail(mp, "`learners` is not a list of 16 bytes each");
}

static void read_answer_pair(struct mp *mp, struct fetch_answer *answer)
{
    struct slice key = mp_str(mp);
    bool has_log;
    if (slice_equal(key, slice_of_text("v")))
        read_version(mp);
    else if (slice_equal(key, slice_of_text("status")))
        read_status(mp, answer);
    else if (slice_equal(key, slice_of_text("log")))
        read_log_id(mp, &has_log, answer->log_id);
    else if (slice_equal(key, slice_of_text("epoch")))
        answer->epoch = read_u32(mp);
    else if (slice_equal(key, slice_of_text("durable")))
        answer->durable = mp_uint(mp);
    else if (slice_equal(key, slice_of_text("next")))
        answer->next = mp_uint(mp);
    else if (slice_equal(key, slice_of_text("learners")))
        read_learners(mp, answer);
    else if (slice_equal(key, slice_of_text("detail")))
        answer->detail = mp_str(mp);
    else
        mp_skip(mp);
}

enum status fetch_answer_decode(struct slice bytes, struct fetch_answer *answer, struct error *error)
{
    struct mp mp = mp_open(bytes);
    struct fetch_answer read = {.status = FETCH_STATUS_COUNT};
    uint32_t pairs = mp_map(&mp);
    for (uint32_t i = 0; i < pairs && !mp.error; i++)
        read_answer_pair(&mp, &read);
    if (!mp_done(&mp) || read.status == FETCH_STATUS_COUNT)
        return error_set(error, STATUS_PROTOCOL, "an answer to a fetch is malformed: %s",
                         mp.error ? mp.error : "it has no status, or bytes are left over");
    *answer = read;
    return STATUS_OK;
}
