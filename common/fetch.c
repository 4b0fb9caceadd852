#include "common/fetch.h"

#include "common/mp.h"
#include "common/packer.h"

static const char *const status_names[FETCH_STATUS_COUNT] = {
    [FETCH_OK] = "ok",
    [FETCH_FORKED] = "forked",
    [FETCH_MALFORMED] = "malformed",
    [FETCH_FAILED] = "failed",
};

static void put_log(struct packer *packer, const uint8_t *log_id, uint32_t epoch)
{
    packer_text(packer, "log");
    if (log_id)
        packer_binary(packer, slice_of(log_id, LOG_ID_BYTES));
    else
        packer_nil(packer);
    packer_pair_natural(packer, "epoch", epoch);
}

struct slice fetch_request_encode(const struct fetch_request *request)
{
    struct packer *packer = packer_open();
    packer_map(packer, 8);
    packer_pair_natural(packer, "v", 1);
    packer_pair_text(packer, "op", "fetch");
    put_log(packer, request->has_log ? request->log_id : NULL, request->epoch);
    packer_pair_natural(packer, "offset", request->offset);
    packer_pair_natural(packer, "learners", request->learners);
    packer_pair_natural(packer, "max_bytes", request->max_bytes);
    packer_pair_natural(packer, "wait_ms", request->wait_ms);
    return packer_take(packer);
}

struct slice fetch_answer_encode(const struct fetch_answer *answer)
{
    struct packer *packer = packer_open();
    packer_map(packer, 8);
    packer_pair_natural(packer, "v", 1);
    packer_pair_text(packer, "status", status_names[answer->status]);
    put_log(packer, answer->log_id, answer->epoch);
    packer_pair_natural(packer, "durable", answer->durable);
    packer_pair_natural(packer, "next", answer->next);
    packer_text(packer, "learners");
    packer_binary(packer, answer->learners);
    packer_text(packer, "detail");
    packer_slice(packer, answer->detail);
    return packer_take(packer);
}

/* True where there is one, false for nil. */
static bool read_log_id(struct mp *mp, uint8_t log_id[LOG_ID_BYTES])
{
    struct mp_value value = mp_read(mp);
    if (value.type == MP_NIL)
        return false;
    if (value.type != MP_BIN || value.bytes.size != LOG_ID_BYTES) {
        mp_fail(mp, "`log` is not 16 bytes or nil");
        return false;
    }
    memcpy(log_id, value.bytes.data, LOG_ID_BYTES);
    return true;
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

enum {
    KEY_COUNT = 8, /* of a request and of an answer alike */
    ALL_KEYS = (1 << KEY_COUNT) - 1
};
enum request_key {
    REQUEST_V,
    REQUEST_OP,
    REQUEST_LOG,
    REQUEST_EPOCH,
    REQUEST_OFFSET,
    REQUEST_LEARNERS,
    REQUEST_MAX_BYTES,
    REQUEST_WAIT_MS,
};
enum answer_key {
    ANSWER_V,
    ANSWER_STATUS,
    ANSWER_LOG,
    ANSWER_EPOCH,
    ANSWER_DURABLE,
    ANSWER_NEXT,
    ANSWER_LEARNERS,
    ANSWER_DETAIL,
};
static const char *const request_keys[KEY_COUNT] = {
    [REQUEST_V] = "v",
    [REQUEST_OP] = "op",
    [REQUEST_LOG] = "log",
    [REQUEST_EPOCH] = "epoch",
    [REQUEST_OFFSET] = "offset",
    [REQUEST_LEARNERS] = "learners",
    [REQUEST_MAX_BYTES] = "max_bytes",
    [REQUEST_WAIT_MS] = "wait_ms",
};
static const char *const answer_keys[KEY_COUNT] = {
    [ANSWER_V] = "v",
    [ANSWER_STATUS] = "status",
    [ANSWER_LOG] = "log",
    [ANSWER_EPOCH] = "epoch",
    [ANSWER_DURABLE] = "durable",
    [ANSWER_NEXT] = "next",
    [ANSWER_LEARNERS] = "learners",
    [ANSWER_DETAIL] = "detail",
};

/* The next key's place in the list, KEY_COUNT for a stranger. A key that stands twice is an error. */
static unsigned read_key(struct mp *mp, const char *const keys[KEY_COUNT], unsigned *seen)
{
    struct slice name = mp_str(mp);
    unsigned key = 0;
    while (key < KEY_COUNT && !slice_equal(name, slice_of_text(keys[key])))
        key++;
    if (key < KEY_COUNT && (*seen & 1u << key))
        mp_fail(mp, "a key stands twice");
    *seen |= 1u << key;
    return key;
}

static void read_request_pair(struct mp *mp, struct fetch_request *request, unsigned *seen)
{
    switch (read_key(mp, request_keys, seen)) {
    case REQUEST_V:
        read_version(mp);
        break;
    case REQUEST_OP:
        read_fixed(mp, "fetch", "an operation other than `fetch`");
        break;
    case REQUEST_LOG:
        request->has_log = read_log_id(mp, request->log_id);
        break;
    case REQUEST_EPOCH:
        request->epoch = read_u32(mp);
        break;
    case REQUEST_OFFSET:
        request->offset = mp_uint(mp);
        break;
    case REQUEST_LEARNERS:
        request->learners = read_u32(mp);
        break;
    case REQUEST_MAX_BYTES:
        request->max_bytes = read_u32(mp);
        break;
    case REQUEST_WAIT_MS:
        request->wait_ms = read_u32(mp);
        break;
    default:
        mp_fail(mp, "an unknown key");
    }
}

enum status fetch_request_decode(struct slice bytes, struct fetch_request *request, struct error *error)
{
    struct mp mp = mp_open(bytes);
    struct fetch_request read = {0};
    unsigned seen = 0;
    if (mp_map(&mp) != KEY_COUNT)
        mp_fail(&mp, "not a map of its 8 keys");
    for (int i = 0; i < KEY_COUNT && !mp.error; i++)
        read_request_pair(&mp, &read, &seen);
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

static void read_answer_log(struct mp *mp, struct fetch_answer *answer)
{
    if (!read_log_id(mp, answer->log_id))
        mp_fail(mp, "an answer names its log");
}

static void read_learners(struct mp *mp, struct fetch_answer *answer)
{
    answer->learners = mp_bin(mp);
    if (answer->learners.size % LID_BYTES != 0)
        mp_fail(mp, "`learners` is not a list of 16 bytes each");
}

static void read_answer_pair(struct mp *mp, struct fetch_answer *answer, unsigned *seen)
{
    switch (read_key(mp, answer_keys, seen)) {
    case ANSWER_V:
        read_version(mp);
        break;
    case ANSWER_STATUS:
        read_status(mp, answer);
        break;
    case ANSWER_LOG:
        read_answer_log(mp, answer);
        break;
    case ANSWER_EPOCH:
        answer->epoch = read_u32(mp);
        break;
    case ANSWER_DURABLE:
        answer->durable = mp_uint(mp);
        break;
    case ANSWER_NEXT:
        answer->next = mp_uint(mp);
        break;
    case ANSWER_LEARNERS:
        read_learners(mp, answer);
        break;
    case ANSWER_DETAIL:
        answer->detail = mp_str(mp);
        break;
    default:
        mp_skip(mp);
    }
}

enum status fetch_answer_decode(struct slice bytes, struct fetch_answer *answer, struct error *error)
{
    struct mp mp = mp_open(bytes);
    struct fetch_answer read = {.status = FETCH_STATUS_COUNT};
    unsigned seen = 0;
    uint32_t pairs = mp_map(&mp);
    for (uint32_t i = 0; i < pairs && !mp.error; i++)
        read_answer_pair(&mp, &read, &seen);
    if (!mp_done(&mp) || (seen & ALL_KEYS) != ALL_KEYS)
        return error_set(error, STATUS_PROTOCOL, "an answer to a fetch is malformed: %s",
                         mp.error ? mp.error : "a key is missing, or bytes are left over");
    *answer = read;
    return STATUS_OK;
}
