/* Known paths: what is known is taken as event_check() takes it, the dictionary is the group's own, memory is bounded. */
#include "collector/paths.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    BATCH_COUNT = 1000,
    BATCH_BYTES = 1 << 20,
};

static struct paths *paths;

static void set_up(void)
{
    paths = paths_open(BATCH_COUNT, BATCH_BYTES);
}

static void tear_down(void)
{
    paths_close(paths);
}

TestSuite(paths, .init = set_up, .fini = tear_down);

static struct event event_of(enum kind kind, const char *path)
{
    return (struct event){.kind = kind,
                          .time_ms = 1000,
                          .learner = slice_of_text("somebody"),
                          .content = slice_of_text(path),
                          .value = kind_has_value(kind) ? 1 : 0};
}

static uint32_t handle_of(const char *path)
{
    struct event event = event_of(KIND_OPEN, path);
    uint32_t handle;
    paths_check(paths, &event, 0, 2000, &handle);
    return handle;
}

static void numbered(uint32_t i, char text[32])
{
    snprintf(text, 32, "module-%u/topic-%u", i / 7, i);
}

Test(paths, are_found_by_their_bytes_while_they_grow)
{
    enum {
        COUNT = 20000
    };
    uint32_t *handles = mem_new(COUNT, sizeof *handles);
    char text[32];
    for (uint32_t i = 0; i < COUNT; i++) {
        numbered(i, text);
        cr_assert_eq(handle_of(text), PATHS_NONE);
        handles[i] = paths_learn(paths, slice_of_text(text));
        cr_assert_eq(paths_learn(paths, slice_of_text(text)), handles[i], "learnt again");
    }
    for (uint32_t i = 0; i < COUNT; i++) {
        numbered(i, text);
        cr_assert_eq(handle_of(text), handles[i]);
    }
    free(handles);
}

Test(paths, of_every_length_differ_in_every_byte)
{
    char text[CONTENT_MAX_BYTES + 1];
    for (size_t size = 1; size <= CONTENT_MAX_BYTES; size++) {
        memset(text, 'a', size);
        text[size] = '\0';
        uint32_t handle = paths_learn(paths, slice_of_text(text));
        for (size_t i = 0; i < size; i++) {
            text[i] = 'b';
            cr_assert_eq(handle_of(text), PATHS_NONE, "byte %zu of %zu", i, size);
            text[i] = 'a';
        }
        cr_assert_eq(handle_of(text), handle);
    }
}

Test(paths, the_dictionary_begins_anew_and_what_is_known_stays)
{
    uint32_t a = paths_learn(paths, slice_of_text("a")), b = paths_learn(paths, slice_of_text("b"));
    cr_assert_eq(paths_used(paths), 0, "known is not used");
    cr_assert_eq(paths_use(paths, b), 0);
    cr_assert_eq(paths_use(paths, a), 1);
    cr_assert_eq(paths_use(paths, b), 0);
    cr_assert_eq(paths_used(paths), 2);
    paths_clear(paths);
    cr_assert_eq(paths_used(paths), 0);
    cr_assert_eq(handle_of("a"), a);
    cr_assert_eq(paths_use(paths, a), 0);
    cr_assert(slice_equal(paths_list(paths)[0], slice_of_text("a")));
}

Test(paths, many_are_forgotten_with_their_dictionary)
{
    char text[32];
    for (uint32_t i = 0; i <= PATHS_KEPT_COUNT; i++) {
        numbered(i, text);
        paths_use(paths, paths_learn(paths, slice_of_text(text)));
    }
    paths_clear(paths);
    cr_assert_eq(handle_of("module-0/topic-0"), PATHS_NONE);
    uint32_t again = paths_learn(paths, slice_of_text("module-0/topic-1"));
    cr_assert_eq(paths_use(paths, again), 0);
    cr_assert(slice_equal(paths_list(paths)[0], slice_of_text("module-0/topic-1")));
}

Test(paths, are_full_at_their_count_with_room_for_a_batch)
{
    char text[32];
    uint32_t count = 0;
    for (; !paths_full(paths); count++) {
        numbered(count, text);
        paths_learn(paths, slice_of_text(text));
    }
    cr_assert_leq(count, PATHS_FULL_COUNT);
    for (uint32_t i = 0; i < BATCH_COUNT; i++) {
        numbered(count + i, text);
        paths_learn(paths, slice_of_text(text));
    }
    paths_clear(paths);
    cr_assert_not(paths_full(paths));
}

/* Whatever is known, an event's verdict is event_check()'s. */
Test(paths, known_or_not_the_verdict_is_the_same)
{
    static const char *const contents[] = {"a",  "-",  "a/b", "a/b/c",    "a/b/c/d", "a//b",
                                           "/a", "a/", "a b", "\xc3\xa4", ""};
    for (size_t known = 0; known <= ARRAY_COUNT(contents); known++) {
        if (known > 0 && content_valid(slice_of_text(contents[known - 1])))
            paths_learn(paths, slice_of_text(contents[known - 1]));
        for (enum kind kind = 0; kind < KIND_COUNT; kind++)
            for (size_t i = 0; i < ARRAY_COUNT(contents); i++)
                for (int64_t time_ms = 998; time_ms <= 1003; time_ms++)
                    for (uint32_t value = 0; value <= 101; value += 101)
                        for (int learner = 0; learner < 2; learner++) {
                            struct event event = event_of(kind, contents[i]);
                            uint32_t handle;
                            event.time_ms = time_ms;
                            event.value = value;
                            event.learner = slice_of_text(learner ? "x" : "\x01");
                            cr_assert_eq(paths_check(paths, &event, 999, 1001, &handle), event_check(&event, 999, 1001),
                                         "%s of \"%s\" after %zu", kind_name(kind), contents[i], known);
                        }
    }
}
