/* The open group: columns, runs, paths, session rows, and when it is full. */
#include "collector/group.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

static struct group *group;
static const struct group_address someone = {.size = 2, .routing_id = "id"};

static void set_up(void)
{
    group = group_open(1000, 1 << 20);
    group_clear(group, 1);
}

static void tear_down(void)
{
    group_close_memory(group);
}

TestSuite(group, .init = set_up, .fini = tear_down);

static void add_events(uint32_t count, const char *path)
{
    for (uint32_t i = 0; i < count; i++) {
        struct event event = {.kind = KIND_DWELL, .time_ms = 5 + i, .value = 7};
        group_add(group, &event, 3, group_path(group, slice_of_text(path)));
    }
}

Test(group, begins_empty_and_is_empty_again)
{
    cr_assert(group_empty(group));
    cr_assert_not(group_full(group));
    add_events(1, "m");
    group_run(group, 0, "lms", 1, 9);
    cr_assert_not(group_empty(group));
    cr_assert(group_needs_write(group));
    group_clear(group, 2);
    cr_assert(group_empty(group));
    cr_assert_eq(group_path(group, slice_of_text("other")), 0, "a path of the group before is still there");
}

Test(group, answers_alone_need_no_write)
{
    group_answer(group, &someone);
    cr_assert_not(group_empty(group));
    cr_assert_not(group_needs_write(group));
}

Test(group, a_path_stands_once)
{
    char path[16];
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i < 5000; i++) {
            snprintf(path, sizeof path, "m/%u", i);
            cr_assert_eq(group_path(group, slice_of_text(path)), i);
        }
    struct block_columns columns;
    group_columns(group, &columns);
    cr_assert_eq(columns.path_count, 5000);
    cr_assert(slice_equal(columns.paths[77], slice_of_text("m/77")));
}

Test(group, runs_join_where_publisher_and_time_are_one)
{
    struct block_columns columns;
    group_run(group, 5, "a", 2, 100);
    group_run(group, 5, "a", 3, 100);
    group_run(group, 5, "a", 1, 101);
    group_run(group, 9, "b", 4, 101);
    group_run(group, 5, "a", 0, 102);
    group_run(group, 5, "a", 1, 101);
    group_columns(group, &columns);
    static const struct block_run expected[] = {{0, 5, 100}, {0, 1, 101}, {1, 4, 101}, {0, 1, 101}};
    cr_assert_eq(columns.run_count, ARRAY_COUNT(expected));
    for (size_t i = 0; i < ARRAY_COUNT(expected); i++) {
        cr_assert_eq(columns.runs[i].publisher, expected[i].publisher);
        cr_assert_eq(columns.runs[i].events, expected[i].events);
        cr_assert_eq(columns.runs[i].received_ms, expected[i].received_ms);
    }
    cr_assert_eq(columns.publisher_count, 2);
    cr_assert(slice_equal(columns.publishers[1], slice_of_text("b")));
}

Test(group, is_full_at_its_events_and_has_room_for_one_batch_more)
{
    add_events(999, "m");
    cr_assert_not(group_full(group));
    add_events(BATCH_MAX_EVENTS, "m");
    cr_assert(group_full(group));
    cr_assert_leq(group->event_count, group->event_room);
}

Test(group, is_full_at_its_answers)
{
    for (int i = 0; i < GROUP_MAX_BATCHES; i++) {
        cr_assert_not(group_full(group));
        group_answer(group, &someone);
    }
    cr_assert(group_full(group));
}

Test(group, is_full_at_its_path_bytes_and_has_room_for_one_message_more)
{
    char path[32];
    uint32_t count = 0;
    for (; !group_full(group); count++) {
        snprintf(path, sizeof path, "module-%07u/topic", count);
        group_path(group, slice_of_text(path));
    }
    cr_assert_geq(count * 20, 2 << 20, "full at %u paths", count);
    for (size_t more = 0; more + 20 < 1 << 20; more += 20, count++) {
        snprintf(path, sizeof path, "module-%07u/topic", count);
        group_path(group, slice_of_text(path));
    }
}

Test(group, is_full_at_its_rejected)
{
    group->rejected_count = GROUP_MAX_REJECTED - REJECTED_MAX_LISTED;
    cr_assert_not(group_full(group));
    group->rejected_count++;
    cr_assert(group_full(group));
}

Test(group, writes_each_session_once_as_it_is_when_frozen)
{
    struct roles *roles = roles_open("/nowhere", 1);
    struct session session = {.publisher = roles_publisher_named(roles, "lms"), .first_known = 1}, read = {0};
    struct error error;
    for (uint64_t seq = 1; seq <= 3; seq++) {
        session_settle(&session, seq, seq, 1000);
        group_touch(group, &session);
    }
    cr_assert(group_needs_write(group));
    group_freeze(group, roles);
    cr_assert_eq(group->row_count, 1);
    cr_assert_eq(group->session_settled[0], 3);
    cr_assert_eq(session_decode(group->rows[0].value, &read, &error), STATUS_OK, "%s", error.text);
    cr_assert_eq(read.settled, 3);
    cr_assert_eq(group->rows[0].key.size, 4 + SESSION_BYTES);
    cr_assert_eq(memcmp(group->rows[0].key.data, "lms", 4), 0);
    group_clear(group, 2);
    session_settle(&session, 4, 4, 1000);
    group_touch(group, &session);
    cr_assert_eq(group->session_count, 1, "the next group holds it again");
    roles_close(roles);
}
