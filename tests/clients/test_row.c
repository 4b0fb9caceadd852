#include "clients/publish/row.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static enum verdict read_row(const char *const fields[ROW_COLUMNS], struct event *event)
{
    struct row row;
    for (int i = 0; i < ROW_COLUMNS; i++)
        row.fields[i] = fields[i] ? slice_of_text(fields[i]) : slice_of(NULL, 0);
    return row_event(&row, event);
}

Test(row, the_verdict_on_each)
{
    static const struct {
        const char *fields[ROW_COLUMNS]; /* time, learner, content, kind, value */
        enum verdict verdict;
    } cases[] = {
        {{"1700000000000", "ann", "a/b", "open", ""}, VERDICT_ACCEPTED},
        {{"1700000000000", "ann", "a/b", "open", NULL}, VERDICT_ACCEPTED},
        {{"2023-11-14T22:13:20Z", "ann", "a/b", "dwell", "15000"}, VERDICT_ACCEPTED},
        {{"2023-11-15T05:13:20.500+07:00", "ann", "a/b", "progress", "0"}, VERDICT_ACCEPTED},
        {{"2023-11-14T22:13:20", "ann", "a/b", "open", ""}, VERDICT_TIME_INVALID}, /* no zone */
        {{"1700000000000.5", "ann", "a/b", "open", ""}, VERDICT_TIME_INVALID},
        {{" 1700000000000", "ann", "a/b", "open", ""}, VERDICT_TIME_INVALID},
        {{"", "ann", "a/b", "open", ""}, VERDICT_TIME_INVALID},
        {{"99999999999999999999", "ann", "a/b", "open", ""}, VERDICT_TIME_INVALID},
        {{"1", "ann", "a/b", "Open", ""}, VERDICT_KIND},
        {{"1", "ann", "a/b", "", ""}, VERDICT_KIND},
        {{"1", "ann", "a/b", "open", "3"}, VERDICT_SHAPE},
        {{"1", "ann", "a/b", "dwell", ""}, VERDICT_SHAPE},
        {{NULL, "ann", "a/b", "open", ""}, VERDICT_SHAPE},
        {{"1", NULL, "a/b", "open", ""}, VERDICT_SHAPE},
        {{"1", "ann", NULL, "open", ""}, VERDICT_SHAPE},
        {{"1", "ann", "a/b", NULL, ""}, VERDICT_SHAPE},
        {{"1", "ann", "a/b", "dwell", "-1"}, VERDICT_VALUE},
        {{"1", "ann", "a/b", "dwell", "1.5"}, VERDICT_VALUE},
        {{"1", "ann", "a/b", "dwell", "4294967296"}, VERDICT_VALUE},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct event event;
        enum verdict verdict = read_row(cases[i].fields, &event);
        cr_assert(eq(int, verdict, cases[i].verdict), "case %zu: %s", i, verdict_name(verdict));
    }
}

Test(row, fields_go_where_they_belong)
{
    struct event event;
    const char *const fields[] = {"2023-11-15T05:13:20.500+07:00", "ann", "a/b", "dwell", "15000"};
    cr_assert(eq(int, read_row(fields, &event), VERDICT_ACCEPTED));
    cr_assert(eq(i64, event.time_ms, 1700000000500));
    cr_assert(slice_equal(event.learner, slice_of_text("ann")));
    cr_assert(slice_equal(event.content, slice_of_text("a/b")));
    cr_assert(eq(int, event.kind, KIND_DWELL));
    cr_assert(eq(u32, event.value, 15000));
}
