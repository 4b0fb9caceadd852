/* The resolver's thread: everything submitted comes back, or is given up for good. */
#include "tests/collector/scene.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <stdio.h>

enum {
    COUNT = 200
};

struct crowd {
    struct meeting meetings[COUNT];
    char names[COUNT][16];
};

static struct meeting *make_crowd(struct crowd *crowd)
{
    memset(crowd, 0, sizeof *crowd);
    for (int i = 0; i < COUNT; i++) {
        crowd->meetings[i].id = slice_of(crowd->names[i], (size_t)snprintf(crowd->names[i], 16, "learner-%d", i));
        crowd->meetings[i].next = i + 1 < COUNT ? &crowd->meetings[i + 1] : NULL;
    }
    return crowd->meetings;
}

static void wait_for(struct resolver *resolver)
{
    struct pollfd item = {.fd = resolver_fd(resolver), .events = POLLIN};
    cr_assert_eq(poll(&item, 1, 60000), 1, "the resolver does not ring");
}

Test(resolver, everything_comes_back_in_order)
{
    struct scene *scene = scene_make(NULL);
    struct resolver *resolver;
    static struct crowd crowd;
    struct meeting *next = make_crowd(&crowd);
    cr_assert_eq(resolver_open(&scene->store, &resolver, &scene->error), STATUS_OK);
    resolver_submit(resolver, NULL);
    cr_assert_null(resolver_take(resolver));
    resolver_submit(resolver, next);
    for (int back = 0; back < COUNT;) {
        wait_for(resolver);
        for (struct meeting *met = resolver_take(resolver); met; met = met->next, back++) {
            struct vault_row row = {0};
            cr_assert_eq(met, &crowd.meetings[back]);
            cr_assert_eq(met->status, STATUS_OK);
            cr_assert(met->row.new_person && met->row.new_number);
            if (back % 50 != 0)
                continue;
            cr_assert_eq(vault_resolve(scene->store.vault, met->id, &row, &scene->error), STATUS_OK);
            cr_assert_arr_eq(row.person, met->row.person, VAULT_PERSON_BYTES);
        }
    }
    cr_assert_null(resolver_take(resolver));
    resolver_close(resolver);
    scene_close(scene);
}

Test(resolver, a_recall_gives_everything_up_and_it_goes_on_after_it)
{
    struct scene *scene = scene_make(NULL);
    struct resolver *resolver;
    static struct crowd crowd, second;
    cr_assert_eq(resolver_open(&scene->store, &resolver, &scene->error), STATUS_OK);
    for (int round = 0; round < 20; round++) {
        resolver_submit(resolver, make_crowd(&crowd));
        resolver_recall(resolver);
        memset(&crowd, 0xff, sizeof crowd); /* nobody looks at it any more */
        cr_assert_null(resolver_take(resolver));
    }
    struct meeting *one = make_crowd(&second);
    one->next = NULL;
    resolver_submit(resolver, one);
    struct meeting *met = NULL;
    while (!met) { /* what was recalled may still ring */
        wait_for(resolver);
        met = resolver_take(resolver);
    }
    cr_assert_eq(met, one);
    cr_assert_null(one->next);
    resolver_submit(resolver, make_crowd(&crowd));
    resolver_close(resolver); /* with work left */
    scene_close(scene);
}
