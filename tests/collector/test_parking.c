/* Batches with learners never seen: they wait, nobody else does, and every answer comes in its session's order. */
#include "tests/collector/scene.h"

#include "collector/parking.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct scene *scene_that_holds(void)
{
    struct scene *scene = scene_make(NULL);
    cr_assert_eq(scene_open(scene, 1, 0, "known", "m")->status, ANSWER_OK);
    scene_commit(scene);
    scene->hold = true;
    return scene;
}

static void use_session(struct scene *scene, uint32_t number)
{
    memset(scene->session, 0, SESSION_BYTES);
    put_u32(scene->session, number);
}

/* "ok 2": status and seq of the n-th answer; "none" where there are fewer. */
static void assert_answered(struct scene *scene, uint32_t n, const char *expected)
{
    const struct answer *answer = scene_answer(scene, n);
    char *text = answer ? mem_text("%s %llu", answer_status_name(answer->status), (unsigned long long)answer->seq)
                        : mem_text("none");
    cr_assert_str_eq(text, expected, "answer %u is %s, not %s", n, text, expected);
    free(text);
}

static void assert_log(struct scene *scene, const char *expected)
{
    char *log = scene_log(scene);
    cr_assert_str_eq(log, expected);
    free(log);
}

/* One `open` each of so many learners, whose names begin so. */
static const struct answer *send_new(struct scene *scene, uint64_t seq, const char *prefix, uint32_t count)
{
    struct batch_event *events = mem_new(count, sizeof *events);
    for (uint32_t i = 0; i < count; i++)
        events[i] = batch_open(SCENE_NOW_MS, mem_text("%s-%u", prefix, i), "m");
    const struct answer *answer = scene_send(scene, seq, 0, events, count);
    for (uint32_t i = 0; i < count; i++)
        free((void *)(uintptr_t)events[i].learner);
    free(events);
    return answer;
}

Test(parking, a_batch_with_a_new_learner_holds_up_no_other_session)
{
    struct scene *scene = scene_that_holds();
    use_session(scene, 1);
    cr_assert_null(scene_open(scene, 1, 0, "new", "waits"));
    use_session(scene, 2);
    cr_assert_eq(scene_open(scene, 1, 0, "known", "flows")->status, ANSWER_OK);
    scene_commit(scene);
    assert_log(scene, "open 1767225600000 0 m 0 lms\nopen 1767225600000 0 flows 0 lms\n");
    cr_assert_eq(scene_held(scene), 1);
    scene_meet(scene);
    assert_answered(scene, 0, "ok 1");
    scene_commit(scene);
    assert_log(scene, "open 1767225600000 0 m 0 lms\nopen 1767225600000 0 flows 0 lms\n"
                      "open 1767225600000 1 waits 0 lms\n");
    cr_assert_eq(scene_count(scene, COUNTER_PARKED), 2, "the first one of the scene and this one");
    scene_close(scene);
}

Test(parking, what_comes_behind_in_the_session_waits_and_keeps_its_order)
{
    struct scene *scene = scene_that_holds();
    scene_open(scene, 2, 1, "new-1", "b2");
    scene_open(scene, 3, 1, "known", "b3");
    scene_open(scene, 4, 1, "new-2", "b4");
    assert_answered(scene, 0, "none");
    cr_assert_eq(scene_held(scene), 2, "the learners of what stands behind are met meanwhile");
    scene_meet_one(scene, 1);
    assert_answered(scene, 0, "none");
    scene_meet_one(scene, 0);
    assert_answered(scene, 0, "ok 2");
    assert_answered(scene, 1, "ok 3");
    assert_answered(scene, 2, "ok 4");
    scene_commit(scene);
    assert_log(scene, "open 1767225600000 0 m 0 lms\nopen 1767225600000 1 b2 0 lms\n"
                      "open 1767225600000 0 b3 0 lms\nopen 1767225600000 2 b4 0 lms\n");
    scene_close(scene);
}

Test(parking, a_resend_of_what_is_parked_is_a_duplicate_after_it)
{
    struct scene *scene = scene_that_holds();
    scene_open(scene, 2, 1, "new", "m");
    scene_open(scene, 3, 1, "known", "m");
    scene_open(scene, 2, 1, "new", "m");
    scene_open(scene, 3, 1, "known", "other");
    cr_assert_eq(scene_held(scene), 1);
    scene_meet(scene);
    assert_answered(scene, 0, "ok 2");
    assert_answered(scene, 1, "ok 3");
    assert_answered(scene, 2, "duplicate 2");
    assert_answered(scene, 3, "refused 3");
    cr_assert_eq(scene_answer(scene, 3)->refusal, REFUSAL_CONFLICT);
    scene_commit(scene);
    assert_log(scene, "open 1767225600000 0 m 0 lms\nopen 1767225600000 1 m 0 lms\nopen 1767225600000 0 m 0 lms\n");
    scene_close(scene);
}

Test(parking, a_gap_and_a_malformed_batch_are_judged_in_their_turn)
{
    struct scene *scene = scene_that_holds();
    struct batch_event event = batch_open(SCENE_NOW_MS, "known", "m");
    struct batch_head head = {.version = 1, .session = scene->session, .seq = 3, .acked = 1};
    struct slice message = batch_make(&head, &event, 1);
    scene_open(scene, 2, 1, "new", "m");
    scene_open(scene, 4, 1, "another", "m");
    scene_bytes(scene, slice_of(message.data, message.size - 1));
    scene_open(scene, 4, 1, "known", "m");
    cr_assert_eq(scene_held(scene), 1, "a batch beyond a gap begins no meeting");
    scene_meet(scene);
    assert_answered(scene, 0, "ok 2");
    assert_answered(scene, 1, "gap 4");
    cr_assert_eq(scene_answer(scene, 1)->expected, 3);
    assert_answered(scene, 2, "refused 3");
    assert_answered(scene, 3, "ok 4");
    batch_free(message);
    scene_close(scene);
}

Test(parking, what_stands_behind_a_gap_or_a_resend_is_taken_too)
{
    struct scene *scene = scene_that_holds();
    scene_open(scene, 2, 1, "new-1", "m");
    scene_open(scene, 9, 1, "new-2", "m");
    scene_open(scene, 3, 1, "new-3", "m");
    scene_open(scene, 2, 1, "new-1", "m");
    scene_open(scene, 4, 1, "new-4", "m");
    cr_assert_eq(scene_held(scene), 3, "all but the one beyond the gap");
    scene_meet(scene);
    assert_answered(scene, 0, "ok 2");
    assert_answered(scene, 1, "gap 9");
    assert_answered(scene, 2, "ok 3");
    assert_answered(scene, 3, "duplicate 2");
    assert_answered(scene, 4, "ok 4");
    scene_close(scene);
}

/* `acked` makes a session jump when the batch is judged, which nobody knew when it was parked. */
Test(parking, a_batch_that_turns_out_to_be_expected_waits_first_in_its_line)
{
    struct scene *scene = scene_that_holds();
    scene_open(scene, 2, 1, "new-1", "m");
    scene_open(scene, 10, 9, "new-2", "m");
    scene_open(scene, 11, 9, "known", "m");
    cr_assert_eq(scene_held(scene), 1);
    scene_meet_one(scene, 0);
    assert_answered(scene, 0, "ok 2");
    assert_answered(scene, 1, "none");
    cr_assert_eq(scene_held(scene), 1, "now she is met");
    scene_meet_one(scene, 0);
    assert_answered(scene, 1, "ok 10");
    assert_answered(scene, 2, "ok 11");
    cr_assert_eq(scene_count(scene, COUNTER_ROLLED_BACK), 1);
    scene_close(scene);
}

Test(parking, a_learner_is_met_once)
{
    struct scene *scene = scene_that_holds();
    use_session(scene, 1);
    scene_open(scene, 1, 0, "ana", "m");
    scene_open(scene, 2, 0, "ana", "m");
    use_session(scene, 2);
    struct batch_event both[] = {
        batch_open(SCENE_NOW_MS, "budi", "m"),
        batch_open(SCENE_NOW_MS, "ana", "m"),
        batch_open(SCENE_NOW_MS, "budi", "m"),
    };
    scene_send(scene, 1, 0, both, 3);
    cr_assert_eq(scene_held(scene), 2);
    scene_meet_one(scene, 0);
    assert_answered(scene, 1, "ok 2");
    assert_answered(scene, 2, "none");
    use_session(scene, 3);
    scene_open(scene, 1, 0, "ana", "m"); /* met, and in the table */
    assert_answered(scene, 2, "ok 1");
    scene_meet_one(scene, 0);
    assert_answered(scene, 3, "ok 1");
    cr_assert_eq(scene->group->learner_count, 2);
    cr_assert_eq(scene_count(scene, COUNTER_NEW_LEARNERS), 3);
    scene_close(scene);
}

Test(parking, the_65th_in_flight_is_busy_after_the_others)
{
    struct scene *scene = scene_that_holds();
    use_session(scene, 1);
    scene_open(scene, 1, 0, "new", "m");
    for (uint64_t seq = 2; seq <= BATCH_MAX_IN_FLIGHT + 2; seq++)
        cr_assert_null(scene_open(scene, seq, 0, "known", "m"));
    scene_meet(scene);
    for (uint32_t n = 0; n < BATCH_MAX_IN_FLIGHT; n++)
        cr_assert_eq(scene_answer(scene, n)->status, ANSWER_OK);
    assert_answered(scene, BATCH_MAX_IN_FLIGHT, "busy 65");
    assert_answered(scene, BATCH_MAX_IN_FLIGHT + 1, "busy 66");
    assert_answered(scene, BATCH_MAX_IN_FLIGHT + 2, "none");
    scene_close(scene);
}

Test(parking, at_the_bound_of_learners_a_batch_is_busy)
{
    struct scene *scene = scene_that_holds();
    use_session(scene, 1);
    cr_assert_null(send_new(scene, 1, "a", PARKED_MAX_LEARNERS + 1), "one batch always fits");
    use_session(scene, 2);
    cr_assert_eq(scene_open(scene, 1, 0, "one-more", "m")->status, ANSWER_BUSY);
    cr_assert_eq(scene_answer(scene, 0)->retry_ms, scene->limits.retry_ms);
    cr_assert_eq(scene_open(scene, 1, 0, "known", "m")->status, ANSWER_OK);
    cr_assert_eq(scene_held(scene), PARKED_MAX_LEARNERS + 1);
    scene->held = NULL; /* two seconds of group operations */
    scene_close(scene);
}

Test(parking, at_the_bound_of_batches_a_batch_is_busy)
{
    struct scene *scene = scene_that_holds();
    for (uint32_t i = 0; i < PARKED_MAX_BATCHES; i++) {
        use_session(scene, i + 1);
        cr_assert_null(scene_open(scene, 1, 0, "new", "m"));
    }
    cr_assert_eq(scene_open(scene, 2, 0, "known", "m")->status, ANSWER_BUSY, "not even its place can be kept");
    use_session(scene, 1 << 20);
    cr_assert_eq(scene_open(scene, 1, 0, "new", "m")->status, ANSWER_BUSY);
    cr_assert_eq(scene_held(scene), 1);
    scene_close(scene);
}

Test(parking, at_the_bound_of_bytes_a_batch_is_busy)
{
    static const char path[] = "mmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmmm/"
                               "tttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt";
    enum {
        EVENTS = 6000
    };
    struct scene *scene = scene_that_holds();
    struct batch_event *events = mem_new(EVENTS, sizeof *events);
    uint32_t parked = 0;
    for (uint32_t i = 0; i < EVENTS; i++)
        events[i] = batch_open(SCENE_NOW_MS, "new", path);
    for (const struct answer *answer = NULL; !answer; parked++) {
        use_session(scene, parked + 1);
        answer = scene_send(scene, 1, 0, events, EVENTS);
        cr_assert_lt(parked, 64);
    }
    assert_answered(scene, 0, "busy 1");
    cr_assert_gt(parked, 10);
    free(events);
    scene_close(scene);
}

Test(parking, the_allowance_of_an_hour_is_charged_once_a_learner)
{
    struct scene *scene = scene_that_holds();
    scene->limits.max_new_learners = 3; /* one of them was met in the beginning */
    pipeline_limit(scene->pipeline, &scene->limits);
    use_session(scene, 1);
    cr_assert_eq(send_new(scene, 1, "a", 3)->status, ANSWER_BUSY);
    cr_assert_eq(scene_held(scene), 0, "what is turned away begins no meeting");
    cr_assert_null(send_new(scene, 1, "a", 2));
    use_session(scene, 2);
    cr_assert_null(send_new(scene, 1, "a", 2), "others wait for them already");
    use_session(scene, 3);
    cr_assert_eq(send_new(scene, 1, "b", 1)->status, ANSWER_BUSY);
    scene->now_ms += 3600 * 1000;
    cr_assert_null(send_new(scene, 1, "b", 1));
    scene_meet(scene);
    assert_answered(scene, 2, "ok 1");
    assert_answered(scene, 3, "ok 1");
    assert_answered(scene, 4, "ok 1");
    scene_close(scene);
}

Test(parking, when_the_vault_fails_every_parked_batch_is_busy_and_taken_later)
{
    struct scene *scene = scene_that_holds();
    struct error error = {.status = STATUS_IO, .text = "the vault: no"};
    scene_open(scene, 2, 1, "new-1", "m");
    scene_open(scene, 3, 1, "known", "m");
    scene_open(scene, 4, 1, "new-2", "m");
    scene->held->status = STATUS_IO;
    pipeline_met(scene->pipeline, scene->held, &error);
    scene->held = NULL;
    cr_assert(pipeline_broken(scene->pipeline, &scene->error));
    cr_assert_str_eq(scene->error.text, error.text);
    cr_assert_not(pipeline_ready(scene->pipeline));
    cr_assert_eq(scene_open(scene, 5, 1, "known", "m")->status, ANSWER_BUSY);
    group_clear(scene->group, ++scene->group_number);
    pipeline_turn_parked(scene->pipeline);
    assert_answered(scene, 0, "busy 2");
    assert_answered(scene, 1, "busy 3");
    assert_answered(scene, 2, "busy 4");
    group_clear(scene->group, ++scene->group_number);
    scene->hold = false;
    scene_restart(scene);
    for (uint64_t seq = 2; seq <= 4; seq++)
        cr_assert_eq(scene_open(scene, seq, 1, seq == 3 ? "known" : "new-1", "m")->status, ANSWER_OK);
    scene_commit(scene);
    scene_close(scene);
}

Test(parking, a_drop_off_batch_waits_too)
{
    struct scene *scene = scene_that_holds();
    struct batch_event event = batch_open(SCENE_NOW_MS, "new", "m");
    struct batch_head head = {.version = 1, .session = scene->session, .seq = 9};
    struct slice message = batch_make(&head, &event, 1);
    scene_dropoff(scene, message);
    scene_dropoff(scene, message);
    scene_open(scene, 2, 1, "new", "m");
    scene_meet(scene);
    assert_answered(scene, 0, "ok 2");
    assert_answered(scene, 1, "none");
    scene_commit(scene);
    assert_log(scene, "open 1767225600000 0 m 0 lms\nopen 1767225600000 1 m 0 lms\n"
                      "open 1767225600000 1 m 0 lms\nopen 1767225600000 1 m 0 lms\n");
    cr_assert_eq(scene_count(scene, COUNTER_DROPPED), 0);
    batch_free(message);
    scene_close(scene);
}

Test(parking, those_that_wait_for_one_learner_are_taken_in_the_order_in_which_they_came)
{
    struct scene *scene = scene_that_holds();
    for (uint32_t i = 0; i < 4; i++) {
        char content[2] = {(char)('a' + i), '\0'};
        use_session(scene, 9 - i);
        scene_open(scene, 1, 0, "new", content);
    }
    scene_meet(scene);
    scene_commit(scene);
    assert_log(scene, "open 1767225600000 0 m 0 lms\nopen 1767225600000 1 a 0 lms\nopen 1767225600000 1 b 0 lms\n"
                      "open 1767225600000 1 c 0 lms\nopen 1767225600000 1 d 0 lms\n");
    scene_close(scene);
}

Test(parking, a_stop_leaves_nothing_of_a_parked_batch)
{
    struct scene *scene = scene_that_holds();
    scene_open(scene, 2, 1, "new", "m");
    scene_restart(scene);
    scene->hold = false;
    assert_log(scene, "open 1767225600000 0 m 0 lms\n");
    cr_assert_eq(scene_open(scene, 2, 1, "new", "m")->status, ANSWER_OK);
    scene_close(scene);
}
