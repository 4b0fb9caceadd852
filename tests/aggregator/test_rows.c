#include "aggregator/rows.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

TestSuite(rows, .timeout = 20);

static struct curriculum *curriculum_of(const char *text)
{
    struct curriculum *curriculum = NULL;
    struct error error;
    cr_assert_eq(curriculum_open("plan.csv", slice_of_text(text), &curriculum, &error), STATUS_OK, "%s", error.text);
    return curriculum;
}

static void assert_order(const struct rows *rows, const char *const *expected, uint32_t count)
{
    cr_assert_eq(rows->count, count);
    for (uint32_t i = 0; i < count; i++)
        cr_assert_str_eq(rows->rows[i].content, expected[i], "row %u is %s, not %s", i, rows->rows[i].content,
                         expected[i]);
}

static const char *const paths[] = {"b/y/1", "b", "a/x", "a/x/2", "c/z", "a/w/1", "b/y/1"};

Test(rows, a_row_covers_its_path_and_what_is_below)
{
    struct curriculum *none = curriculum_of("content,title,order\n");
    struct rows rows;
    rows_open(paths, 6, none, LEVEL_MODULE, &rows);
    assert_order(&rows, (const char *const[]){"a", "b", "c"}, 3);
    cr_assert_eq(rows.rows[0].content_count, 3);
    cr_assert_arr_eq(rows.rows[0].contents, ((uint32_t[]){2, 3, 5}), 3 * sizeof(uint32_t));
    cr_assert_eq(rows.rows[1].content_count, 2);
    rows_close(&rows);
    rows_open(paths, 6, none, LEVEL_TOPIC, &rows);
    assert_order(&rows, (const char *const[]){"a/w", "a/x", "b/y", "c/z"}, 4);
    cr_assert_eq(rows.rows[1].content_count, 2, "the topic and its section");
    rows_close(&rows);
    rows_open(paths, 6, none, LEVEL_SECTION, &rows);
    assert_order(&rows, (const char *const[]){"a/w/1", "a/x/2", "b/y/1"}, 3);
    rows_close(&rows);
    curriculum_close(none);
}

Test(rows, a_path_that_nobody_is_left_on_is_no_part_of_a_row_and_makes_none)
{
    static const char *const left[] = {"a/x", NULL, "a/y", NULL};
    struct curriculum *none = curriculum_of("content,title,order\n");
    struct rows rows;
    rows_open(left, ARRAY_COUNT(left), none, LEVEL_MODULE, &rows);
    assert_order(&rows, (const char *const[]){"a"}, 1);
    cr_assert_eq(rows.rows[0].content_count, 2);
    cr_assert_arr_eq(rows.rows[0].contents, ((uint32_t[]){0, 2}), 2 * sizeof(uint32_t));
    rows_close(&rows);
    curriculum_close(none);
}

/* c/z has its own 1; b/y and a/w take 3 of their modules, with a/x's own 3 between them: ties by path. q is in no line.
 */
Test(rows, order_is_that_of_the_line_or_of_the_nearest_above_and_ties_go_by_path)
{
    static const char *const seen[] = {"q/t", "b/y", "a/x", "c/z", "a/w", "Q/t", "d/t"};
    struct curriculum *c = curriculum_of("content,title,order\nb,B,3\na,A,3\na/x,X,3\nc,C,9\nc/z,Z,1\nd,D,2.5\n");
    struct rows rows;
    rows_open(seen, ARRAY_COUNT(seen), c, LEVEL_TOPIC, &rows);
    assert_order(&rows, (const char *const[]){"c/z", "d/t", "a/w", "a/x", "b/y", "Q/t", "q/t"}, 7);
    rows_close(&rows);
    curriculum_close(c);
}

Test(rows, a_title_and_a_plan_are_the_rows_own_a_program_comes_from_above)
{
    static const char *const seen[] = {"m/t", "m/u", "n/t"};
    struct curriculum *c =
        curriculum_of("content,title,order,expected_minutes,program\nm,Module,1,60,maths\nm/u,Unit,2,5,\n");
    struct rows rows;
    rows_open(seen, ARRAY_COUNT(seen), c, LEVEL_TOPIC, &rows);
    assert_order(&rows, (const char *const[]){"m/t", "m/u", "n/t"}, 3);
    cr_assert_str_eq(rows.rows[0].title, "m/t");
    cr_assert_str_eq(rows.rows[0].program, "maths");
    cr_assert_eq(rows.rows[0].expected_minutes, 0);
    cr_assert_null(rows.rows[0].line);
    cr_assert_str_eq(rows.rows[1].title, "Unit");
    cr_assert_eq(rows.rows[1].expected_minutes, 5);
    cr_assert_str_eq(rows.rows[2].program, "");
    cr_assert_eq(rows_find(&rows, slice_of_text("n/t")), 2);
    cr_assert_eq(rows_find(&rows, slice_of_text("n")), UINT32_MAX);
    rows_close(&rows);
    curriculum_close(c);
}

/* Byte order puts "m-" before "m/": a path is never split but at its slashes. */
Test(rows, names_that_share_their_beginning_stay_apart)
{
    static const char *const seen[] = {"m/t", "m-n/t", "m.n/t", "m/t2"};
    struct curriculum *none = curriculum_of("content,title,order\n");
    struct rows rows;
    rows_open(seen, ARRAY_COUNT(seen), none, LEVEL_MODULE, &rows);
    assert_order(&rows, (const char *const[]){"m", "m-n", "m.n"}, 3);
    cr_assert_eq(rows.rows[0].content_count, 2);
    rows_close(&rows);
    curriculum_close(none);
}
