#include "clients/publisher/stream.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

#include <stdio.h>

/* Each rule of docs/PROTOCOL.md, "what the publisher does", on a stream by hand. */

static const uint8_t session[SESSION_BYTES] = "session-session";
static const uint8_t other_session[SESSION_BYTES] = "another-session";

static struct stream stream_with(uint64_t batches, uint32_t window)
{
    struct stream stream;
    stream_start(&stream, session, 0, window);
    stream.pace = window; /* the rules first, the pace below */
    for (uint64_t i = 0; i < batches; i++)
        stream_add(&stream);
    return stream;
}

/* What is sent now, as a text like "1 2 3". */
static const char *sent(struct stream *stream, int64_t now_ms)
{
    static char text[512];
    uint64_t seq;
    size_t used = 0;
    text[0] = '\0';
    while (stream_send(stream, now_ms, &seq))
        used += snprintf(text + used, sizeof text - used, "%s%d", used ? " " : "", (int)seq);
    return text;
}

static struct answer answer_to(enum answer_status status, uint64_t seq)
{
    struct answer answer = {.status = status, .has_session = true, .has_seq = true, .seq = seq};
    memcpy(answer.session, session, SESSION_BYTES);
    return answer;
}

static enum stream_outcome ok(struct stream *stream, uint64_t seq)
{
    struct answer answer = answer_to(ANSWER_OK, seq);
    return stream_answer(stream, &answer, 0);
}

static enum stream_outcome gap(struct stream *stream, uint64_t seq, uint64_t expected)
{
    struct answer answer = answer_to(ANSWER_GAP, seq);
    answer.expected = expected;
    return stream_answer(stream, &answer, 0);
}

static enum stream_outcome busy(struct stream *stream, uint64_t seq, uint32_t retry_ms, int64_t now_ms)
{
    struct answer answer = answer_to(ANSWER_BUSY, seq);
    answer.retry_ms = retry_ms;
    return stream_answer(stream, &answer, now_ms);
}

static enum stream_outcome refused(struct stream *stream, uint64_t seq, enum refusal refusal)
{
    struct answer answer = answer_to(ANSWER_REFUSED, seq);
    answer.refusal = refusal;
    return stream_answer(stream, &answer, 0);
}

Test(stream, sends_in_order_within_the_window)
{
    struct stream stream = stream_with(6, 4);
    cr_assert_str_eq(sent(&stream, 0), "1 2 3 4");
    cr_assert_str_eq(sent(&stream, 0), "");
    ok(&stream, 1);
    cr_assert_str_eq(sent(&stream, 0), "5");
    cr_assert(eq(u64, stream.acked, 1));
}

Test(stream, at_most_64_are_in_flight)
{
    struct stream stream = stream_with(100, STREAM_WINDOW_MAX);
    uint64_t seq, count = 0;
    while (stream_send(&stream, 0, &seq))
        count++;
    cr_assert(eq(u64, count, 64));
}

Test(stream, acked_waits_for_the_oldest)
{
    struct stream stream = stream_with(3, 8);
    sent(&stream, 0);
    ok(&stream, 2);
    ok(&stream, 3);
    cr_assert(eq(u64, stream.acked, 0));
    cr_assert(stream_settled(&stream, 2));
    cr_assert(not(stream_settled(&stream, 1)));
    ok(&stream, 1);
    cr_assert(eq(u64, stream.acked, 3));
    cr_assert(stream_idle(&stream));
}

Test(stream, goes_on_from_where_it_was)
{
    struct stream stream;
    stream_start(&stream, session, 41, 8);
    cr_assert(eq(u64, stream_add(&stream), 42));
    cr_assert_str_eq(sent(&stream, 0), "42");
    cr_assert(eq(int, ok(&stream, 41), STREAM_IGNORED));
    cr_assert(eq(int, ok(&stream, 42), STREAM_SETTLED));
}

Test(stream, duplicate_settles_like_ok)
{
    struct stream stream = stream_with(1, 8);
    struct answer answer = answer_to(ANSWER_DUPLICATE, 1);
    sent(&stream, 0);
    cr_assert(eq(int, stream_answer(&stream, &answer, 0), STREAM_SETTLED));
    cr_assert(eq(int, stream_answer(&stream, &answer, 0), STREAM_IGNORED), "settled once only");
    cr_assert(stream_idle(&stream));
}

Test(stream, gap_goes_on_from_expected_once)
{
    struct stream stream = stream_with(5, 8);
    sent(&stream, 0);
    ok(&stream, 1);
    cr_assert(eq(int, gap(&stream, 3, 2), STREAM_AGAIN));
    cr_assert_str_eq(sent(&stream, 0), "2 3 4 5");
    cr_assert(eq(int, gap(&stream, 4, 2), STREAM_IGNORED));
    cr_assert(eq(int, gap(&stream, 5, 2), STREAM_IGNORED));
    cr_assert_str_eq(sent(&stream, 0), "");
}

Test(stream, the_same_gap_counts_again_after_something_was_settled)
{
    struct stream stream = stream_with(5, 8);
    sent(&stream, 0);
    gap(&stream, 4, 2);
    sent(&stream, 0);
    ok(&stream, 1);
    cr_assert(eq(int, gap(&stream, 5, 2), STREAM_AGAIN));
    cr_assert_str_eq(sent(&stream, 0), "2 3 4 5");
}

Test(stream, another_gap_counts)
{
    struct stream stream = stream_with(5, 8);
    sent(&stream, 0);
    gap(&stream, 5, 3);
    sent(&stream, 0);
    cr_assert(eq(int, gap(&stream, 5, 4), STREAM_AGAIN));
    cr_assert_str_eq(sent(&stream, 0), "4 5");
}

Test(stream, a_gap_below_acked_goes_on_after_acked)
{
    struct stream stream = stream_with(4, 8);
    sent(&stream, 0);
    ok(&stream, 1);
    ok(&stream, 2);
    gap(&stream, 4, 1);
    cr_assert_str_eq(sent(&stream, 0), "3 4");
}

Test(stream, a_gap_that_makes_no_sense_is_ignored)
{
    struct stream stream = stream_with(4, 8);
    sent(&stream, 0);
    ok(&stream, 1);
    cr_assert(eq(int, gap(&stream, 2, 2), STREAM_IGNORED));
    cr_assert(eq(int, gap(&stream, 2, 4), STREAM_IGNORED));
    cr_assert(eq(int, gap(&stream, 2, 0), STREAM_IGNORED));
    cr_assert_str_eq(sent(&stream, 0), "");
}

Test(stream, busy_resends_it_and_what_follows_after_the_pause)
{
    struct stream stream = stream_with(4, 8);
    sent(&stream, 0);
    ok(&stream, 1);
    cr_assert(eq(int, busy(&stream, 2, 500, 1000), STREAM_AGAIN));
    cr_assert(eq(i64, stream_wake_ms(&stream), 1500));
    cr_assert_str_eq(sent(&stream, 1499), "");
    cr_assert_str_eq(sent(&stream, 1500), "2 3 4");
}

Test(stream, gaps_behind_a_busy_batch_do_not_cut_the_pause_short)
{
    struct stream stream = stream_with(4, 8);
    sent(&stream, 0);
    busy(&stream, 1, 500, 1000);
    gap(&stream, 2, 1);
    gap(&stream, 3, 1);
    cr_assert_str_eq(sent(&stream, 1200), "");
    cr_assert_str_eq(sent(&stream, 1500), "1 2 3 4");
    cr_assert(eq(int, gap(&stream, 4, 1), STREAM_IGNORED));
}

Test(stream, batches_made_during_a_pause_wait_too)
{
    struct stream stream = stream_with(1, 8);
    sent(&stream, 0);
    busy(&stream, 1, 500, 0);
    stream_add(&stream);
    cr_assert_str_eq(sent(&stream, 499), "");
    cr_assert_str_eq(sent(&stream, 500), "1 2");
}

Test(stream, an_absurd_pause_is_bounded)
{
    struct stream stream = stream_with(1, 8);
    sent(&stream, 0);
    busy(&stream, 1, UINT32_MAX, 0);
    cr_assert_str_eq(sent(&stream, STREAM_RETRY_MAX_MS), "1");
}

Test(stream, malformed_and_conflict_are_set_aside_and_it_goes_on)
{
    struct stream stream = stream_with(3, 8);
    sent(&stream, 0);
    cr_assert(eq(int, refused(&stream, 1, REFUSAL_MALFORMED), STREAM_SET_ASIDE));
    cr_assert(eq(int, refused(&stream, 2, REFUSAL_CONFLICT), STREAM_SET_ASIDE));
    cr_assert(eq(u64, stream.acked, 2));
    cr_assert(eq(int, ok(&stream, 3), STREAM_SETTLED));
}

Test(stream, version_keeps_everything_and_stops)
{
    struct stream stream = stream_with(2, 8);
    sent(&stream, 0);
    cr_assert(eq(int, refused(&stream, 1, REFUSAL_VERSION), STREAM_STOPPED));
    stream_add(&stream);
    cr_assert(eq(u64, stream.acked, 0));
    cr_assert_str_eq(sent(&stream, 100000), "");
    cr_assert(eq(i64, stream_wake_ms(&stream), INT64_MAX));
}

Test(stream, version_stops_even_where_the_session_could_not_be_read)
{
    struct stream stream = stream_with(1, 8);
    struct answer answer = {.status = ANSWER_REFUSED, .refusal = REFUSAL_VERSION};
    sent(&stream, 0);
    cr_assert(eq(int, stream_answer(&stream, &answer, 0), STREAM_STOPPED));
}

Test(stream, ten_silent_seconds_are_a_lost_connection)
{
    struct stream stream = stream_with(3, 8);
    sent(&stream, 1000);
    cr_assert(eq(i64, stream_wake_ms(&stream), 11000));
    cr_assert(not(stream_lost(&stream, 10999)));
    cr_assert(stream_lost(&stream, 11000));
    cr_assert(eq(int, ok(&stream, 1), STREAM_IGNORED), "not sent on the new connection yet");
    stream.pace = 3;
    cr_assert_str_eq(sent(&stream, 11000), "1 2 3");
    cr_assert(not(stream_lost(&stream, 20999)), "the new connection has 10 s of its own");
}

Test(stream, any_answer_breaks_the_silence)
{
    struct stream stream = stream_with(3, 8);
    struct answer answer = answer_to(ANSWER_OK, 1);
    sent(&stream, 0);
    stream_answer(&stream, &answer, 9000);
    cr_assert(not(stream_lost(&stream, 18999)));
    cr_assert(stream_lost(&stream, 19000));
    stream.pace = 3;
    cr_assert_str_eq(sent(&stream, 19000), "2 3");
}

Test(stream, silence_with_nothing_in_flight_is_no_loss)
{
    struct stream stream = stream_with(1, 8);
    cr_assert(not(stream_lost(&stream, 100000)));
    sent(&stream, 100000);
    ok(&stream, 1);
    cr_assert(not(stream_lost(&stream, 900000)));
    cr_assert(eq(i64, stream_wake_ms(&stream), INT64_MAX));
}

Test(stream, an_overtaken_batch_is_sent_again_at_once)
{
    struct stream stream = stream_with(3, 8);
    sent(&stream, 0);
    ok(&stream, 2);
    cr_assert_str_eq(sent(&stream, 0), "1");
    ok(&stream, 3);
    cr_assert_str_eq(sent(&stream, 0), "", "its second sending is younger than any of 3");
}

Test(stream, strange_answers_change_nothing)
{
    struct stream stream = stream_with(2, 1);
    struct answer answer = answer_to(ANSWER_OK, 1);
    sent(&stream, 0);
    memcpy(answer.session, other_session, SESSION_BYTES);
    cr_assert(eq(int, stream_answer(&stream, &answer, 0), STREAM_IGNORED));
    answer = answer_to(ANSWER_OK, 1);
    answer.has_seq = false;
    cr_assert(eq(int, stream_answer(&stream, &answer, 0), STREAM_IGNORED));
    cr_assert(eq(int, ok(&stream, 2), STREAM_IGNORED), "never sent");
    cr_assert(eq(int, ok(&stream, 3), STREAM_IGNORED), "never made");
    cr_assert(eq(int, ok(&stream, 0), STREAM_IGNORED));
    cr_assert(eq(int, ok(&stream, UINT64_MAX), STREAM_IGNORED));
    cr_assert(eq(u64, stream.acked, 0));
}

Test(stream, what_the_socket_did_not_take_waits)
{
    struct stream stream = stream_with(2, 8);
    uint64_t seq;
    cr_assert(stream_send(&stream, 0, &seq));
    stream_unsend(&stream, seq);
    cr_assert(eq(int, ok(&stream, 1), STREAM_IGNORED), "it was not sent");
    cr_assert(not(stream_lost(&stream, 100000)));
    cr_assert_str_eq(sent(&stream, 0), "1 2");
}

static void ok_at(struct stream *stream, uint64_t seq, int64_t now_ms)
{
    struct answer answer = answer_to(ANSWER_OK, seq);
    stream_answer(stream, &answer, now_ms);
}

Test(stream, the_pace_grows_with_answers_in_good_time)
{
    struct stream stream;
    stream_start(&stream, session, 0, 6);
    for (int i = 0; i < 20; i++)
        stream_add(&stream);
    cr_assert_str_eq(sent(&stream, 0), "1 2 3 4");
    ok_at(&stream, 1, 100);
    cr_assert_str_eq(sent(&stream, 100), "5 6");
    ok_at(&stream, 2, 100);
    ok_at(&stream, 3, 100);
    cr_assert_str_eq(sent(&stream, 100), "7 8 9");
    cr_assert(eq(u32, stream.pace, 6), "not beyond the window");
}

Test(stream, slow_answers_halve_the_pace_once_for_all_that_were_sent_before)
{
    struct stream stream = stream_with(40, 16);
    sent(&stream, 0);
    for (uint64_t seq = 1; seq <= 16; seq++)
        ok_at(&stream, seq, STREAM_SLOW_MS);
    cr_assert(eq(u32, stream.pace, 8));
    cr_assert_str_eq(sent(&stream, 5000), "17 18 19 20 21 22 23 24");
    ok_at(&stream, 17, 5000 + STREAM_SLOW_MS);
    cr_assert(eq(u32, stream.pace, 4));
    cr_assert(eq(i64, stream_wake_ms(&stream), 5000 + STREAM_SLOW_MS + STREAM_SILENCE_MS),
              "nothing may be sent before");
}

Test(stream, a_lost_connection_halves_the_pace_down_to_one)
{
    struct stream stream = stream_with(40, 4);
    for (int i = 0; i < 4; i++) {
        sent(&stream, i * 20000);
        cr_assert(stream_lost(&stream, i * 20000 + 15000));
    }
    cr_assert_str_eq(sent(&stream, 100000), "1");
    ok_at(&stream, 1, 100001);
    cr_assert_str_eq(sent(&stream, 100001), "2 3");
}
