#include "common/wire.h"

#include <criterion/criterion.h>
#include <msgpack.h>

#include "tests/support/bytes.h"

TestSuite(answer);

static const uint8_t session[SESSION_BYTES] = "0123456789abcdef";

static struct answer named(enum answer_status status)
{
    struct answer answer = {.status = status, .has_session = true, .has_seq = true, .seq = 77};
    memcpy(answer.session, session, sizeof session);
    return answer;
}

static enum status decode(const struct bytes *bytes, struct answer *answer, struct answer_rejected *rejected)
{
    struct error error = {0};
    uint8_t *copy = exact_copy(bytes_slice(bytes));
    enum status status = answer_decode(slice_of(copy, bytes->size), answer, rejected, &error);
    cr_assert(status == STATUS_OK || (status == STATUS_PROTOCOL && strlen(error.text) > 0));
    free(copy);
    return status;
}

static void expect_same(const struct answer *sent)
{
    struct packer *buffer = packer_open();
    struct slice wire = answer_encode(buffer, sent);
    struct bytes bytes = {0};
    struct answer got;
    struct answer_rejected rejected[REJECTED_MAX_LISTED];
    bytes_add(&bytes, wire.data, wire.size);
    cr_assert_eq(decode(&bytes, &got, rejected), STATUS_OK);
    cr_assert_eq(got.status, sent->status);
    cr_assert(got.has_session == sent->has_session && got.has_seq == sent->has_seq);
    cr_assert(!sent->has_session || memcmp(got.session, sent->session, SESSION_BYTES) == 0);
    cr_assert_eq(got.seq, sent->seq);
    cr_assert(got.accepted == sent->accepted && got.rejected_total == sent->rejected_total);
    cr_assert(got.expected == sent->expected && got.retry_ms == sent->retry_ms);
    cr_assert(sent->status != ANSWER_REFUSED || got.refusal == sent->refusal);
    cr_assert_str_eq(got.detail, sent->detail);
    cr_assert_eq(got.rejected_count, sent->rejected_count);
    for (uint32_t i = 0; i < sent->rejected_count; i++)
        cr_assert(got.rejected[i].index == sent->rejected[i].index &&
                  got.rejected[i].verdict == sent->rejected[i].verdict);
    bytes_free(&bytes);
    packer_close(buffer);
}

Test(answer, every_status_comes_back_as_it_was_sent)
{
    for (unsigned status = 0; status < ANSWER_STATUS_COUNT; status++)
        for (unsigned refusal = 0; refusal < REFUSAL_COUNT; refusal++) {
            struct answer answer = named(status);
            answer.accepted = status == ANSWER_OK ? 65535 : 0;
            answer.expected = status == ANSWER_GAP ? UINT64_MAX : 0;
            answer.retry_ms = status == ANSWER_BUSY ? 2500 : 0;
            answer.refusal = refusal;
            if (status == ANSWER_REFUSED)
                strcpy(answer.detail, "`seq` is missing");
            expect_same(&answer);
            answer.has_session = answer.has_seq = false;
            answer.seq = 0;
            expect_same(&answer);
        }
}

Test(answer, rejected_events_come_back_with_their_codes)
{
    struct answer_rejected rejected[REJECTED_MAX_LISTED];
    for (uint32_t count = 1; count <= REJECTED_MAX_LISTED; count += 33) {
        for (uint32_t i = 0; i < count; i++)
            rejected[i] = (struct answer_rejected){i * 655, VERDICT_SHAPE + i % (VERDICT_COUNT - 1)};
        struct answer answer = named(ANSWER_OK);
        answer.rejected = rejected;
        answer.rejected_count = count;
        answer.rejected_total = count == REJECTED_MAX_LISTED ? 65535 : count;
        expect_same(&answer);
    }
}

/* What a client in another language sees, by msgpack-c. */
static void expect_keys(const struct answer *answer, const char *const *keys)
{
    struct packer *buffer = packer_open();
    msgpack_unpacked unpacked;
    size_t at = 0;
    msgpack_unpacked_init(&unpacked);
    (void)answer_encode(buffer, answer); /* the buffer is reused: nothing of an answer stays in the next */
    struct slice wire = answer_encode(buffer, answer);
    msgpack_unpack_return result = msgpack_unpack_next(&unpacked, (const char *)wire.data, wire.size, &at);
    cr_assert(result == MSGPACK_UNPACK_SUCCESS && at == wire.size);
    cr_assert_eq(unpacked.data.type, MSGPACK_OBJECT_MAP);
    uint32_t count = 0;
    for (; keys[count]; count++) {
        cr_assert_lt(count, unpacked.data.via.map.size);
        msgpack_object_str key = unpacked.data.via.map.ptr[count].key.via.str;
        cr_assert(slice_equal(slice_of(key.ptr, key.size), slice_of_text(keys[count])), "%.*s for %s", (int)key.size,
                  key.ptr, keys[count]);
    }
    cr_assert_eq(count, unpacked.data.via.map.size);
    msgpack_unpacked_destroy(&unpacked);
    packer_close(buffer);
}

#define expect_keys_of(answer, ...) expect_keys(answer, (const char *const[]){__VA_ARGS__, NULL})

Test(answer, each_status_carries_the_keys_of_the_protocol_and_no_other)
{
    struct answer_rejected one = {3, VERDICT_KIND};
    struct answer answer = named(ANSWER_OK);
    expect_keys_of(&answer, "v", "status", "session", "seq", "accepted", "rejected_total");
    answer.rejected = &one;
    answer.rejected_count = answer.rejected_total = 1;
    expect_keys_of(&answer, "v", "status", "session", "seq", "accepted", "rejected_total", "rejected");
    answer = named(ANSWER_DUPLICATE);
    expect_keys_of(&answer, "v", "status", "session", "seq");
    answer = named(ANSWER_GAP);
    expect_keys_of(&answer, "v", "status", "session", "seq", "expected");
    answer = named(ANSWER_BUSY);
    expect_keys_of(&answer, "v", "status", "session", "seq", "retry_ms");
    answer = named(ANSWER_REFUSED);
    answer.refusal = REFUSAL_CONFLICT;
    expect_keys_of(&answer, "v", "status", "session", "seq", "code", "detail");
    answer.refusal = REFUSAL_VERSION;
    expect_keys_of(&answer, "v", "status", "session", "seq", "code", "versions", "detail");
    answer.refusal = REFUSAL_MALFORMED;
    answer.has_seq = false;
    expect_keys_of(&answer, "v", "status", "session", "code", "detail");
    answer.has_session = false;
    expect_keys_of(&answer, "v", "status", "code", "detail");
}

/* ---- reading what a publisher may be sent ---- */

static enum status read_text(const char *pairs, size_t count, struct answer *answer)
{
    struct bytes bytes = {0};
    struct answer_rejected rejected[REJECTED_MAX_LISTED];
    bytes_byte(&bytes, 0x80 + (unsigned)count);
    bytes_hex(&bytes, pairs);
    enum status status = decode(&bytes, answer, rejected);
    bytes_free(&bytes);
    return status;
}

#define V         "a1 76 01 "
#define STATUS    "a6 73 74 61 74 75 73 "
#define OK        STATUS "a2 6f 6b "
#define GAP       STATUS "a3 67 61 70 "
#define BUSY      STATUS "a4 62 75 73 79 "
#define REFUSED   STATUS "a7 72 65 66 75 73 65 64 "
#define DUPLICATE STATUS "a9 64 75 70 6c 69 63 61 74 65 "
#define ACCEPTED  "a8 61 63 63 65 70 74 65 64 "
#define TOTAL     "ae 72 65 6a 65 63 74 65 64 5f 74 6f 74 61 6c "
#define REJECTED  "a8 72 65 6a 65 63 74 65 64 "
#define EXPECTED  "a8 65 78 70 65 63 74 65 64 "
#define RETRY     "a8 72 65 74 72 79 5f 6d 73 "
#define CODE      "a4 63 6f 64 65 "
#define MALFORMED "a9 6d 61 6c 66 6f 72 6d 65 64 "
#define SEQ       "a3 73 65 71 "
#define SESSION   "a7 73 65 73 73 69 6f 6e "
#define TOO_GREAT "cf 00 00 00 01 00 00 00 05 "

Test(answer, what_a_status_needs_must_be_there)
{
    static const struct {
        const char *what, *pairs;
        size_t count;
        bool fine;
    } cases[] = {
        {"ok", V OK ACCEPTED "05" TOTAL "00", 4, true},
        {"ok in another order", TOTAL "00" OK ACCEPTED "05" V, 4, true},
        {"ok without v", OK ACCEPTED "05" TOTAL "00", 3, false},
        {"ok of version 2", "a1 76 02" OK ACCEPTED "05" TOTAL "00", 4, false},
        {"ok without accepted", V OK TOTAL "00", 3, false},
        {"ok without rejected_total", V OK ACCEPTED "05", 3, false},
        {"duplicate", V DUPLICATE, 2, true},
        {"gap", V GAP EXPECTED "09", 3, true},
        {"gap without expected", V GAP, 2, false},
        {"gap with an expected of 0", V GAP EXPECTED "00", 3, false},
        {"busy", V BUSY RETRY "cd 03 e8", 3, true},
        {"busy without retry_ms", V BUSY, 2, false},
        {"refused", V REFUSED CODE MALFORMED, 3, true},
        {"refused without code", V REFUSED, 2, false},
        {"refused with an unknown code", V REFUSED CODE "a1 78", 3, false},
        {"no status", V, 1, false},
        {"an unknown status", V STATUS "a3 79 65 73", 2, false},
        {"a status that is no string", V STATUS "01", 2, false},
        {"an unknown key", V DUPLICATE "a1 78 93 01 81 02 03 c0", 3, true},
        {"accepted above 32 bits", V OK ACCEPTED TOO_GREAT TOTAL "00", 4, false},
        {"rejected_total above 32 bits", V OK ACCEPTED "05" TOTAL TOO_GREAT, 4, false},
        {"retry_ms above 32 bits", V BUSY RETRY TOO_GREAT, 3, false},
        {"a repeated status", V DUPLICATE GAP EXPECTED "09", 4, false},
        {"a repeated seq", V DUPLICATE SEQ "01" SEQ "02", 4, false},
        {"a session of 15 bytes", V DUPLICATE SESSION "c4 0f 303132333435363738393031323334", 3, false},
        {"a session as text", V DUPLICATE SESSION "a1 30", 3, false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct answer answer;
        cr_assert_eq(read_text(cases[i].pairs, cases[i].count, &answer) == STATUS_OK, cases[i].fine, "%s",
                     cases[i].what);
    }
}

Test(answer, a_list_of_rejected_events_is_checked)
{
    static const struct {
        const char *what, *list;
        bool fine;
    } cases[] = {
        {"one", "91 92 03 a4 6b 69 6e 64", true},
        {"none", "90", true},
        {"accepted is no code of rejection", "91 92 03 a8 61 63 63 65 70 74 65 64", false},
        {"an unknown code", "91 92 03 a1 78", false},
        {"an index above 32 bits", "91 92" TOO_GREAT "a4 6b 69 6e 64", false},
        {"a triple", "91 93 03 a4 6b 69 6e 64 00", false},
        {"an index that is negative", "91 92 ff a4 6b 69 6e 64", false},
        {"a count beyond the end", "dd ff ff ff ff", false},
        {"no array", "01", false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct bytes hex = {0};
        struct answer answer;
        bytes_add(&hex, V OK ACCEPTED "05" TOTAL "01" REJECTED, strlen(V OK ACCEPTED "05" TOTAL "01" REJECTED));
        bytes_add(&hex, cases[i].list, strlen(cases[i].list) + 1);
        cr_assert_eq(read_text((const char *)hex.data, 5, &answer) == STATUS_OK, cases[i].fine, "%s", cases[i].what);
        bytes_free(&hex);
    }
}

Test(answer, more_than_100_rejected_events_are_refused_before_they_are_kept)
{
    struct bytes bytes = {0};
    struct answer answer;
    struct answer_rejected rejected[REJECTED_MAX_LISTED];
    bytes_byte(&bytes, 0x85);
    bytes_hex(&bytes, V OK ACCEPTED "05" TOTAL "01" REJECTED);
    pack_array(&bytes, REJECTED_MAX_LISTED + 1);
    for (int i = 0; i <= REJECTED_MAX_LISTED; i++)
        bytes_hex(&bytes, "92 03 a4 6b 69 6e 64");
    cr_assert_eq(decode(&bytes, &answer, rejected), STATUS_PROTOCOL);
    bytes_free(&bytes);
}

Test(answer, a_long_detail_is_cut_and_ended)
{
    struct bytes bytes = {0};
    struct answer answer;
    struct answer_rejected rejected[REJECTED_MAX_LISTED];
    char text[3 * ANSWER_DETAIL_BYTES];
    memset(text, 'x', sizeof text);
    bytes_byte(&bytes, 0x84);
    bytes_hex(&bytes, V REFUSED CODE MALFORMED);
    pack_text(&bytes, "detail");
    pack_str(&bytes, text, sizeof text);
    cr_assert_eq(decode(&bytes, &answer, rejected), STATUS_OK);
    cr_assert_eq(strlen(answer.detail), ANSWER_DETAIL_BYTES - 1);
    bytes_free(&bytes);
}

Test(answer, truncated_and_mutated_answers_leave_the_output_alone_or_are_whole)
{
    struct answer_rejected list[2] = {{1, VERDICT_SHAPE}, {70000, VERDICT_VALUE}}, rejected[REJECTED_MAX_LISTED];
    struct answer answer = named(ANSWER_OK), untouched, got;
    struct packer *buffer = packer_open();
    uint64_t seed = 7;
    memset(&untouched, 0x5a, sizeof untouched);
    answer.rejected = list;
    answer.rejected_count = answer.rejected_total = 2;
    struct slice wire = answer_encode(buffer, &answer);
    ensure(wire.size > 0);
    for (int round = 0; round < 50000; round++) {
        struct bytes bytes = {0};
        bytes_add(&bytes, wire.data, wire.size);
        if (round < (int)wire.size)
            bytes.size = (size_t)round;
        for (uint64_t changes = round < (int)wire.size ? 0 : 1 + chance_below(&seed, 3); changes > 0; changes--)
            bytes.data[chance_below(&seed, bytes.size)] = (uint8_t)chance(&seed);
        memcpy(&got, &untouched, sizeof got);
        enum status status = decode(&bytes, &got, rejected);
        cr_assert(status == STATUS_OK || memcmp(&got, &untouched, sizeof got) == 0);
        cr_assert(status != STATUS_OK || round >= (int)wire.size, "a truncation at %d was taken", round);
        cr_assert(status != STATUS_OK || got.rejected_count <= REJECTED_MAX_LISTED);
        bytes_free(&bytes);
    }
    packer_close(buffer);
}
