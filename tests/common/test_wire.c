#include "common/wire.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/support/bytes.h"

TestSuite(wire);

static const uint8_t session[SESSION_BYTES] = "0123456789abcdef";
static const int64_t now_ms = 1700000000000;

/* ---- batches in parts ---- */

enum key {
    KEY_V,
    KEY_SESSION,
    KEY_SEQ,
    KEY_ACKED,
    KEY_SENT,
    KEY_EVENTS,
    KEY_COUNT,
};

static const char *const key_names[KEY_COUNT] = {"v", "session", "seq", "acked", "sent", "events"};

static void pack_event(struct bytes *bytes)
{
    bytes_byte(bytes, 0x94);
    pack_text(bytes, "open");
    pack_uint(bytes, (uint64_t)now_ms);
    pack_text(bytes, "siswa-7");
    pack_text(bytes, "m1/t1");
}

static void pack_value(struct bytes *bytes, enum key key)
{
    switch (key) {
    case KEY_V:
        pack_uint(bytes, 1);
        break;
    case KEY_SESSION:
        pack_bin(bytes, session, sizeof session);
        break;
    case KEY_SEQ:
        pack_uint(bytes, 5);
        break;
    case KEY_ACKED:
        pack_uint(bytes, 4);
        break;
    case KEY_SENT:
        pack_int(bytes, -7);
        break;
    case KEY_EVENTS:
        pack_array(bytes, 2);
        pack_event(bytes);
        pack_event(bytes);
        break;
    case KEY_COUNT:
        break;
    }
}

static void pack_pair(struct bytes *bytes, enum key key)
{
    pack_text(bytes, key_names[key]);
    pack_value(bytes, key);
}

/* All keys but `without`, in their order; `hex` stands for the value of `instead`. KEY_COUNT: none. */
static void pack_batch(struct bytes *bytes, enum key without, enum key instead, const char *hex)
{
    pack_map(bytes, without == KEY_COUNT ? KEY_COUNT : KEY_COUNT - 1);
    for (enum key key = 0; key < KEY_COUNT; key++) {
        if (key == without)
            continue;
        if (key != instead) {
            pack_pair(bytes, key);
            continue;
        }
        pack_text(bytes, key_names[key]);
        bytes_hex(bytes, hex);
    }
}

/* What came of a message: the header's result, the events' verdicts, and whether it was whole. */
struct outcome {
    enum wire_result result;
    struct wire_batch batch;
    uint32_t events;
    uint32_t count[VERDICT_COUNT];
    bool whole;
    size_t events_at, events_size;
};

static struct outcome take(const struct bytes *bytes)
{
    struct outcome outcome = {0};
    uint8_t *copy = exact_copy(bytes_slice(bytes));
    struct event event;
    enum verdict verdict;
    outcome.result = wire_batch_read(slice_of(copy, bytes->size), &outcome.batch);
    while (outcome.result == WIRE_OK && wire_event_next(&outcome.batch, &event, &verdict)) {
        if (verdict == VERDICT_ACCEPTED)
            verdict = event_check(&event, now_ms - 1000, now_ms + FUTURE_TOLERANCE_MS);
        outcome.count[verdict]++;
        outcome.events++;
    }
    outcome.whole = outcome.result == WIRE_OK && wire_batch_finish(&outcome.batch);
    if (outcome.whole) {
        outcome.events_at = (size_t)(outcome.batch.events.data - copy);
        outcome.events_size = outcome.batch.events.size;
    }
    free(copy);
    return outcome;
}

static struct outcome take_and_free(struct bytes *bytes)
{
    struct outcome outcome = take(bytes);
    bytes_free(bytes);
    return outcome;
}

static void expect_malformed(struct bytes *bytes, const char *what)
{
    struct outcome outcome = take_and_free(bytes);
    cr_assert_not(outcome.whole, "%s was taken", what);
    cr_assert_neq(outcome.result, WIRE_BAD_VERSION, "%s", what);
    cr_assert_not_null(outcome.batch.detail, "%s has no detail", what);
    cr_assert_lt(strlen(outcome.batch.detail), ANSWER_DETAIL_BYTES);
}

/* ---- keys ---- */

static void next_permutation(enum key keys[KEY_COUNT])
{
    int i = KEY_COUNT - 2, j = KEY_COUNT - 1;
    while (i >= 0 && keys[i] > keys[i + 1])
        i--;
    if (i < 0)
        return;
    while (keys[j] < keys[i])
        j--;
    enum key swap = keys[i];
    keys[i] = keys[j];
    keys[j] = swap;
    for (int a = i + 1, b = KEY_COUNT - 1; a < b; a++, b--) {
        swap = keys[a];
        keys[a] = keys[b];
        keys[b] = swap;
    }
}

Test(wire, keys_stand_in_any_order)
{
    enum key keys[KEY_COUNT] = {0, 1, 2, 3, 4, 5};
    struct bytes events = {0};
    pack_value(&events, KEY_EVENTS);
    for (int order = 0; order < 720; order++, next_permutation(keys)) {
        struct bytes bytes = {0};
        pack_map(&bytes, KEY_COUNT);
        for (int i = 0; i < KEY_COUNT; i++)
            pack_pair(&bytes, keys[i]);
        struct outcome outcome = take(&bytes);
        cr_assert(outcome.whole, "order %d: %s", order, outcome.batch.detail);
        cr_assert_eq(outcome.count[VERDICT_ACCEPTED], 2);
        cr_assert_eq(outcome.batch.event_count, 2);
        cr_assert(memcmp(outcome.batch.session, session, sizeof session) == 0);
        cr_assert(outcome.batch.seq == 5 && outcome.batch.acked == 4 && outcome.batch.sent_ms == -7);
        cr_assert_eq(outcome.events_size, events.size, "the events' bytes are known wherever they stand");
        cr_assert(memcmp(bytes.data + outcome.events_at, events.data, events.size) == 0);
        bytes_free(&bytes);
    }
    bytes_free(&events);
}

Test(wire, a_missing_key_is_malformed_but_for_acked_and_sent)
{
    for (enum key key = 0; key < KEY_COUNT; key++) {
        struct bytes bytes = {0};
        pack_batch(&bytes, key, KEY_COUNT, "");
        if (key != KEY_ACKED && key != KEY_SENT) {
            expect_malformed(&bytes, key_names[key]);
            continue;
        }
        struct outcome outcome = take_and_free(&bytes);
        cr_assert(outcome.whole, "%s", key_names[key]);
        cr_assert(key == KEY_ACKED ? !outcome.batch.has_acked && outcome.batch.acked == 0 : !outcome.batch.has_sent);
    }
}

Test(wire, a_repeated_key_is_malformed_and_the_first_one_counts)
{
    for (enum key key = 0; key < KEY_COUNT; key++) {
        struct bytes bytes = {0};
        pack_map(&bytes, KEY_COUNT + 1);
        for (enum key other = 0; other < KEY_COUNT; other++)
            pack_pair(&bytes, other);
        pack_pair(&bytes, key);
        expect_malformed(&bytes, key_names[key]);
    }
    struct bytes bytes = {0};
    pack_map(&bytes, 3);
    pack_pair(&bytes, KEY_SESSION);
    pack_text(&bytes, "session");
    pack_bin(&bytes, "another session.", 16);
    pack_pair(&bytes, KEY_SEQ);
    struct outcome outcome = take_and_free(&bytes);
    cr_assert(outcome.batch.has_session && memcmp(outcome.batch.session, session, sizeof session) == 0);
}

Test(wire, an_unknown_key_is_malformed_of_whatever_type)
{
    static const char *const keys[] = {"a1 78",    "a0",          "c0",       "01",   "c4 01 76",
                                       "91 a1 76", "81 a1 76 01", "a2 76 00", "a1 56"};
    static const char *const values[] = {"01", "93 01 02 03", "81 01 91 c0", "d9 01 61"};
    for (size_t k = 0; k < ARRAY_COUNT(keys); k++)
        for (size_t v = 0; v < ARRAY_COUNT(values); v++) {
            struct bytes bytes = {0};
            pack_map(&bytes, KEY_COUNT + 1);
            bytes_hex(&bytes, keys[k]);
            bytes_hex(&bytes, values[v]);
            for (enum key key = 0; key < KEY_COUNT; key++)
                pack_pair(&bytes, key);
            struct outcome outcome = take(&bytes);
            cr_assert(outcome.batch.has_session && outcome.batch.has_seq, "read past the stranger");
            cr_assert_str_eq(outcome.batch.detail, "an unknown key");
            expect_malformed(&bytes, keys[k]);
        }
}

Test(wire, a_wrong_type_is_malformed_and_what_follows_is_read)
{
    static const char *const wrong[] = {
        "c0",    "c3",       "ff",       "cb 3f f0 00 00 00 00 00 00",           "a1 31", "c4 01 31",
        "91 01", "81 01 02", "d4 01 02", "c4 0f 303132333435363738393031323334", "a0",    "90"};
    for (enum key key = 0; key < KEY_COUNT; key++)
        for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
            struct bytes bytes = {0};
            bool fits = (key == KEY_SENT && strcmp(wrong[i], "ff") == 0) ||
                        (key == KEY_EVENTS && strcmp(wrong[i], "91 01") == 0);
            pack_batch(&bytes, KEY_COUNT, key, wrong[i]);
            if (fits) {
                cr_assert(take_and_free(&bytes).whole);
                continue;
            }
            struct outcome outcome = take(&bytes);
            cr_assert_eq(outcome.result, WIRE_MALFORMED, "%s: %s", key_names[key], wrong[i]);
            cr_assert_eq(outcome.batch.has_session, key != KEY_SESSION);
            cr_assert_eq(outcome.batch.has_seq, key != KEY_SEQ);
            cr_assert_not_null(strstr(outcome.batch.detail, key_names[key]), "%s", outcome.batch.detail);
            expect_malformed(&bytes, wrong[i]);
        }
}

Test(wire, numbers_have_their_bounds)
{
    static const struct {
        enum key key;
        const char *hex;
        bool fine;
    } cases[] = {
        {KEY_SEQ, "00", false},
        {KEY_SEQ, "01", true},
        {KEY_SEQ, "cf ff ff ff ff ff ff ff fe", true},
        {KEY_SEQ, "d3 00 00 00 00 00 00 00 05", true}, /* a language without unsigned integers */
        {KEY_ACKED, "cf ff ff ff ff ff ff ff fe", true},
        {KEY_SEQ, "cf ff ff ff ff ff ff ff ff", false}, /* no seq could follow */
        {KEY_ACKED, "cf ff ff ff ff ff ff ff ff", false},
        {KEY_SENT, "cf 7f ff ff ff ff ff ff ff", true},
        {KEY_SENT, "cf 80 00 00 00 00 00 00 00", false},
        {KEY_V, "d0 01", true},
        {KEY_V, "cf 00 00 00 00 00 00 00 01", true},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct bytes bytes = {0};
        pack_batch(&bytes, KEY_COUNT, cases[i].key, cases[i].hex);
        struct outcome outcome = take_and_free(&bytes);
        cr_assert_eq(outcome.whole, cases[i].fine, "%s %s", key_names[cases[i].key], cases[i].hex);
    }
    struct bytes zero = {0};
    pack_batch(&zero, KEY_COUNT, KEY_SEQ, "00");
    cr_assert_not(take_and_free(&zero).batch.has_seq, "a seq of 0 settles nothing");
}

/* ---- the version goes before everything ---- */

Test(wire, another_version_is_told_whatever_else_is_wrong)
{
    for (enum key wrong = KEY_SESSION; wrong < KEY_COUNT; wrong++)
        for (int missing = 0; missing < 2; missing++) {
            struct bytes bytes = {0}, rest = {0};
            pack_batch(&rest, missing ? wrong : KEY_COUNT, wrong, "81 a1 78 91 c0");
            pack_map(&bytes, rest.data[4] + 1u);
            pack_text(&bytes, "colour");
            pack_text(&bytes, "of a later version");
            bytes_add(&bytes, rest.data + 5, 4);
            bytes_byte(&bytes, 2);
            bytes_add(&bytes, rest.data + 10, rest.size - 10);
            struct outcome outcome = take_and_free(&bytes);
            cr_assert_eq(outcome.result, WIRE_BAD_VERSION, "%s", key_names[wrong]);
            cr_assert_eq(outcome.batch.has_session, wrong != KEY_SESSION);
            cr_assert_eq(outcome.batch.has_seq, wrong != KEY_SEQ);
            bytes_free(&rest);
        }
}

Test(wire, another_version_is_found_behind_everything_else)
{
    struct bytes bytes = {0};
    pack_map(&bytes, 4);
    bytes_byte(&bytes, 0xc0);
    pack_array(&bytes, 1);
    bytes_byte(&bytes, 0x80);
    pack_pair(&bytes, KEY_SEQ);
    pack_pair(&bytes, KEY_SESSION);
    pack_text(&bytes, "v");
    pack_uint(&bytes, UINT64_MAX - 1);
    struct outcome outcome = take_and_free(&bytes);
    cr_assert_eq(outcome.result, WIRE_BAD_VERSION);
    cr_assert(outcome.batch.has_session && outcome.batch.has_seq);
    cr_assert_eq(outcome.batch.seq, 5);
    cr_assert_eq(outcome.batch.version, UINT64_MAX - 1);
}

Test(wire, a_version_that_is_no_number_is_malformed)
{
    static const char *const wrong[] = {"a1 32", "ff", "c0", "ca 40 00 00 00"};
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        struct bytes bytes = {0};
        pack_batch(&bytes, KEY_COUNT, KEY_V, wrong[i]);
        expect_malformed(&bytes, wrong[i]);
    }
}

/* ---- bytes ---- */

Test(wire, bytes_left_over_are_malformed_wherever_events_stand)
{
    struct bytes last = {0}, first = {0};
    pack_batch(&last, KEY_COUNT, KEY_COUNT, "");
    bytes_byte(&last, 0xc0);
    cr_assert_str_eq(take(&last).batch.detail, "bytes are left over");
    cr_assert_eq(take(&last).count[VERDICT_ACCEPTED], 2, "told only when the events are read: keep a mark");
    expect_malformed(&last, "a nil after the batch");
    pack_map(&first, 4);
    pack_pair(&first, KEY_EVENTS);
    pack_pair(&first, KEY_V);
    pack_pair(&first, KEY_SESSION);
    pack_pair(&first, KEY_SEQ);
    cr_assert(take(&first).whole);
    bytes_byte(&first, 0xc0);
    cr_assert_eq(take(&first).result, WIRE_MALFORMED);
    cr_assert_str_eq(take(&first).batch.detail, "bytes are left over");
    expect_malformed(&first, "a nil after the batch");
}

Test(wire, every_truncation_is_malformed)
{
    static const enum key last[] = {KEY_EVENTS, KEY_SENT};
    for (size_t form = 0; form < ARRAY_COUNT(last); form++) {
        struct bytes bytes = {0};
        pack_map(&bytes, 4 + form);
        for (enum key key = 0; key < KEY_COUNT; key++)
            if (key != KEY_ACKED && key != KEY_SENT)
                pack_pair(&bytes, key);
        if (last[form] == KEY_SENT)
            pack_pair(&bytes, KEY_SENT);
        cr_assert(take(&bytes).whole);
        for (size_t size = 0; size < bytes.size; size++) {
            struct bytes cut = {bytes.data, size, bytes.room};
            struct outcome outcome = take(&cut);
            cr_assert_not(outcome.whole, "%zu of %zu bytes", size, bytes.size);
            cr_assert_not_null(outcome.batch.detail);
            bool told = strstr(outcome.batch.detail, "cut") || strstr(outcome.batch.detail, "beyond the end");
            cr_assert(told, "%zu of %zu bytes: %s", size, bytes.size, outcome.batch.detail);
        }
        bytes_free(&bytes);
    }
}

Test(wire, hostile_counts_and_lengths_are_malformed)
{
    static const char *const messages[] = {
        "",
        "c0",
        "90",
        "01",
        "c1",
        "80",
        "df ff ff ff ff",
        "de ff ff",
        "8f a1 76 01",
        "81 a6 65 76 65 6e 74 73 dd ff ff ff ff",
        "81 db ff ff ff ff 76 01",
        "81 a7 73 65 73 73 69 6f 6e c6 ff ff ff ff",
        "df 00 00 00 01 a1 76 c7 ff",
        "81 a1 76 dd 7f ff ff ff",
        "81 dd ff ff ff ff",
        "81 a1 76 c1",
    };
    for (size_t i = 0; i < ARRAY_COUNT(messages); i++) {
        struct bytes bytes = {0};
        bytes_hex(&bytes, messages[i]);
        expect_malformed(&bytes, messages[i]);
    }
}

Test(wire, deep_nesting_is_passed_over_without_recursion)
{
    struct bytes bytes = {0};
    pack_map(&bytes, KEY_COUNT + 1);
    pack_text(&bytes, "deep");
    for (int i = 0; i < 500000; i++)
        bytes_byte(&bytes, 0x91);
    bytes_byte(&bytes, 0xc0);
    for (enum key key = 0; key < KEY_COUNT; key++)
        pack_pair(&bytes, key);
    cr_assert_str_eq(take(&bytes).batch.detail, "an unknown key");
    bytes_free(&bytes);
}

/* ---- events ---- */

Test(wire, a_batch_has_1_to_65535_events)
{
    static const uint32_t counts[] = {0, 1, 65535, 65536};
    for (size_t i = 0; i < ARRAY_COUNT(counts); i++)
        for (int events_last = 0; events_last < 2; events_last++) {
            struct bytes bytes = {0};
            pack_map(&bytes, 4);
            for (enum key key = 0; key <= KEY_SEQ; key++)
                if (key != KEY_V || events_last)
                    pack_pair(&bytes, key);
            pack_text(&bytes, "events");
            pack_array(&bytes, counts[i]);
            for (uint32_t n = 0; n < counts[i]; n++)
                bytes_byte(&bytes, 0x90);
            if (!events_last)
                pack_pair(&bytes, KEY_V);
            struct outcome outcome = take_and_free(&bytes);
            bool fits = counts[i] >= 1 && counts[i] <= BATCH_MAX_EVENTS;
            cr_assert_eq(outcome.whole, fits, "%u events", counts[i]);
            cr_assert_eq(outcome.count[VERDICT_SHAPE], fits ? counts[i] : 0);
        }
}

static enum verdict judge(const char *hex)
{
    struct bytes bytes = {0};
    pack_map(&bytes, 4);
    for (enum key key = 0; key <= KEY_SEQ; key++)
        pack_pair(&bytes, key);
    pack_text(&bytes, "events");
    pack_array(&bytes, 3);
    pack_event(&bytes);
    bytes_hex(&bytes, hex);
    pack_event(&bytes);
    struct outcome outcome = take_and_free(&bytes);
    cr_assert(outcome.whole && outcome.events == 3, "%s: %s", hex, outcome.batch.detail);
    cr_assert_geq(outcome.count[VERDICT_ACCEPTED], 2, "its neighbours are untouched");
    for (unsigned verdict = VERDICT_SHAPE; verdict < VERDICT_COUNT; verdict++)
        if (outcome.count[verdict])
            return verdict;
    return VERDICT_ACCEPTED;
}

/* time 1700000000000 */
#define NOW   "cf 00 00 01 8b cf e5 68 00"
#define OPEN  "a4 6f 70 65 6e"
#define DWELL "a5 64 77 65 6c 6c"
#define LEO   "a3 6c 65 6f"
#define M1    "a2 6d 31"

Test(wire, every_verdict)
{
    static const struct {
        const char *what, *hex;
        enum verdict verdict;
    } cases[] = {
        {"a good open", "94" OPEN NOW LEO M1, VERDICT_ACCEPTED},
        {"a good dwell", "95" DWELL NOW LEO M1 "19", VERDICT_ACCEPTED},
        {"a long head for a short array", "dd 00 00 00 04" OPEN NOW LEO M1, VERDICT_ACCEPTED},
        {"a signed head for the time", "94" OPEN "d3 00 00 01 8b cf e5 68 00" LEO M1, VERDICT_ACCEPTED},
        {"nil", "c0", VERDICT_SHAPE},
        {"a map", "81 a1 61 01", VERDICT_SHAPE},
        {"a string", OPEN, VERDICT_SHAPE},
        {"an empty array", "90", VERDICT_SHAPE},
        {"three fields", "93" OPEN NOW LEO, VERDICT_SHAPE},
        {"six fields", "96" DWELL NOW LEO M1 "19 c0", VERDICT_SHAPE},
        {"open with a value", "95" OPEN NOW LEO M1 "01", VERDICT_SHAPE},
        {"open with nil as its value", "95" OPEN NOW LEO M1 "c0", VERDICT_SHAPE},
        {"dwell without a value", "94" DWELL NOW LEO M1, VERDICT_SHAPE},
        {"an unknown kind", "94 a5 63 6c 6f 73 65" NOW LEO M1, VERDICT_KIND},
        {"a kind that is a number", "94 00" NOW LEO M1, VERDICT_KIND},
        {"a kind as binary", "94 c4 04 6f 70 65 6e" NOW LEO M1, VERDICT_KIND},
        {"a kind that is an array", "94 91 01" NOW LEO M1, VERDICT_KIND},
        {"a time as text", "94" OPEN "a1 31" LEO M1, VERDICT_TIME_INVALID},
        {"a time as float", "94" OPEN "cb 42 78 bc fe 56 80 00 00" LEO M1, VERDICT_TIME_INVALID},
        {"a time before 1970", "94" OPEN "ff" LEO M1, VERDICT_TIME_INVALID},
        {"a time after 9999", "94" OPEN "cf 00 00 e6 77 d2 1f dc 00" LEO M1, VERDICT_TIME_INVALID},
        {"a time beyond int64", "94" OPEN "cf ff ff ff ff ff ff ff ff" LEO M1, VERDICT_TIME_INVALID},
        {"the last ms of 9999", "94" OPEN "cf 00 00 e6 77 d2 1f db ff" LEO M1, VERDICT_TIME_FUTURE},
        {"5 minutes ahead", "94" OPEN "cf 00 00 01 8b cf e9 fb e0" LEO M1, VERDICT_ACCEPTED},
        {"5 minutes and 1 ms ahead", "94" OPEN "cf 00 00 01 8b cf e9 fb e1" LEO M1, VERDICT_TIME_FUTURE},
        {"too old", "94" OPEN "01" LEO M1, VERDICT_TIME_EXPIRED},
        {"a learner as integer", "94" OPEN NOW "2a" M1, VERDICT_LEARNER},
        {"a learner as binary", "94" OPEN NOW "c4 01 61" M1, VERDICT_LEARNER},
        {"an empty learner", "94" OPEN NOW "a0" M1, VERDICT_LEARNER},
        {"a learner with a control", "94" OPEN NOW "a2 61 0a" M1, VERDICT_LEARNER},
        {"a learner that is nested", "94" OPEN NOW "92 92 01 02 c0" M1, VERDICT_LEARNER},
        {"a content as integer", "94" OPEN NOW LEO "01", VERDICT_CONTENT},
        {"a content of four segments", "94" OPEN NOW LEO "a7 61 2f 62 2f 63 2f 64", VERDICT_CONTENT},
        {"a value of 0 for dwell", "95" DWELL NOW LEO M1 "00", VERDICT_VALUE},
        {"a negative value", "95" DWELL NOW LEO M1 "ff", VERDICT_VALUE},
        {"a value as float", "95" DWELL NOW LEO M1 "ca 3f 80 00 00", VERDICT_VALUE},
        {"a value of nil", "95" DWELL NOW LEO M1 "c0", VERDICT_VALUE},
        {"a value of 2^32 + 25", "95" DWELL NOW LEO M1 "cf 00 00 00 01 00 00 00 19", VERDICT_VALUE},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        cr_assert_eq(judge(cases[i].hex), cases[i].verdict, "%s: %s", cases[i].what, verdict_name(judge(cases[i].hex)));
}

/* Everything is wrong at first; mended field by field, the next code of the table appears. */
Test(wire, the_first_code_of_the_table_that_applies_is_the_verdict)
{
    cr_assert_eq(judge("93 00 a1 31 2a"), VERDICT_SHAPE);
    cr_assert_eq(judge("95 00 a1 31 2a 01 ff"), VERDICT_KIND);
    cr_assert_eq(judge("94" DWELL "a1 31 2a 01"), VERDICT_SHAPE, "how many fields there are hangs on the kind");
    cr_assert_eq(judge("95" DWELL "a1 31 2a 01 ff"), VERDICT_TIME_INVALID);
    cr_assert_eq(judge("95" DWELL "cf 00 00 e6 77 d2 1f db ff 2a 01 ff"), VERDICT_TIME_FUTURE);
    cr_assert_eq(judge("95" DWELL "01 2a 01 ff"), VERDICT_TIME_EXPIRED);
    cr_assert_eq(judge("95" DWELL NOW "2a 01 ff"), VERDICT_LEARNER);
    cr_assert_eq(judge("95" DWELL NOW "a0 01 ff"), VERDICT_LEARNER);
    cr_assert_eq(judge("95" DWELL NOW LEO "01 ff"), VERDICT_CONTENT);
    cr_assert_eq(judge("95" DWELL NOW LEO "a1 2f ff"), VERDICT_CONTENT);
    cr_assert_eq(judge("95" DWELL NOW LEO M1 "ff"), VERDICT_VALUE);
}

Test(wire, an_event_of_no_msgpack_spoils_the_batch)
{
    static const char *const events[] = {"94" OPEN NOW LEO "c1", "c1", "94" OPEN NOW "db ff ff ff ff 61",
                                         "dd ff ff ff ff", "94" OPEN NOW "dd 7f ff ff ff"};
    for (size_t i = 0; i < ARRAY_COUNT(events); i++) {
        struct bytes bytes = {0};
        pack_map(&bytes, 4);
        for (enum key key = 0; key <= KEY_SEQ; key++)
            pack_pair(&bytes, key);
        pack_text(&bytes, "events");
        pack_array(&bytes, 3);
        pack_event(&bytes);
        bytes_hex(&bytes, events[i]);
        pack_event(&bytes);
        struct outcome outcome = take(&bytes);
        cr_assert(outcome.batch.has_session && outcome.batch.has_seq, "so that its seq can be settled");
        expect_malformed(&bytes, events[i]);
    }
}

Test(wire, finish_reads_what_the_caller_left)
{
    struct bytes bytes = {0};
    struct wire_batch batch;
    pack_batch(&bytes, KEY_COUNT, KEY_COUNT, "");
    cr_assert_eq(wire_batch_read(bytes_slice(&bytes), &batch), WIRE_OK);
    cr_assert(wire_batch_finish(&batch));
    cr_assert_eq(batch.events.data + batch.events.size, bytes.data + bytes.size);
    bytes.size--;
    cr_assert_eq(wire_batch_read(bytes_slice(&bytes), &batch), WIRE_OK);
    cr_assert_not(wire_batch_finish(&batch));
    bytes_free(&bytes);
}

Test(wire, mutated_batches_are_taken_or_refused_never_read_beyond_their_end)
{
    uint64_t seed = 6;
    struct bytes whole = {0};
    pack_batch(&whole, KEY_COUNT, KEY_COUNT, "");
    int taken = 0, refused = 0;
    for (int round = 0; round < 50000; round++) {
        struct bytes bytes = {0};
        bytes_add(&bytes, whole.data, whole.size);
        for (uint64_t changes = 1 + chance_below(&seed, 4); changes > 0; changes--)
            bytes.data[chance_below(&seed, bytes.size)] = (uint8_t)chance(&seed);
        bytes.size -= chance_below(&seed, 4) ? 0 : chance_below(&seed, bytes.size);
        struct outcome outcome = take_and_free(&bytes);
        cr_assert(outcome.whole || outcome.result == WIRE_BAD_VERSION || outcome.batch.detail);
        cr_assert(!outcome.whole || outcome.events == outcome.batch.event_count);
        taken += outcome.whole;
        refused += !outcome.whole;
    }
    cr_assert(taken > 1000 && refused > 1000, "%d taken, %d refused", taken, refused);
    bytes_free(&whole);
}

/* The quick way reads the usual encodings, the long way all of them: an event means the same in each. */
Test(wire, an_event_means_the_same_in_every_encoding)
{
    static const char *const events[] = {
        "95 a5 6477656c6c cf 0000018bcfe56800 a2 7531 a2 6d31 7f",
        "95 d9 05 6477656c6c d3 0000018bcfe56800 d9 02 7531 d9 02 6d31 cc 7f",
        "dc 0005 da 0005 6477656c6c cf 0000018bcfe56800 da 0002 7531 db 00000002 6d31 cd 007f",
        "dd 00000005 a5 6477656c6c d3 0000018bcfe56800 a2 7531 a2 6d31 ce 0000007f",
        "95 a5 6477656c6c cf 0000018bcfe56800 a2 7531 a2 6d31 cf 000000000000007f",
        "95 a5 6477656c6c cf 0000018bcfe56800 a2 7531 a2 6d31 d0 7f",
    };
    for (size_t i = 0; i < ARRAY_COUNT(events); i++) {
        struct bytes message = {0};
        struct wire_batch batch;
        struct event event;
        enum verdict verdict;
        static const char head[] = "84 a1 76 01 a7 73657373696f6e c4 10 00112233445566778899aabbccddeeff a3 736571 01 "
                                   "a6 6576656e7473 91 ";
        bytes_hex(&message, head);
        bytes_hex(&message, events[i]);
        cr_assert_eq(wire_batch_read(slice_of(message.data, message.size), &batch), WIRE_OK, "encoding %zu", i);
        cr_assert(wire_event_next(&batch, &event, &verdict));
        cr_assert_eq(verdict, VERDICT_ACCEPTED, "encoding %zu: %s", i, verdict_name(verdict));
        cr_assert_eq(event.kind, KIND_DWELL);
        cr_assert_eq(event.time_ms, 1700000000000);
        cr_assert(slice_equal(event.learner, slice_of_text("u1")) && slice_equal(event.content, slice_of_text("m1")));
        cr_assert_eq(event.value, 127, "encoding %zu: %u", i, event.value);
        cr_assert(wire_batch_finish(&batch), "encoding %zu: %s", i, batch.detail);
        /* Cut anywhere, it is malformed, never read beyond its end. */
        for (size_t size = 0; size < message.size; size++) {
            uint8_t *exact = mem_new(size, 1);
            memcpy(exact, message.data, size);
            if (wire_batch_read(slice_of(exact, size), &batch) == WIRE_OK)
                while (wire_event_next(&batch, &event, &verdict)) {
                }
            cr_assert_not(wire_batch_finish(&batch), "encoding %zu cut at %zu", i, size);
            free(exact);
        }
        free(message.data);
    }
}

static bool same_event(const struct event *a, const struct event *b)
{
    return a->kind == b->kind && a->time_ms == b->time_ms && a->value == b->value &&
           a->learner.data == b->learner.data && a->learner.size == b->learner.size &&
           a->content.data == b->content.data && a->content.size == b->content.size;
}

/* Event by event, both ways come to the same verdict, the same event and the same place. How many were accepted. */
static uint32_t read_both_ways(struct slice message)
{
    struct wire_batch quick, plain;
    struct event one = {0}, other = {0};
    enum verdict verdict = VERDICT_COUNT, expected = VERDICT_COUNT;
    uint32_t accepted = 0;
    enum wire_result result = wire_batch_read(message, &quick);
    cr_assert_eq(wire_batch_read(message, &plain), result);
    for (bool more = result == WIRE_OK; more;) {
        more = wire_event_next(&quick, &one, &verdict);
        cr_assert_eq(wire_event_next_plain(&plain, &other, &expected), more);
        cr_assert(quick.cursor.at == plain.cursor.at && quick.events_left == plain.events_left);
        cr_assert_eq(verdict, expected);
        cr_assert(verdict != VERDICT_ACCEPTED || !more || same_event(&one, &other));
        accepted += more && verdict == VERDICT_ACCEPTED;
    }
    cr_assert_eq(wire_batch_finish(&quick), wire_batch_finish(&plain));
    cr_assert_eq(quick.detail, plain.detail);
    return accepted;
}

static void pack_hex_batch(struct bytes *bytes, const char *const *events, size_t count)
{
    bytes_hex(bytes, "84 a176 01 a773657373696f6e c410 00112233445566778899aabbccddeeff a3736571 01 a66576656e7473");
    bytes_byte(bytes, 0x90 + (unsigned)count);
    for (size_t i = 0; i < count; i++)
        bytes_hex(bytes, events[i]);
}

Test(wire, the_quick_way_reads_what_the_long_way_reads)
{
    static const char *const events[] = {
        "95 a5 6477656c6c cf 0000018bcfe56800 b0 6c6561726e65722d3030303030303432 a4 6d2f7431 cd 7530",
        "94 a4 6f70656e d3 0000018bcfe56801 d9 20 3031323334353637383961626364656630313233343536373839616263646566 "
        "a4 6d2f7432",
        "95 a8 70726f6772657373 cf 0000018bcfe56802 a8 6c6561726e657231 d9 03 6d2f74 64",
        "94 aa 756e6661766f72697465 cf 0000018bcfe56803 a8 6c6561726e657232 a3 6d2f74",
        "94 a8 6661766f72697465 cf 0000018bcfe56804 a8 6c6561726e657233 a3 6d2f74",
        "94 a6 636f686f7274 cf 0000018bcfe56805 a8 6c6561726e657234 a7 636c6173732d31",
        "95 a5 6477656c6c cf 0000018bcfe56806 a8 6c6561726e657235 a3 6d2f74 ce 0000ea60",
        "95 a5 6477656c6c cf 0000018bcfe56807 a8 6c6561726e657236 a3 6d2f74 cc fa",
    };
    struct bytes whole = {0};
    pack_hex_batch(&whole, events, ARRAY_COUNT(events));
    cr_assert_eq(read_both_ways(bytes_slice(&whole)), ARRAY_COUNT(events));
    uint64_t seed = 12;
    uint32_t accepted = 0, rounds = 100000;
    for (uint32_t round = 0; round < rounds; round++) {
        size_t size = whole.size - (chance_below(&seed, 4) ? 0 : chance_below(&seed, whole.size));
        uint8_t *bytes = exact_copy(slice_of(whole.data, size));
        for (uint64_t changes = chance_below(&seed, 4); changes > 0 && size > 0; changes--) {
            uint64_t at = chance_below(&seed, size);
            bytes[at] =
                chance_below(&seed, 2) ? (uint8_t)chance(&seed) : (uint8_t)(bytes[at] ^ 1 << chance_below(&seed, 8));
        }
        accepted += read_both_ways(slice_of(bytes, size));
        free(bytes);
    }
    cr_assert(accepted > rounds && accepted < ARRAY_COUNT(events) * rounds, "%u accepted", accepted);
    bytes_free(&whole);
}
