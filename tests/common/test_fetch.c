#include "common/fetch.h"

#include <criterion/criterion.h>

#include "tests/support/bytes.h"

TestSuite(fetch);

static const uint8_t log_id[LOG_ID_BYTES] = "0123456789abcdef";

static enum status decode_request(const struct bytes *bytes, struct fetch_request *request)
{
    struct error error = {0};
    uint8_t *copy = exact_copy(bytes_slice(bytes));
    enum status status = fetch_request_decode(slice_of(copy, bytes->size), request, &error);
    cr_assert(status == STATUS_OK || (status == STATUS_PROTOCOL && strlen(error.text) > 0));
    free(copy);
    return status;
}

static enum status decode_answer(const struct bytes *bytes, struct fetch_answer *answer)
{
    struct error error = {0};
    enum status status = fetch_answer_decode(bytes_slice(bytes), answer, &error);
    cr_assert(status == STATUS_OK || (status == STATUS_PROTOCOL && strlen(error.text) > 0));
    return status;
}

/* What an encoder gave, with its bytes taken over. */
static struct bytes take(struct slice encoded)
{
    struct bytes bytes = {0};
    bytes_add(&bytes, encoded.data, encoded.size);
    union {
        const uint8_t *given;
        void *owned;
    } memory = {.given = encoded.data};
    free(memory.owned);
    return bytes;
}

static struct fetch_request some_request(void)
{
    struct fetch_request request = {.has_log = true,
                                    .epoch = UINT32_MAX,
                                    .offset = UINT64_MAX,
                                    .learners = UINT32_MAX,
                                    .max_bytes = FETCH_MAX_BYTES,
                                    .wait_ms = FETCH_MAX_WAIT_MS};
    memcpy(request.log_id, log_id, sizeof log_id);
    return request;
}

Test(fetch, a_request_comes_back_as_it_was_sent)
{
    for (int has_log = 0; has_log < 2; has_log++) {
        struct fetch_request sent = some_request(), got;
        sent.has_log = has_log;
        struct bytes bytes = take(fetch_request_encode(&sent));
        cr_assert_leq(bytes.size, FETCH_MAX_REQUEST_BYTES);
        cr_assert_eq(decode_request(&bytes, &got), STATUS_OK);
        cr_assert_eq(got.has_log, sent.has_log);
        cr_assert(!has_log || memcmp(got.log_id, log_id, sizeof log_id) == 0);
        cr_assert(got.epoch == sent.epoch && got.offset == sent.offset && got.learners == sent.learners);
        cr_assert(got.max_bytes == sent.max_bytes && got.wait_ms == sent.wait_ms);
        bytes_free(&bytes);
    }
}

Test(fetch, an_answer_comes_back_as_it_was_sent)
{
    static const uint8_t lids[3 * LID_BYTES] = "three learners' ids of sixteen bytes each, here";
    for (unsigned status = 0; status < FETCH_STATUS_COUNT; status++)
        for (size_t learners = 0; learners <= 3; learners++) {
            struct fetch_answer got, sent = {.status = status, .epoch = 7, .durable = UINT64_MAX, .next = 12};
            memcpy(sent.log_id, log_id, sizeof log_id);
            if (learners > 0) /* none: a slice without data */
                sent.learners = slice_of(lids, learners * LID_BYTES);
            if (status != FETCH_OK)
                sent.detail = slice_of_text("why");
            struct bytes bytes = take(fetch_answer_encode(&sent));
            cr_assert_eq(decode_answer(&bytes, &got), STATUS_OK);
            cr_assert_eq(got.status, status);
            cr_assert(memcmp(got.log_id, log_id, sizeof log_id) == 0);
            cr_assert(got.epoch == sent.epoch && got.durable == sent.durable && got.next == sent.next);
            cr_assert(slice_equal(got.learners, sent.learners) && slice_equal(got.detail, sent.detail));
            bytes_free(&bytes);
        }
}

/* ---- requests in parts ---- */

static const char *const request_keys[] = {"v", "op", "log", "epoch", "offset", "learners", "max_bytes", "wait_ms"};
static const char *const request_values[] = {"01", "a5 66 65 74 63 68", "c0", "01", "02", "03", "04", "05"};
static const char *const answer_keys[] = {"v", "status", "log", "epoch", "durable", "next", "learners", "detail"};
static const char *const answer_values[] = {
    "01", "a2 6f 6b", "c4 10 30313233343536373839616263646566", "01", "02", "03", "c4 00", "a0"};

/* The pairs of a map of eight: `without` one, one `instead`, one `again`; 8: none. */
static struct bytes pairs_of(const char *const *keys, const char *const *values, size_t without, size_t again)
{
    struct bytes bytes = {0};
    pack_map(&bytes, 8 - (without < 8) + (again < 8));
    for (size_t i = 0; i < 9; i++) {
        size_t pair = i < 8 ? i : again;
        if (pair == 8 || i == without)
            continue;
        pack_text(&bytes, keys[pair]);
        bytes_hex(&bytes, values[pair]);
    }
    return bytes;
}

static enum status request_of(size_t without, size_t again)
{
    struct fetch_request request;
    struct bytes bytes = pairs_of(request_keys, request_values, without, again);
    enum status status = decode_request(&bytes, &request);
    bytes_free(&bytes);
    return status;
}

static enum status answer_of(size_t without, size_t again)
{
    struct fetch_answer answer;
    struct bytes bytes = pairs_of(answer_keys, answer_values, without, again);
    enum status status = decode_answer(&bytes, &answer);
    bytes_free(&bytes);
    return status;
}

Test(fetch, each_key_stands_once)
{
    cr_assert_eq(request_of(8, 8), STATUS_OK);
    cr_assert_eq(answer_of(8, 8), STATUS_OK);
    for (size_t key = 0; key < 8; key++) {
        cr_assert_eq(request_of(key, 8), STATUS_PROTOCOL, "without `%s`", request_keys[key]);
        cr_assert_eq(request_of(8, key), STATUS_PROTOCOL, "`%s` twice", request_keys[key]);
        cr_assert_eq(request_of(key, (key + 1) % 8), STATUS_PROTOCOL, "another key instead of `%s`", request_keys[key]);
        cr_assert_eq(answer_of(key, 8), STATUS_PROTOCOL, "without `%s`", answer_keys[key]);
        cr_assert_eq(answer_of(8, key), STATUS_PROTOCOL, "`%s` twice", answer_keys[key]);
    }
}

static enum status request_with(size_t key, const char *value)
{
    const char *values[8];
    struct fetch_request request;
    memcpy(values, request_values, sizeof values);
    values[key] = value;
    struct bytes bytes = pairs_of(request_keys, values, 8, 8);
    enum status status = decode_request(&bytes, &request);
    bytes_free(&bytes);
    return status;
}

static enum status answer_with(size_t key, const char *value)
{
    const char *values[8];
    struct fetch_answer answer;
    memcpy(values, answer_values, sizeof values);
    values[key] = value;
    struct bytes bytes = pairs_of(answer_keys, values, 8, 8);
    enum status status = decode_answer(&bytes, &answer);
    bytes_free(&bytes);
    return status;
}

Test(fetch, values_of_a_wrong_type_or_range_are_refused)
{
    static const char *const wrong[] = {"c3", "ff", "a1 31", "91 01", "80", "c4 01 61", "cb 00 00 00 00 00 00 00 00"};
    for (size_t key = 0; key < 8; key++)
        for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
            cr_assert_eq(request_with(key, wrong[i]), STATUS_PROTOCOL, "`%s`: %s", request_keys[key], wrong[i]);
            bool text = strcmp(answer_keys[key], "detail") == 0 && i == 2;
            cr_assert_eq(answer_with(key, wrong[i]), text ? STATUS_OK : STATUS_PROTOCOL, "`%s`: %s", answer_keys[key],
                         wrong[i]);
        }
    cr_assert_eq(request_with(0, "02"), STATUS_PROTOCOL, "another version");
    cr_assert_eq(request_with(1, "a3 67 65 74"), STATUS_PROTOCOL, "another operation");
    cr_assert_eq(request_with(2, "c4 10 30313233343536373839616263646566"), STATUS_OK);
    cr_assert_eq(request_with(2, "c4 0f 303132333435363738396162636465"), STATUS_PROTOCOL, "a log of 15 bytes");
    for (size_t key = 3; key < 8; key++) {
        bool wide = strcmp(request_keys[key], "offset") == 0;
        cr_assert_eq(request_with(key, "cf 00 00 00 01 00 00 00 00"), wide ? STATUS_OK : STATUS_PROTOCOL);
    }
    cr_assert_eq(answer_with(0, "02"), STATUS_PROTOCOL, "another version");
    cr_assert_eq(answer_with(1, "a1 78"), STATUS_PROTOCOL, "an unknown status");
    cr_assert_eq(answer_with(2, "c0"), STATUS_PROTOCOL, "an answer names its log");
    cr_assert_eq(answer_with(6, "c4 0f 303132333435363738396162636465"), STATUS_PROTOCOL, "a lid of 15 bytes");
    cr_assert_eq(answer_with(6, "c6 ff ff ff ff 00"), STATUS_PROTOCOL, "a length beyond the end");
}

Test(fetch, a_request_knows_no_other_keys_an_answer_passes_them_over)
{
    struct fetch_request request;
    struct fetch_answer answer;
    struct bytes of_request = pairs_of(request_keys, request_values, 8, 8);
    struct bytes of_answer = pairs_of(answer_keys, answer_values, 8, 8);
    of_request.data[4] = of_answer.data[4] = 9;
    bytes_hex(&of_request, "a3 6e 65 77 93 01 02 81 03 04");
    bytes_hex(&of_answer, "a3 6e 65 77 93 01 02 81 03 04");
    cr_assert_eq(decode_request(&of_request, &request), STATUS_PROTOCOL);
    cr_assert_eq(decode_answer(&of_answer, &answer), STATUS_OK);
    bytes_byte(&of_answer, 0xc0);
    cr_assert_eq(decode_answer(&of_answer, &answer), STATUS_PROTOCOL, "bytes left over");
    bytes_free(&of_request);
    bytes_free(&of_answer);
}

Test(fetch, truncations_and_mutations_leave_the_output_alone_or_are_whole)
{
    struct fetch_request sent = some_request(), got, untouched;
    struct bytes whole = take(fetch_request_encode(&sent));
    uint64_t seed = 8;
    memset(&untouched, 0x5a, sizeof untouched);
    for (int round = 0; round < 30000; round++) {
        struct bytes bytes = {0};
        bytes_add(&bytes, whole.data, whole.size);
        bool cut = round < (int)whole.size;
        if (cut)
            bytes.size = (size_t)round;
        else
            bytes.data[chance_below(&seed, bytes.size)] = (uint8_t)chance(&seed);
        memcpy(&got, &untouched, sizeof got);
        enum status status = decode_request(&bytes, &got);
        cr_assert(status == STATUS_OK ? !cut : memcmp(&got, &untouched, sizeof got) == 0);
        bytes_free(&bytes);
    }
    bytes_free(&whole);
}
