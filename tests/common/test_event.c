#include "common/event.h"

#include <criterion/criterion.h>
#include <regex.h>

#include "tests/support/bytes.h"

TestSuite(event);

static const int64_t oldest_ms = 1000, newest_ms = 2000000000000;

static struct event good_event(enum kind kind)
{
    uint32_t value = kind == KIND_DWELL ? 15000 : 0;
    return (struct event){kind, 1700000000000, slice_of_text("siswa-7"), slice_of_text("m1"), value};
}

static enum verdict judge(struct event event)
{
    return event_check(&event, oldest_ms, newest_ms);
}

/* ---- names ---- */

Test(event, every_kind_is_found_by_its_name_and_by_no_other)
{
    for (unsigned kind = 0; kind < KIND_COUNT; kind++)
        cr_assert_eq(kind_from_name(slice_of_text(kind_name(kind))), kind);
    const char *strangers[] = {"", "ope", "opens", "Open", "open ", "unfavourite", "progres"};
    for (size_t i = 0; i < ARRAY_COUNT(strangers); i++)
        cr_assert_eq(kind_from_name(slice_of_text(strangers[i])), KIND_COUNT, "%s", strangers[i]);
    cr_assert_eq(kind_from_name(slice_of("open\0", 5)), KIND_COUNT);
}

Test(event, stored_numbers_of_kinds_never_change)
{
    cr_assert_eq(KIND_OPEN, 0);
    cr_assert_eq(KIND_DWELL, 1);
    cr_assert_eq(KIND_FAVORITE, 2);
    cr_assert_eq(KIND_UNFAVORITE, 3);
    cr_assert_eq(KIND_PROGRESS, 4);
    cr_assert_eq(KIND_COHORT, 5);
}

Test(event, only_dwell_and_progress_carry_a_value)
{
    for (unsigned kind = 0; kind < KIND_COUNT; kind++)
        cr_assert_eq(kind_has_value(kind), kind == KIND_DWELL || kind == KIND_PROGRESS);
}

Test(event, codes_are_those_of_the_protocol)
{
    const char *codes[] = {"accepted",     "shape",   "kind",    "time_invalid", "time_future",
                           "time_expired", "learner", "content", "value"};
    cr_assert_eq(ARRAY_COUNT(codes), VERDICT_COUNT);
    for (unsigned i = 0; i < VERDICT_COUNT; i++) {
        cr_assert_str_eq(verdict_name(i), codes[i]);
        cr_assert(strlen(verdict_sentence(i)) > 0);
    }
}

/* ---- learner ---- */

/* The definition itself, slowly: a code point from its bits, then range, shortest form and controls. */
static bool model_utf8(const uint8_t *s, size_t size)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    while (size > 0) {
        size_t length = s[0] < 0x80 ? 1 : s[0] >> 5 == 6 ? 2 : s[0] >> 4 == 14 ? 3 : s[0] >> 3 == 30 ? 4 : 0;
        if (length == 0 || length > size)
            return false;
        uint32_t point = length == 1 ? s[0] : s[0] & (0x7fu >> length);
        for (size_t i = 1; i < length; i++) {
            if (s[i] >> 6 != 2)
                return false;
            point = point << 6 | (s[i] & 0x3f);
        }
        bool control = point < 0x20 || (point >= 0x7f && point <= 0x9f);
        if (control || point < least[length] || point > 0x10ffff || (point >= 0xd800 && point <= 0xdfff))
            return false;
        s += length;
        size -= length;
    }
    return true;
}

static void compare_learner(const uint8_t *bytes, size_t size)
{
    cr_assert_eq(learner_valid(slice_of(bytes, size)), model_utf8(bytes, size), "%02x %02x %02x %02x of %zu", bytes[0],
                 bytes[1], bytes[2], bytes[3], size);
}

Test(event, learners_of_two_and_three_bytes_agree_with_the_definition)
{
    for (unsigned n = 0; n < 0x10000; n++)
        compare_learner((uint8_t[]){n >> 8, n & 0xff, 0, 0}, 2);
    for (unsigned lead = 0xe0; lead < 0xf0; lead++)
        for (unsigned n = 0; n < 0x10000; n++)
            compare_learner((uint8_t[]){lead, n >> 8, n & 0xff, 0}, 3);
}

Test(event, learners_of_four_bytes_agree_with_the_definition)
{
    static const uint8_t edges[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff};
    for (unsigned lead = 0xf0; lead < 0x100; lead++)
        for (unsigned second = 0; second < 0x100; second++)
            for (unsigned i = 0; i < 100; i++)
                compare_learner((uint8_t[]){lead, second, edges[i / 10], edges[i % 10]}, 4);
}

Test(event, random_learners_agree_with_the_definition)
{
    uint64_t seed = 1;
    static const uint8_t likely[] = {'a',  'z',  0x1f, 0x20, 0x7f, 0x80, 0x9f, 0xa0,
                                     0xbf, 0xc1, 0xc2, 0xe0, 0xed, 0xf0, 0xf4};
    for (int round = 0; round < 200000; round++) {
        uint8_t bytes[8];
        size_t size = 1 + chance_below(&seed, 8);
        for (size_t i = 0; i < 8; i++)
            bytes[i] = likely[chance_below(&seed, ARRAY_COUNT(likely))];
        compare_learner(bytes, size);
    }
}

static bool learner_hex_valid(const char *hex)
{
    struct bytes bytes = {0};
    bytes_hex(&bytes, hex);
    uint8_t *copy = exact_copy(bytes_slice(&bytes));
    bool valid = learner_valid(slice_of(copy, bytes.size));
    free(copy);
    bytes_free(&bytes);
    return valid;
}

/* Eight bytes are looked at together: every byte at every place of them, and behind them. */
Test(event, every_byte_at_every_place_of_a_long_learner)
{
    for (size_t size = 8; size <= 20; size++)
        for (size_t at = 0; at < size; at++)
            for (unsigned byte = 0; byte < 256; byte++) {
                uint8_t learner[20];
                memset(learner, 'a', sizeof learner);
                learner[at] = (uint8_t)byte;
                cr_assert_eq(learner_valid(slice_of(learner, size)), byte >= 0x20 && byte < 0x7f,
                             "byte 0x%02x at %zu of %zu", byte, at, size);
            }
}

Test(event, learner_edge_cases_by_name)
{
    static const struct {
        const char *what, *hex;
        bool valid;
    } cases[] = {
        {"nothing", "", false},
        {"a space", "20", true},
        {"NUL", "00", false},
        {"a tab", "61 09", false},
        {"DEL", "7f", false},
        {"U+0080, a C1 control", "c2 80", false},
        {"U+009F, the last C1 control", "c2 9f", false},
        {"U+00A0, after the controls", "c2 a0", true},
        {"a lone continuation", "80", false},
        {"'/' in two bytes (overlong)", "c0 af", false},
        {"'A' in two bytes (overlong)", "c1 81", false},
        {"U+07FF in three bytes (overlong)", "e0 9f bf", false},
        {"U+0800", "e0 a0 80", true},
        {"U+D7FF, before the surrogates", "ed 9f bf", true},
        {"U+D800, a surrogate", "ed a0 80", false},
        {"U+DFFF, the last surrogate", "ed bf bf", false},
        {"U+E000, after the surrogates", "ee 80 80", true},
        {"a pair of surrogates (CESU-8)", "ed a0 bd ed b8 80", false},
        {"U+FFFF in four bytes (overlong)", "f0 8f bf bf", false},
        {"U+10000", "f0 90 80 80", true},
        {"U+10FFFF", "f4 8f bf bf", true},
        {"U+110000", "f4 90 80 80", false},
        {"a lead byte F5", "f5 80 80 80", false},
        {"FE and FF", "fe ff", false},
        {"two bytes cut", "61 c3", false},
        {"three bytes cut", "e2 82", false},
        {"four bytes cut", "f0 9f 98", false},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++)
        cr_assert_eq(learner_hex_valid(cases[i].hex), cases[i].valid, "%s", cases[i].what);
}

Test(event, a_learner_has_at_most_128_bytes)
{
    uint8_t text[130];
    memset(text, 'x', sizeof text);
    cr_assert(learner_valid(slice_of(text, 128)));
    cr_assert_not(learner_valid(slice_of(text, 129)));
    memcpy(text + 126, "\xc3\xa9", 2);
    cr_assert(learner_valid(slice_of(text, 128)), "the last character ends on the last byte");
    memcpy(text + 127, "\xc3\xa9", 2);
    cr_assert_not(learner_valid(slice_of(text, 128)), "the last character is cut by the bound");
}

/* ---- content ---- */

Test(event, random_contents_agree_with_the_regular_expression)
{
    regex_t regex;
    cr_assert_eq(regcomp(&regex, "^[A-Za-z0-9._~:-]{1,64}(/[A-Za-z0-9._~:-]{1,64}){0,2}$", REG_EXTENDED | REG_NOSUB),
                 0);
    static const char likely[] = "aZ09._~:-//// @[`{^,;\n\x7f\xc3";
    uint64_t seed = 2;
    int valid = 0;
    for (int round = 0; round < 200000; round++) {
        char text[16] = {0};
        size_t size = chance_below(&seed, 12), spread = chance_below(&seed, 2) ? 13 : sizeof likely - 1;
        for (size_t i = 0; i < size; i++)
            text[i] = likely[chance_below(&seed, spread)];
        bool expected = !strchr(text, '\n') && regexec(&regex, text, 0, NULL, 0) == 0;
        cr_assert_eq(content_valid(slice_of(text, size)), expected, "'%s'", text);
        valid += expected;
    }
    cr_assert_gt(valid, 1000);
    regfree(&regex);
}

Test(event, every_byte_of_a_segment_is_judged)
{
    for (unsigned byte = 0; byte < 256; byte++) {
        uint8_t one = (uint8_t)byte;
        bool expected = byte && byte < 0x80 &&
                        strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~:-", (int)byte);
        cr_assert_eq(segment_valid(slice_of(&one, 1)), expected, "%02x", byte);
        cr_assert_eq(content_valid(slice_of(&one, 1)), expected, "%02x", byte);
    }
}

Test(event, segments_have_1_to_64_bytes_and_a_path_1_to_3_segments)
{
    char longest[CONTENT_MAX_BYTES + 2];
    memset(longest, 'm', sizeof longest);
    longest[64] = longest[129] = '/';
    cr_assert(content_valid(slice_of(longest, CONTENT_MAX_BYTES)));
    cr_assert_not(content_valid(slice_of(longest, CONTENT_MAX_BYTES + 1)), "a last segment of 65");
    cr_assert(segment_valid(slice_of(longest, 64)));
    longest[64] = 'm';
    cr_assert_not(segment_valid(slice_of(longest, 65)));
    cr_assert_not(content_valid(slice_of(longest, 65)));
    const char *broken[] = {"",
                            "/",
                            "/a",
                            "a/",
                            "a//b",
                            "a/b/",
                            "a/b/c/",
                            "a/b/c/d",
                            "a b",
                            "a\\b",
                            "mod\xc3\xba"
                            "l"};
    for (size_t i = 0; i < ARRAY_COUNT(broken); i++)
        cr_assert_not(content_valid(slice_of_text(broken[i])), "'%s'", broken[i]);
    const char *fine[] = {"a", "a/b", "a/b/c", ".", "..", "../..", "-", "~:._-"};
    for (size_t i = 0; i < ARRAY_COUNT(fine); i++)
        cr_assert(content_valid(slice_of_text(fine[i])), "'%s'", fine[i]);
    cr_assert_not(segment_valid(slice_of_text("a/b")));
}

/* ---- the rules together ---- */

Test(event, good_events_are_accepted)
{
    for (unsigned kind = 0; kind < KIND_COUNT; kind++)
        cr_assert_eq(judge(good_event(kind)), VERDICT_ACCEPTED, "%s", kind_name(kind));
}

Test(event, times_are_judged_against_both_horizons_inclusively)
{
    static const struct {
        int64_t time_ms;
        enum verdict verdict;
    } cases[] = {
        {INT64_MIN, VERDICT_TIME_INVALID},
        {-1, VERDICT_TIME_INVALID},
        {0, VERDICT_TIME_EXPIRED},
        {999, VERDICT_TIME_EXPIRED},
        {1000, VERDICT_ACCEPTED},
        {2000000000000, VERDICT_ACCEPTED},
        {2000000000001, VERDICT_TIME_FUTURE},
        {TIME_MAX_MS, VERDICT_TIME_FUTURE},
        {TIME_MAX_MS + 1, VERDICT_TIME_INVALID},
        {INT64_MAX, VERDICT_TIME_INVALID},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct event event = good_event(KIND_OPEN);
        event.time_ms = cases[i].time_ms;
        cr_assert_eq(judge(event), cases[i].verdict, "%lld", (long long)cases[i].time_ms);
    }
    struct event first = good_event(KIND_OPEN);
    first.time_ms = 0;
    cr_assert_eq(event_check(&first, 0, newest_ms), VERDICT_ACCEPTED, "the first moment of 1970");
    first.time_ms = TIME_MAX_MS;
    cr_assert_eq(event_check(&first, 0, INT64_MAX), VERDICT_ACCEPTED, "the last moment of 9999");
}

Test(event, values_are_judged_by_kind)
{
    static const struct {
        enum kind kind;
        uint32_t value;
        enum verdict verdict;
    } cases[] = {
        {KIND_DWELL, 0, VERDICT_VALUE},           {KIND_DWELL, 1, VERDICT_ACCEPTED},
        {KIND_DWELL, 86400000, VERDICT_ACCEPTED}, {KIND_DWELL, 86400001, VERDICT_VALUE},
        {KIND_DWELL, UINT32_MAX, VERDICT_VALUE},  {KIND_PROGRESS, 0, VERDICT_ACCEPTED},
        {KIND_PROGRESS, 100, VERDICT_ACCEPTED},   {KIND_PROGRESS, 101, VERDICT_VALUE},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        struct event event = good_event(cases[i].kind);
        event.value = cases[i].value;
        cr_assert_eq(judge(event), cases[i].verdict, "%s %u", kind_name(cases[i].kind), cases[i].value);
    }
}

Test(event, a_cohort_is_one_segment)
{
    struct event event = good_event(KIND_COHORT);
    event.content = slice_of_text("-");
    cr_assert_eq(judge(event), VERDICT_ACCEPTED);
    event.content = slice_of_text("kelas/7a");
    cr_assert_eq(judge(event), VERDICT_CONTENT);
    event.kind = KIND_OPEN;
    cr_assert_eq(judge(event), VERDICT_ACCEPTED);
}

Test(event, the_first_rule_broken_in_the_order_of_the_table_is_the_verdict)
{
    struct event event = {KIND_DWELL, -1, slice_of_text(""), slice_of_text("/"), 0};
    cr_assert_eq(judge(event), VERDICT_TIME_INVALID);
    event.time_ms = newest_ms + 1;
    cr_assert_eq(judge(event), VERDICT_TIME_FUTURE);
    event.time_ms = oldest_ms - 1;
    cr_assert_eq(judge(event), VERDICT_TIME_EXPIRED);
    event.time_ms = oldest_ms;
    cr_assert_eq(judge(event), VERDICT_LEARNER);
    event.learner = slice_of_text("l");
    cr_assert_eq(judge(event), VERDICT_CONTENT);
    event.content = slice_of_text("m");
    cr_assert_eq(judge(event), VERDICT_VALUE);
    event.value = 1;
    cr_assert_eq(judge(event), VERDICT_ACCEPTED);
}
