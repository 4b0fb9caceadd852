/* The rules of seq, acked, gap and settling (PROTOCOL.md, "Answer"), one by one and against a model. */
#include "collector/session.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <time.h>

static const uint8_t id[SESSION_BYTES] = "session-a-------";

static struct session settled_to(uint64_t seq)
{
    struct session session = {.first_known = 1};
    for (uint64_t i = 1; i <= seq; i++)
        session_settle(&session, i, i * 1000, 0);
    session.durable = seq;
    return session;
}

static void assert_judged(const struct session *session, uint64_t seq, uint64_t acked, uint64_t fingerprint,
                          enum judgement judgement, uint64_t expected)
{
    struct judged judged = session_judge(session, seq, acked, fingerprint);
    cr_assert_eq(judged.judgement, judgement, "seq %lu acked %lu: judged %d, not %d", seq, acked, judged.judgement,
                 judgement);
    cr_assert_eq(judged.expected, expected, "seq %lu acked %lu: expects %lu, not %lu", seq, acked, judged.expected,
                 expected);
}

Test(session, an_unknown_one_expects_acked_plus_one)
{
    assert_judged(NULL, 1, 0, 7, JUDGE_TAKE, 1);
    assert_judged(NULL, 2, 0, 7, JUDGE_GAP, 1);
    assert_judged(NULL, 5, 4, 7, JUDGE_TAKE, 5);
    assert_judged(NULL, 6, 4, 7, JUDGE_GAP, 5);
    assert_judged(NULL, 4, 4, 7, JUDGE_DUPLICATE, 5);
}

Test(session, a_known_one_expects_its_last_settled_plus_one)
{
    struct session session = settled_to(3);
    assert_judged(&session, 4, 3, 7, JUDGE_TAKE, 4);
    assert_judged(&session, 4, 0, 7, JUDGE_TAKE, 4);
    assert_judged(&session, 5, 3, 7, JUDGE_GAP, 4);
    assert_judged(&session, 3, 2, 3000, JUDGE_DUPLICATE, 4);
    assert_judged(&session, 3, 2, 3001, JUDGE_CONFLICT, 4);
}

Test(session, acked_beyond_what_is_settled_is_a_rollback)
{
    struct session session = settled_to(3);
    cr_assert(session_judge(&session, 6, 5, 7).rolled_back);
    assert_judged(&session, 6, 5, 7, JUDGE_TAKE, 6);
    assert_judged(&session, 7, 5, 7, JUDGE_GAP, 6);
    assert_judged(&session, 4, 5, 7, JUDGE_DUPLICATE, 6);
    cr_assert_not(session_judge(&session, 4, 3, 7).rolled_back);
    session_jump(&session, 5);
    assert_judged(&session, 3, 5, 9, JUDGE_DUPLICATE, 6);
    assert_judged(&session, 6, 5, 7, JUDGE_TAKE, 6);
}

Test(session, malformed_settles_only_the_expected_seq)
{
    struct session session = settled_to(3);
    assert_judged(&session, 4, 3, FINGERPRINT_MALFORMED, JUDGE_TAKE, 4);
    assert_judged(&session, 5, 3, FINGERPRINT_MALFORMED, JUDGE_GAP, 4);
    assert_judged(&session, 2, 3, FINGERPRINT_MALFORMED, JUDGE_MALFORMED, 4);
    session_settle(&session, 4, FINGERPRINT_MALFORMED, 0);
    assert_judged(&session, 4, 3, 77, JUDGE_CONFLICT, 5);
    assert_judged(&session, 5, 3, 77, JUDGE_TAKE, 5);
}

Test(session, the_sixty_fifth_in_flight_is_busy_and_what_follows_a_gap)
{
    struct session session = {.first_known = 1};
    for (uint64_t seq = 1; seq <= BATCH_MAX_IN_FLIGHT; seq++) {
        assert_judged(&session, seq, 0, seq, JUDGE_TAKE, seq);
        session_settle(&session, seq, seq, 0);
    }
    assert_judged(&session, 65, 0, 65, JUDGE_BUSY, 65);
    assert_judged(&session, 66, 0, 66, JUDGE_GAP, 65);
    session.durable = 1;
    assert_judged(&session, 65, 1, 65, JUDGE_TAKE, 65);
}

Test(session, conflicts_are_seen_for_the_last_sixty_four_only)
{
    struct session session = settled_to(200);
    assert_judged(&session, 137, 200, 1, JUDGE_CONFLICT, 201);
    assert_judged(&session, 136, 200, 1, JUDGE_DUPLICATE, 201);
}

Test(session, its_state_survives_being_stored)
{
    uint8_t bytes[SESSION_STATE_MAX_BYTES];
    for (uint64_t seq = 0; seq < 200; seq++) {
        struct session session = settled_to(seq), again = {0};
        struct error error;
        session.last_ms = 1234567890123;
        size_t size = session_encode(&session, bytes);
        cr_assert_eq(session_decode(slice_of(bytes, size), &again, &error), STATUS_OK);
        cr_assert_eq(again.settled, seq);
        cr_assert_eq(again.durable, seq);
        cr_assert_eq(again.last_ms, session.last_ms);
        for (uint64_t old = seq > 64 ? seq - 63 : 1; old <= seq; old++) {
            assert_judged(&again, old, 0, old * 1000, JUDGE_DUPLICATE, seq + 1);
            assert_judged(&again, old, 0, old * 1000 + 1, JUDGE_CONFLICT, seq + 1);
        }
        for (size_t cut = 0; cut < size; cut++)
            cr_assert_neq(session_decode(slice_of(bytes, cut), &again, &error), STATUS_OK);
    }
}

Test(session, a_state_beyond_the_last_seq_is_corrupt)
{
    struct session session = settled_to(70), again = {0};
    uint8_t bytes[SESSION_STATE_MAX_BYTES];
    struct error error;
    size_t size = session_encode(&session, bytes);
    put_u64(bytes + 1, UINT64_MAX - 1);
    cr_assert_eq(session_decode(slice_of(bytes, size), &again, &error), STATUS_OK);
    put_u64(bytes + 1, UINT64_MAX);
    cr_assert_eq(session_decode(slice_of(bytes, size), &again, &error), STATUS_CORRUPT);
}

/* A publisher that resends anything it has not seen settled, over a line that delays, repeats and reorders, to a
 * collector that crashes back to its durable state: each batch is taken once, in order. */
Test(session, random_orders_take_each_batch_once_and_in_order)
{
    unsigned seed = (unsigned)time(NULL);
    cr_log_info("seed %u", seed);
    for (int round = 0; round < 200; round++) {
        struct session session = {.first_known = 1}, durable = session;
        bool known = false, durable_known = false;
        uint64_t acked = 0, taken[64] = {0};
        while (acked < 40) {
            uint64_t seq = acked + 1 + (uint64_t)(rand_r(&seed) % 6),
                     old_acked = acked - (uint64_t)(rand_r(&seed) % 2) * (acked > 0);
            struct judged judged = session_judge(known ? &session : NULL, seq, known ? old_acked : acked, seq);
            cr_assert_not(judged.rolled_back);
            if (judged.judgement == JUDGE_TAKE) {
                if (!known)
                    session = (struct session){.settled = acked, .durable = acked, .first_known = acked + 1};
                known = true;
                cr_assert_eq(seq, session.settled + 1);
                session_settle(&session, seq, seq, 0);
                taken[seq]++;
            }
            if (rand_r(&seed) % 4 == 0) { /* the group is synced, its answers arrive */
                session.durable = session.settled;
                durable = session;
                durable_known = known;
                acked = known ? session.settled : acked;
            } else if (rand_r(&seed) % 8 == 0) { /* a crash: what was not synced is gone */
                for (uint64_t lost = durable_known ? durable.settled + 1 : 1; known && lost <= session.settled; lost++)
                    taken[lost]--;
                session = durable;
                known = durable_known;
            }
        }
        for (uint64_t seq = 1; seq <= acked; seq++)
            cr_assert_eq(taken[seq], 1, "seq %lu was taken %lu times", seq, taken[seq]);
    }
}

Test(sessions, are_found_by_publisher_and_id_and_counted)
{
    struct sessions *sessions = sessions_open();
    struct session *one = sessions_add(sessions, 3, id, 9);
    cr_assert_eq(sessions_find(sessions, 3, id), one);
    cr_assert_null(sessions_find(sessions, 4, id));
    cr_assert_eq(one->settled, 9);
    cr_assert_eq(sessions_count(sessions, 3), 1);
    cr_assert_eq(sessions_count(sessions, 99), 0);
    sessions_remove(sessions, one);
    cr_assert_eq(sessions_total(sessions), 0);
    cr_assert_eq(sessions_count(sessions, 3), 0);
    sessions_close(sessions);
}
