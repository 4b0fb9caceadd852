#include "clients/publish/row.h"
#include "common/zone.h"

static const char *const names[ROW_COLUMNS] = {
    [ROW_TIME] = "time", [ROW_LEARNER] = "learner", [ROW_CONTENT] = "content",
    [ROW_KIND] = "kind", [ROW_VALUE] = "value",
};

const char *row_column_name(enum row_column column)
{
    return names[column];
}

enum row_column row_column_from_name(struct slice name)
{
    for (unsigned i = 0; i < ROW_COLUMNS; i++)
        if (slice_equal(name, slice_of_text(names[i])))
            return (enum row_column)i;
    return ROW_COLUMNS;
}

bool row_whole(struct slice text, int64_t *number)
{
    size_t at = text.size > 0 && text.data[0] == '-' ? 1 : 0;
    int64_t whole = 0;
    if (at == text.size || text.size - at > 18)
        return false;
    for (size_t i = at; i < text.size; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        whole = whole * 10 + (text.data[i] - '0');
    }
    *number = at ? -whole : whole;
    return true;
}

static enum verdict read_value(struct slice text, enum kind kind, uint32_t *value)
{
    int64_t whole;
    if (kind_has_value(kind) != (text.size > 0))
        return VERDICT_SHAPE;
    *value = 0;
    if (text.size == 0)
        return VERDICT_ACCEPTED;
    if (!row_whole(text, &whole) || whole < 0 || whole > UINT32_MAX)
        return VERDICT_VALUE;
    *value = (uint32_t)whole;
    return VERDICT_ACCEPTED;
}

enum verdict row_event(const struct row *row, struct event *event)
{
    struct event read = {.learner = row->fields[ROW_LEARNER], .content = row->fields[ROW_CONTENT]};
    for (unsigned i = 0; i < ROW_VALUE; i++)
        if (!row->fields[i].data)
            return VERDICT_SHAPE;
    read.kind = kind_from_name(row->fields[ROW_KIND]);
    if (read.kind == KIND_COUNT)
        return VERDICT_KIND;
    struct slice time = row->fields[ROW_TIME];
    if (!row_whole(time, &read.time_ms) && !iso8601_parse(time, &read.time_ms))
        return VERDICT_TIME_INVALID;
    enum verdict verdict = read_value(row->fields[ROW_VALUE], read.kind, &read.value);
    if (verdict == VERDICT_ACCEPTED)
        *event = read;
    return verdict;
}
