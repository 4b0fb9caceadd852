/* Who is in, and who has to go when they are too many. */
#include "collector/lobby.h"

#include <criterion/criterion.h>

enum {
    MOST = 4,
    NOW_MS = 1000000,
    ROOM = 1000,
};

static struct lobby *lobby;
static bool has_shown[ROOM];

static bool shown(int descriptor, void *argument)
{
    return ((const bool *)argument)[descriptor];
}

static void set_up(void)
{
    lobby = lobby_open(MOST, shown, has_shown);
}

static void tear_down(void)
{
    lobby_close(lobby);
}

TestSuite(lobby, .init = set_up, .fini = tear_down);

/* Connections under these descriptors, so many ms after each other. */
static void enter(int first, int count, int64_t now_ms)
{
    for (int i = 0; i < count; i++)
        cr_assert_eq(lobby_enter(lobby, first + i, now_ms + i), LOBBY_NOBODY);
}

Test(lobby, whoever_leaves_makes_room)
{
    enter(10, MOST, NOW_MS);
    lobby_leave(lobby, 11);
    lobby_leave(lobby, 11);
    lobby_leave(lobby, 999);
    cr_assert_eq(lobby_count(lobby), MOST - 1);
    enter(50, 1, NOW_MS + 10);
    cr_assert_eq(lobby_count(lobby), MOST);
}

Test(lobby, the_oldest_stranger_makes_room)
{
    enter(10, MOST, NOW_MS);
    has_shown[10] = true;
    cr_assert_eq(lobby_enter(lobby, 20, NOW_MS + 100), 11);
    cr_assert_eq(lobby_enter(lobby, 21, NOW_MS + 101), 12);
    cr_assert_eq(lobby_count(lobby), MOST);
    lobby_leave(lobby, 11); /* heard of late: counted once */
    cr_assert_eq(lobby_count(lobby), MOST);
    cr_assert_eq(lobby_enter(lobby, 11, NOW_MS + 102), 13);
}

Test(lobby, whoever_stayed_is_no_stranger)
{
    enter(10, 2, NOW_MS);
    enter(20, 2, NOW_MS + LOBBY_YOUNG_MS - 10);
    cr_assert_eq(lobby_enter(lobby, 30, NOW_MS + LOBBY_YOUNG_MS + 5), 20, "10 and 11 proved their keys long ago");
}

Test(lobby, the_last_one_goes_where_all_others_have_shown_a_key)
{
    enter(10, MOST, NOW_MS);
    for (int i = 0; i < MOST; i++)
        has_shown[10 + i] = true;
    cr_assert_eq(lobby_enter(lobby, 20, NOW_MS + 100), 20);
    cr_assert_eq(lobby_count(lobby), MOST);
    cr_assert_eq(lobby_enter(lobby, 21, NOW_MS + 101), 21);
}

Test(lobby, a_descriptor_that_comes_again_is_another_connection)
{
    enter(10, MOST, NOW_MS);
    cr_assert_eq(lobby_enter(lobby, 10, NOW_MS + 100), LOBBY_NOBODY);
    cr_assert_eq(lobby_count(lobby), MOST);
    cr_assert_eq(lobby_enter(lobby, 30, NOW_MS + 101), 11, "10 came last now");
}

static bool odd(int descriptor)
{
    return descriptor % 2;
}

Test(lobby, an_audit_finds_those_that_left_unheard)
{
    enter(10, MOST, NOW_MS);
    lobby_audit(lobby, odd);
    cr_assert_eq(lobby_count(lobby), MOST / 2);
    enter(30, 2, NOW_MS + 10);
}

/* Strangers come by the thousand and stay; a publisher needs four moments for its handshake, and has it. */
Test(lobby, a_flood_of_strangers_pushes_itself_out)
{
    struct lobby *wide = lobby_open(100, shown, has_shown);
    for (int i = 0; i < 20000; i++) {
        int descriptor = 100 + i % 800;
        has_shown[descriptor] = false;
        lobby_enter(wide, descriptor, NOW_MS + i / 10);
        if (i == 5000)
            lobby_enter(wide, 7, NOW_MS + i / 10);
        if (i == 5050)
            has_shown[7] = true;
        cr_assert_leq(lobby_count(wide), 100);
    }
    lobby_leave(wide, 7);
    cr_assert_eq(lobby_count(wide), 99, "the publisher was in to the end");
    lobby_close(wide);
}
