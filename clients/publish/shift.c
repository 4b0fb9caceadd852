#include "clients/publish/shift.h"

enum status shift_find(const char *const *paths, size_t count, enum input_format format, int32_t day, int64_t *days,
                       struct error *error)
{
    struct input *input = input_open(paths, count, format, (struct input_place){0});
    struct input_row row;
    struct event event;
    int64_t last_ms = -1;
    enum input_outcome outcome;
    while ((outcome = input_next(input, &row, error)) == INPUT_ROW || outcome == INPUT_UNREADABLE) {
        if (outcome == INPUT_UNREADABLE || row_event(&row.row, &event) != VERDICT_ACCEPTED)
            continue;
        if (event_check(&event, 0, TIME_MAX_MS) == VERDICT_ACCEPTED && event.time_ms > last_ms)
            last_ms = event.time_ms;
    }
    input_close(input);
    if (outcome == INPUT_FAILED)
        return error->status;
    *days = last_ms < 0 ? 0 : day - last_ms / DAY_MS;
    return STATUS_OK;
}
