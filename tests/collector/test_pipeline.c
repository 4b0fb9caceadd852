/* The pipeline with a real store: every status and code that a batch can meet, and what is stored of it. */
#include "tests/collector/scene.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static void assert_answer(const struct answer *answer, enum answer_status status, uint64_t seq)
{
    cr_assert_eq(answer->status, status, "answered %s, not %s: %s", answer_status_name(answer->status),
                 answer_status_name(status), answer->detail);
    cr_assert_eq(answer->seq, seq);
}

static void assert_refused(const struct answer *answer, enum refusal refusal)
{
    cr_assert_eq(answer->status, ANSWER_REFUSED, "answered %s", answer_status_name(answer->status));
    cr_assert_eq(answer->refusal, refusal, "refused with %s", refusal_name(answer->refusal));
    cr_assert_gt(strlen(answer->detail), 0);
}

static void assert_log(struct scene *scene, const char *expected)
{
    char *log = scene_log(scene);
    cr_assert_str_eq(log, expected);
    free(log);
}

/* As many events as there are commas and one, all of one learner each: "a,b,a". */
static const struct answer *send_learners(struct scene *scene, uint64_t seq, uint64_t acked, const char *learners)
{
    struct batch_event events[64];
    uint32_t count = 0;
    char *names = mem_text("%s", learners);
    for (char *name = strtok(names, ","); name; name = strtok(NULL, ","))
        events[count++] = batch_open(SCENE_NOW_MS, name, "m");
    const struct answer *answer = scene_send(scene, seq, acked, events, count);
    free(names);
    return answer;
}

Test(pipeline, takes_a_batch_and_stores_it)
{
    struct scene *scene = scene_make(NULL);
    struct batch_event events[] = {
        batch_open(SCENE_NOW_MS - 1000, "ana", "m1/t1"),
        {"dwell", SCENE_NOW_MS - 900, "budi", "m1/t1/s1", 15000},
        {"cohort", SCENE_NOW_MS - 800, "ana", "c1", BATCH_NO_VALUE},
        {"progress", SCENE_NOW_MS, "ana", "m1", 100},
    };
    const struct answer *answer = scene_send(scene, 1, 0, events, 4);
    assert_answer(answer, ANSWER_OK, 1);
    cr_assert_eq(answer->accepted, 4);
    cr_assert_eq(answer->rejected_total, 0);
    cr_assert_eq(memcmp(answer->session, scene->session, SESSION_BYTES), 0);
    scene_commit(scene);
    assert_log(scene, "open 1767225599000 0 m1/t1 0 lms\n"
                      "dwell 1767225599100 1 m1/t1/s1 15000 lms\n"
                      "cohort 1767225599200 0 c1 0 lms\n"
                      "progress 1767225600000 0 m1 100 lms\n");
    scene_close(scene);
}

Test(pipeline, rejects_events_by_code_and_takes_the_others)
{
    struct scene *scene = scene_make(NULL);
    struct batch_event events[] = {
        {"open", SCENE_NOW_MS, "ana", "m", 7},
        {"opened", SCENE_NOW_MS, "ana", "m", BATCH_NO_VALUE},
        {"open", -1, "ana", "m", BATCH_NO_VALUE},
        {"open", SCENE_NOW_MS + FUTURE_TOLERANCE_MS, "good", "m", BATCH_NO_VALUE},
        {"open", SCENE_NOW_MS + FUTURE_TOLERANCE_MS + 1, "ana", "m", BATCH_NO_VALUE},
        {"open", SCENE_NOW_MS - scene->limits.retention_ms, "good", "m", BATCH_NO_VALUE},
        {"open", SCENE_NOW_MS - scene->limits.retention_ms - 1, "ana", "m", BATCH_NO_VALUE},
        {"open", SCENE_NOW_MS, "", "m", BATCH_NO_VALUE},
        {"open", SCENE_NOW_MS, "ana", "m//n", BATCH_NO_VALUE},
        {"dwell", SCENE_NOW_MS, "ana", "m", 0},
    };
    static const struct answer_rejected expected[] = {
        {0, VERDICT_SHAPE},        {1, VERDICT_KIND},    {2, VERDICT_TIME_INVALID}, {4, VERDICT_TIME_FUTURE},
        {6, VERDICT_TIME_EXPIRED}, {7, VERDICT_LEARNER}, {8, VERDICT_CONTENT},      {9, VERDICT_VALUE},
    };
    const struct answer *answer = scene_send(scene, 1, 0, events, ARRAY_COUNT(events));
    assert_answer(answer, ANSWER_OK, 1);
    cr_assert_eq(answer->accepted, 2);
    cr_assert_eq(answer->rejected_total, ARRAY_COUNT(expected));
    for (size_t i = 0; i < ARRAY_COUNT(expected); i++) {
        cr_assert_eq(answer->rejected[i].index, expected[i].index);
        cr_assert_eq(answer->rejected[i].verdict, expected[i].verdict);
        cr_assert_eq(pipeline_counters(scene->pipeline)->verdicts[expected[i].verdict], 1);
    }
    scene_commit(scene);
    cr_assert_eq(eventlog_next(scene->store.log).learners, 1, "a rejected event's learner got a number");
    scene_close(scene);
}

Test(pipeline, a_batch_of_rejected_events_only_settles_its_seq)
{
    struct scene *scene = scene_make(NULL);
    assert_answer(send_learners(scene, 1, 0, "\x01"), ANSWER_OK, 1);
    scene_commit(scene);
    cr_assert_eq(eventlog_next(scene->store.log).offset, 0);
    scene_restart(scene);
    assert_answer(send_learners(scene, 1, 0, "\x01"), ANSWER_DUPLICATE, 1);
    assert_answer(send_learners(scene, 2, 1, "ana"), ANSWER_OK, 2);
    scene_close(scene);
}

Test(pipeline, lists_the_first_hundred_rejected_of_each_batch)
{
    struct scene *scene = scene_make(NULL);
    struct batch_event events[150];
    for (size_t i = 0; i < ARRAY_COUNT(events); i++)
        events[i] = batch_open(SCENE_NOW_MS, "", "m");
    for (uint64_t seq = 1; seq <= 3; seq++) {
        const struct answer *answer = scene_send(scene, seq, 0, events, ARRAY_COUNT(events));
        cr_assert_eq(answer->rejected_count, REJECTED_MAX_LISTED);
        cr_assert_eq(answer->rejected_total, 150);
        cr_assert_eq(answer->rejected[99].index, 99);
    }
    scene_close(scene);
}

Test(pipeline, duplicates_conflicts_and_gaps)
{
    struct scene *scene = scene_make(NULL);
    assert_answer(scene_open(scene, 1, 0, "ana", "m"), ANSWER_OK, 1);
    assert_answer(scene_open(scene, 1, 0, "ana", "m"), ANSWER_DUPLICATE, 1);
    assert_refused(scene_open(scene, 1, 0, "ana", "n"), REFUSAL_CONFLICT);
    const struct answer *gap = scene_open(scene, 3, 0, "ana", "m");
    assert_answer(gap, ANSWER_GAP, 3);
    cr_assert_eq(gap->expected, 2);
    scene_commit(scene);
    scene_restart(scene);
    assert_answer(scene_open(scene, 1, 0, "ana", "m"), ANSWER_DUPLICATE, 1);
    assert_refused(scene_open(scene, 1, 0, "ana", "n"), REFUSAL_CONFLICT);
    assert_answer(scene_open(scene, 2, 1, "ana", "m"), ANSWER_OK, 2);
    scene_commit(scene);
    cr_assert_eq(eventlog_next(scene->store.log).offset, 2);
    scene_close(scene);
}

Test(pipeline, sessions_of_two_publishers_are_two)
{
    struct scene *scene = scene_make(NULL);
    assert_answer(scene_open(scene, 1, 0, "ana", "m"), ANSWER_OK, 1);
    scene->publisher = roles_publisher_named(scene->roles, "other");
    assert_answer(scene_open(scene, 1, 0, "ana", "m"), ANSWER_OK, 1);
    scene_commit(scene);
    assert_log(scene, "open 1767225600000 0 m 0 lms\nopen 1767225600000 0 m 0 other\n");
    scene_close(scene);
}

Test(pipeline, a_rollback_raises_the_alarm_once_and_goes_on)
{
    struct scene *scene = scene_make(NULL);
    assert_answer(scene_open(scene, 1, 0, "ana", "m"), ANSWER_OK, 1);
    const struct answer *gap = scene_open(scene, 7, 5, "ana", "m");
    assert_answer(gap, ANSWER_GAP, 7);
    cr_assert_eq(gap->expected, 6);
    assert_answer(scene_open(scene, 6, 5, "ana", "m"), ANSWER_OK, 6);
    assert_answer(scene_open(scene, 3, 5, "ana", "m"), ANSWER_DUPLICATE, 3);
    cr_assert_eq(scene_count(scene, COUNTER_ROLLED_BACK), 1);
    scene_commit(scene);
    scene_restart(scene);
    assert_answer(scene_open(scene, 6, 5, "ana", "m"), ANSWER_DUPLICATE, 6);
    assert_answer(scene_open(scene, 7, 6, "ana", "m"), ANSWER_OK, 7);
    cr_assert_eq(scene_count(scene, COUNTER_ROLLED_BACK), 0);
    scene_close(scene);
}

Test(pipeline, another_version_is_refused_and_settles_nothing)
{
    struct scene *scene = scene_make(NULL);
    struct batch_event event = batch_open(SCENE_NOW_MS, "ana", "m");
    struct batch_head head = {.version = 2, .session = scene->session, .seq = 1};
    struct slice message = batch_make(&head, &event, 1);
    const struct answer *answer = scene_bytes(scene, message);
    assert_refused(answer, REFUSAL_VERSION);
    cr_assert(answer->has_session && answer->has_seq && answer->seq == 1);
    batch_free(message);
    assert_answer(scene_open(scene, 1, 0, "ana", "m"), ANSWER_OK, 1);
    scene_close(scene);
}

Test(pipeline, malformed_settles_where_it_is_the_expected_one)
{
    struct scene *scene = scene_make(NULL);
    assert_answer(scene_send(scene, 2, 0, NULL, 0), ANSWER_GAP, 2);
    assert_refused(scene_send(scene, 1, 0, NULL, 0), REFUSAL_MALFORMED);
    assert_refused(scene_send(scene, 1, 0, NULL, 0), REFUSAL_MALFORMED);
    assert_refused(scene_open(scene, 1, 0, "ana", "m"), REFUSAL_CONFLICT);
    assert_answer(scene_open(scene, 2, 1, "ana", "m"), ANSWER_OK, 2);
    assert_refused(scene_send(scene, 2, 1, NULL, 0), REFUSAL_MALFORMED);
    scene_commit(scene);
    scene_restart(scene);
    assert_refused(scene_send(scene, 1, 0, NULL, 0), REFUSAL_MALFORMED);
    assert_answer(scene_open(scene, 3, 2, "ana", "m"), ANSWER_OK, 3);
    scene_close(scene);
}

Test(pipeline, a_malformed_batch_moves_no_session_by_what_it_says_was_acknowledged)
{
    struct scene *scene = scene_make(NULL);
    assert_answer(scene_open(scene, 1, 0, "ana", "m"), ANSWER_OK, 1);
    const struct answer *gap = scene_send(scene, 901, 900, NULL, 0);
    assert_answer(gap, ANSWER_GAP, 901);
    cr_assert_eq(gap->expected, 2);
    cr_assert_eq(scene_count(scene, COUNTER_ROLLED_BACK), 0);
    assert_answer(scene_open(scene, 2, 1, "ana", "m"), ANSWER_OK, 2);
    scene_close(scene);
}

Test(pipeline, malformed_without_session_or_seq_hangs_on_nothing)
{
    struct scene *scene = scene_make(NULL);
    struct batch_event event = batch_open(SCENE_NOW_MS, "ana", "m");
    struct batch_head headless = {.version = 1, .seq = 1}, zero = {.version = 1, .session = scene->session};
    struct slice messages[] = {batch_make(&headless, &event, 1), batch_make(&zero, &event, 1)};
    for (size_t i = 0; i < ARRAY_COUNT(messages); i++) {
        assert_refused(scene_bytes(scene, messages[i]), REFUSAL_MALFORMED);
        batch_free(messages[i]);
    }
    cr_assert_eq(pipeline_session_count(scene->pipeline), 0);
    cr_assert_not(group_needs_write(scene->group));
    scene_close(scene);
}

/* Cut anywhere, nothing of a batch is stored; where it settles, it settles as malformed. */
Test(pipeline, a_batch_cut_short_anywhere_leaves_no_trace)
{
    struct scene *scene = scene_make(NULL);
    struct batch_event events[] = {batch_open(SCENE_NOW_MS, "ana", "m"), batch_open(SCENE_NOW_MS, "budi", "n")};
    struct batch_head head = {.version = 1, .session = scene->session, .seq = 2, .acked = 1};
    struct slice whole = batch_make(&head, events, 2);
    for (size_t size = 0; size < whole.size; size++) {
        const struct answer *answer = scene_bytes(scene, slice_of(whole.data, size));
        cr_assert_neq(answer->status, ANSWER_OK, "taken at %zu of %zu bytes", size, whole.size);
        cr_assert_eq(scene->group->event_count, 0);
        cr_assert_eq(scene->group->learner_count, 0);
    }
    batch_free(whole);
    scene_close(scene);
}

Test(pipeline, the_sixty_fifth_in_flight_is_busy)
{
    struct scene *scene = scene_make(NULL);
    for (uint64_t seq = 1; seq <= BATCH_MAX_IN_FLIGHT; seq++)
        assert_answer(scene_open(scene, seq, 0, "ana", "m"), ANSWER_OK, seq);
    const struct answer *busy = scene_open(scene, 65, 0, "ana", "m");
    assert_answer(busy, ANSWER_BUSY, 65);
    cr_assert_eq(busy->retry_ms, 500);
    const struct answer *gap = scene_open(scene, 66, 0, "ana", "m");
    assert_answer(gap, ANSWER_GAP, 66);
    cr_assert_eq(gap->expected, 65);
    scene_commit(scene);
    assert_answer(scene_open(scene, 65, 0, "ana", "m"), ANSWER_OK, 65);
    scene_commit(scene);
    cr_assert_eq(eventlog_next(scene->store.log).offset, 65);
    scene_close(scene);
}

Test(pipeline, is_busy_at_max_sessions_until_one_is_old)
{
    struct scene *scene = scene_make(NULL);
    scene->limits.max_sessions = 2;
    pipeline_limit(scene->pipeline, &scene->limits);
    for (uint8_t id = 0; id < 2; id++) {
        scene->session[0] = id;
        assert_answer(scene_open(scene, 1, 0, "ana", "m"), ANSWER_OK, 1);
    }
    scene_commit(scene);
    scene->session[0] = 2;
    assert_answer(scene_open(scene, 1, 0, "ana", "m"), ANSWER_BUSY, 1);
    scene->publisher = roles_publisher_named(scene->roles, "other");
    assert_answer(scene_open(scene, 1, 0, "ana", "m"), ANSWER_OK, 1);
    scene_commit(scene);
    scene->publisher = roles_publisher_named(scene->roles, "lms");
    scene->now_ms += scene->limits.session_ms + 1;
    assert_answer(scene_open(scene, 1, 0, "ana", "m"), ANSWER_OK, 1);
    scene_commit(scene);
    cr_assert_eq(pipeline_session_count(scene->pipeline), 1);
    scene_restart(scene);
    cr_assert_eq(pipeline_session_count(scene->pipeline), 1, "swept sessions came back");
    scene_close(scene);
}

/* A session that a group holds is not swept, whatever the clock says. */
Test(pipeline, sweeps_nothing_that_is_in_flight)
{
    struct scene *scene = scene_make(NULL);
    assert_answer(scene_open(scene, 1, 0, "ana", "m"), ANSWER_OK, 1);
    scene->now_ms += 2 * scene->limits.session_ms;
    pipeline_sweep(scene->pipeline, scene->now_ms);
    cr_assert_eq(pipeline_session_count(scene->pipeline), 1);
    scene_commit(scene);
    pipeline_sweep(scene->pipeline, scene->now_ms);
    cr_assert_eq(pipeline_session_count(scene->pipeline), 0);
    scene_commit(scene);
    scene_restart(scene);
    cr_assert_eq(pipeline_session_count(scene->pipeline), 0);
    assert_answer(scene_open(scene, 2, 1, "ana", "m"), ANSWER_OK, 2);
    scene_close(scene);
}

Test(pipeline, a_session_idle_for_thirty_days_is_known)
{
    struct scene *scene = scene_make(NULL);
    assert_answer(scene_open(scene, 1, 0, "ana", "m"), ANSWER_OK, 1);
    scene_commit(scene);
    scene->now_ms += INT64_C(30) * 86400000;
    scene_restart(scene);
    pipeline_sweep(scene->pipeline, scene->now_ms);
    assert_answer(scene_open(scene, 1, 0, "ana", "m"), ANSWER_DUPLICATE, 1);
    assert_answer(scene_open(scene, 2, 1, "ana", "m"), ANSWER_OK, 2);
    scene_close(scene);
}

Test(pipeline, is_busy_beyond_the_new_learners_of_an_hour)
{
    struct scene *scene = scene_make(NULL);
    scene->limits.max_new_learners = 3;
    pipeline_limit(scene->pipeline, &scene->limits);
    assert_answer(send_learners(scene, 1, 0, "a,b,a"), ANSWER_OK, 1);
    assert_answer(send_learners(scene, 2, 0, "c,d,a"), ANSWER_BUSY, 2);
    cr_assert_eq(scene->group->learner_count, 2, "a busy batch left learners behind");
    cr_assert_eq(scene->group->event_count, 3);
    assert_answer(send_learners(scene, 2, 0, "a,c,b"), ANSWER_OK, 2);
    assert_answer(send_learners(scene, 3, 0, "d"), ANSWER_BUSY, 3);
    scene_commit(scene);
    scene->now_ms += 3600 * 1000;
    assert_answer(send_learners(scene, 3, 0, "d"), ANSWER_OK, 3);
    scene_close(scene);
}

Test(pipeline, is_busy_beyond_the_learners_it_keeps)
{
    struct scene *scene = scene_make(NULL);
    scene->limits.max_learners = 2;
    pipeline_limit(scene->pipeline, &scene->limits);
    assert_answer(send_learners(scene, 1, 0, "a,b"), ANSWER_OK, 1);
    assert_answer(send_learners(scene, 2, 0, "c"), ANSWER_BUSY, 2);
    assert_answer(send_learners(scene, 2, 0, "b"), ANSWER_OK, 2);
    scene_close(scene);
}

/* A publisher that has used up what it may take while another one publishes, too. */
static struct scene *scene_beyond_budget(void)
{
    enum {
        MANY = 4000
    }; /* more than is saved up at the least rate */
    static struct batch_event many[MANY];
    struct scene *scene = scene_make(NULL);
    scene->limits.rates = (struct budget_rates){BUDGET_LEAST_EVENTS, UINT64_C(1) << 30};
    pipeline_limit(scene->pipeline, &scene->limits);
    uint32_t flooder = scene->publisher;
    scene->publisher = roles_publisher_named(scene->roles, "other");
    assert_answer(scene_open(scene, 1, 0, "ana", "m"), ANSWER_OK, 1);
    scene->publisher = flooder;
    for (uint32_t i = 0; i < MANY; i++)
        many[i] = batch_open(SCENE_NOW_MS, "ana", "m");
    assert_answer(scene_send(scene, 1, 0, many, MANY), ANSWER_OK, 1);
    return scene;
}

Test(pipeline, beyond_its_budget_a_publisher_waits_and_others_do_not)
{
    struct scene *scene = scene_beyond_budget();
    const struct answer *answer = scene_open(scene, 2, 1, "budi", "m");
    assert_answer(answer, ANSWER_BUSY, 2);
    uint32_t retry_ms = answer->retry_ms;
    cr_assert_geq(retry_ms, BUDGET_BURST_MS);
    cr_assert_eq(scene->group->learner_count, 1, "the events of a busy batch were looked at");
    cr_assert_eq(scene_count(scene, COUNTER_OVER_BUDGET), 1);
    scene->publisher = roles_publisher_named(scene->roles, "other");
    assert_answer(scene_open(scene, 2, 1, "ana", "m"), ANSWER_OK, 2);
    scene->publisher = roles_publisher_named(scene->roles, "lms");
    scene->now_ms += retry_ms;
    assert_answer(scene_open(scene, 2, 1, "budi", "m"), ANSWER_OK, 2);
    scene_close(scene);
}

Test(pipeline, what_was_in_flight_behind_a_busy_batch_costs_nothing)
{
    enum {
        MANY = 5000
    };
    static struct batch_event many[MANY];
    struct scene *scene = scene_beyond_budget();
    for (uint32_t i = 0; i < MANY; i++)
        many[i] = batch_open(SCENE_NOW_MS, "ana", "m");
    const struct answer *answer = scene_open(scene, 2, 1, "ana", "m");
    assert_answer(answer, ANSWER_BUSY, 2);
    scene->now_ms += answer->retry_ms;
    answer = scene_send(scene, 3, 1, many, MANY);
    assert_answer(answer, ANSWER_GAP, 3);
    cr_assert_eq(answer->expected, 2);
    assert_answer(scene_open(scene, 2, 1, "ana", "m"), ANSWER_OK, 2);
    scene_close(scene);
}

Test(pipeline, dropoff_beyond_its_budget_is_dropped)
{
    struct scene *scene = scene_beyond_budget();
    struct batch_event event = batch_open(SCENE_NOW_MS, "ana", "m");
    struct batch_head head = {.version = 1, .session = scene->session, .seq = 9};
    struct slice message = batch_make(&head, &event, 1);
    uint64_t before = scene_count(scene, COUNTER_EVENTS);
    scene_dropoff(scene, message);
    batch_free(message);
    cr_assert_eq(scene_count(scene, COUNTER_EVENTS), before);
    cr_assert_eq(scene_count(scene, COUNTER_DROPPED), 1);
    scene_close(scene);
}

Test(pipeline, without_a_store_everything_is_busy)
{
    struct scene *scene = scene_make(NULL);
    cr_assert_eq(pipeline_attach(scene->pipeline, NULL, &scene->error), STATUS_OK);
    assert_answer(scene_open(scene, 1, 0, "ana", "m"), ANSWER_BUSY, 1);
    cr_assert_not(group_needs_write(scene->group));
    cr_assert_eq(pipeline_attach(scene->pipeline, &scene->store, &scene->error), STATUS_OK);
    assert_answer(scene_open(scene, 1, 0, "ana", "m"), ANSWER_OK, 1);
    scene_close(scene);
}

Test(pipeline, drop_off_is_stored_without_session_or_answer)
{
    struct scene *scene = scene_make(NULL);
    struct batch_event event = batch_open(SCENE_NOW_MS, "ana", "m");
    struct batch_head head = {.version = 1, .session = scene->session, .seq = 9};
    struct slice message = batch_make(&head, &event, 1);
    scene_dropoff(scene, message);
    scene_dropoff(scene, message);
    pipeline_dropoff(scene->pipeline, scene->publisher, slice_of(message.data, message.size - 1), scene->now_ms);
    batch_free(message);
    cr_assert_eq(scene->group->answer_count, 0);
    cr_assert_eq(pipeline_session_count(scene->pipeline), 0);
    cr_assert_eq(scene_count(scene, COUNTER_DROPPED), 1);
    scene_commit(scene);
    cr_assert_eq(eventlog_next(scene->store.log).offset, 2);
    scene_close(scene);
}

Test(pipeline, an_id_has_one_number_in_any_batch_and_after_reopening)
{
    struct scene *scene = scene_make(NULL);
    uint8_t before[3 * LID_BYTES], after[3 * LID_BYTES];
    assert_answer(send_learners(scene, 1, 0, "ana,budi,ana"), ANSWER_OK, 1);
    assert_answer(send_learners(scene, 2, 0, "budi,Ana"), ANSWER_OK, 2);
    scene_commit(scene);
    cr_assert_eq(eventlog_lids(scene->store.log, 0, 3, before, &scene->error), STATUS_OK);
    scene_restart(scene);
    cr_assert_eq(pipeline_learner_count(scene->pipeline), 3);
    assert_answer(send_learners(scene, 3, 2, "Ana,budi,ana"), ANSWER_OK, 3);
    scene_commit(scene);
    cr_assert_eq(eventlog_lids(scene->store.log, 0, 3, after, &scene->error), STATUS_OK);
    cr_assert_arr_eq(before, after, sizeof before);
    cr_assert_eq(eventlog_next(scene->store.log).learners, 3);
    assert_log(scene, "open 1767225600000 0 m 0 lms\nopen 1767225600000 1 m 0 lms\nopen 1767225600000 0 m 0 lms\n"
                      "open 1767225600000 1 m 0 lms\nopen 1767225600000 2 m 0 lms\n"
                      "open 1767225600000 2 m 0 lms\nopen 1767225600000 1 m 0 lms\nopen 1767225600000 0 m 0 lms\n");
    scene_close(scene);
}

Test(pipeline, different_ids_never_share_a_number)
{
    enum {
        BATCHES = 4,
        EVENTS = 500
    };
    struct scene *scene = scene_make(NULL);
    struct batch_event events[EVENTS];
    char names[EVENTS][32];
    for (uint64_t seq = 1; seq <= BATCHES; seq++) {
        for (int i = 0; i < EVENTS; i++) {
            snprintf(names[i], sizeof names[i], "learner-%" PRIu64, (seq - 1) * EVENTS + (uint64_t)i);
            events[i] = batch_open(SCENE_NOW_MS, names[i], "m");
        }
        assert_answer(scene_send(scene, seq, 0, events, EVENTS), ANSWER_OK, seq);
    }
    for (uint32_t i = 0; i < BATCHES * EVENTS; i++)
        cr_assert_eq(scene->group->learner[i], i);
    scene_commit(scene);
    cr_assert_eq(vault_rows(scene->store.vault), BATCHES * EVENTS);
    scene_close(scene);
}

/* The vault is synced first; a crash before the log's commit leaves rows of `known` that bind nothing. */
Test(pipeline, known_rows_ahead_of_the_log_bind_nothing)
{
    struct scene *scene = scene_make(NULL);
    assert_answer(send_learners(scene, 1, 0, "ana"), ANSWER_OK, 1);
    scene_commit(scene);
    assert_answer(send_learners(scene, 2, 0, "budi,citra"), ANSWER_OK, 2);
    scene_crash_after_vault(scene);
    cr_assert_eq(scene_start(scene, false), STATUS_OK, "%s", scene->error.text);
    cr_assert_eq(pipeline_learner_count(scene->pipeline), 1);
    assert_answer(send_learners(scene, 2, 1, "dewi,citra,ana"), ANSWER_OK, 2);
    scene_commit(scene);
    scene_restart(scene);
    assert_answer(send_learners(scene, 3, 2, "citra,dewi,budi"), ANSWER_OK, 3);
    scene_commit(scene);
    assert_log(scene, "open 1767225600000 0 m 0 lms\n"
                      "open 1767225600000 1 m 0 lms\nopen 1767225600000 2 m 0 lms\nopen 1767225600000 0 m 0 lms\n"
                      "open 1767225600000 2 m 0 lms\nopen 1767225600000 1 m 0 lms\nopen 1767225600000 3 m 0 lms\n");
    cr_assert_eq(vault_rows(scene->store.vault), 4, "budi and citra were persons before");
    scene_close(scene);
}

/* Distinct paths of the greatest length in the longest message that can be configured: the group has room for it. */
Test(pipeline, the_longest_message_fits_the_group)
{
    static const char *const sets[] = {"max_message_bytes=16777216", NULL};
    enum {
        EVENTS = BATCH_MAX_EVENTS
    };
    struct scene *scene = scene_make(sets);
    struct batch_event *events = mem_new(EVENTS, sizeof *events);
    char *paths = mem_new(EVENTS, CONTENT_MAX_BYTES + 1);
    for (uint32_t i = 0; i < EVENTS; i++) {
        char *path = paths + (size_t)i * (CONTENT_MAX_BYTES + 1);
        memset(path, 'x', CONTENT_MAX_BYTES);
        path[SEGMENT_MAX_BYTES] = path[2 * SEGMENT_MAX_BYTES + 1] = '/';
        snprintf(path, 8, "%07u", i);
        path[7] = 'x';
        events[i] = batch_open(SCENE_NOW_MS, "ana", path);
    }
    for (uint64_t seq = 1; !group_full(scene->group); seq++)
        assert_answer(scene_send(scene, seq, 0, events, EVENTS), ANSWER_OK, seq);
    uint32_t count = scene->group->event_count;
    scene_commit(scene);
    cr_assert_eq(eventlog_next(scene->store.log).offset, count);
    scene_restart(scene);
    free(paths);
    free(events);
    scene_close(scene);
}

/* The greatest group that can be configured is a block that can be read back. */
Test(pipeline, the_greatest_group_is_a_readable_block)
{
    struct config_default row = *config_default(CONFIG_GROUP_EVENTS);
    cr_assert_leq(row.greatest + BATCH_MAX_EVENTS, BLOCK_MAX_EVENTS);
}
