/* Roll-ups of favourites and progress: of one content path, what still matters when the days are over. */
#include "aggregator/roller_inner.h"

#include "aggregator/marks.h"

#include <stdlib.h>

static bool is_progress(const struct cell_mark *mark)
{
    return mark->kind == KIND_PROGRESS;
}

/* What may still matter when the days are over (marks.h). */
static enum status keep_marks(const struct cell_mark *marks, uint32_t count, void *argument, struct error *error)
{
    (void)error;
    struct roller *roller = argument;
    for (uint32_t i = 0; i < count; i++) {
        if (is_progress(&marks[i]) && marks[i].value < MARKS_COMPLETE_PERCENT)
            continue;
        if (roller->mark_count == roller->mark_room) {
            roller->mark_room = roller->mark_room ? 2 * roller->mark_room : 1024;
            roller->marks = mem_grow(roller->marks, roller->mark_room, sizeof *roller->marks);
        }
        roller->marks[roller->mark_count++] = marks[i];
    }
    return STATUS_OK;
}

/* By learner; favourites before progress; the change that counts first: the last favourite, the first 100 percent. */
static int by_what_counts(const void *left, const void *right)
{
    const struct cell_mark *a = left, *b = right;
    if (a->learner != b->learner)
        return a->learner < b->learner ? -1 : 1;
    if (is_progress(a) != is_progress(b))
        return is_progress(a) ? 1 : -1;
    int64_t first = is_progress(a) ? a->time_ms : -marks_favorite_state(a);
    int64_t second = is_progress(b) ? b->time_ms : -marks_favorite_state(b);
    return (first > second) - (first < second);
}

/* A piece has its marks by learner: those of a day are sorted as a rule. */
static void sort_marks(struct cell_mark *marks, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        if (by_what_counts(&marks[i - 1], &marks[i]) > 0) {
            qsort(marks, count, sizeof *marks, by_what_counts);
            return;
        }
    }
}

static uint32_t reduce_marks(struct cell_mark *marks, uint32_t count)
{
    uint32_t kept = 0;
    sort_marks(marks, count);
    for (uint32_t i = 0; i < count; i++) {
        bool counts = kept == 0 || marks[kept - 1].learner != marks[i].learner ||
                      is_progress(&marks[kept - 1]) != is_progress(&marks[i]);
        if (counts)
            marks[kept++] = marks[i];
    }
    return kept;
}

static int by_time(const void *left, const void *right)
{
    const struct cell_mark *a = left, *b = right;
    return (a->time_ms > b->time_ms) - (a->time_ms < b->time_ms);
}

/* Brings the days in order, which they are in but where the zone's rules have changed since the pieces were written. */
static void order_days(struct roller *roller, int32_t day)
{
    const struct zone *zone = cells_time_zone(roller->cells);
    int64_t from_ms = zone_day_start_ms(zone, day), to_ms = zone_day_start_ms(zone, day + 1);
    for (uint32_t i = 0; i < roller->mark_count; i++) {
        while (roller->marks[i].time_ms >= to_ms) {
            from_ms = to_ms;
            to_ms = zone_day_start_ms(zone, ++day + 1);
        }
        if (roller->marks[i].time_ms < from_ms) {
            qsort(roller->marks, roller->mark_count, sizeof *roller->marks, by_time);
            return;
        }
    }
}

/* How many of the marks kept, which are sorted by day, come before the start of one. */
static uint32_t marks_before(const struct roller *roller, int64_t time_ms)
{
    uint32_t low = 0, high = roller->mark_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (roller->marks[middle].time_ms < time_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Of what was kept, the marks of the roll-up's days. */
static void put_marks(struct roller *roller, const struct rollup_key *key)
{
    const struct zone *zone = cells_time_zone(roller->cells);
    uint32_t from = marks_before(roller, zone_day_start_ms(zone, key->day));
    uint32_t to = marks_before(roller, zone_day_start_ms(zone, key->day + rollup_days(key->span)));
    struct cell_mark *some = mem_new(to - from, sizeof *some);
    if (to > from)
        memcpy(some, roller->marks + from, (to - from) * sizeof *some);
    uint32_t count = reduce_marks(some, to - from);
    cells_put_mark_rollup(roller->cells, key, some, count);
    roller->put_bytes += (size_t)(count + 1) * ROLLER_ENTRY_BYTES;
    free(some);
}

/* Those of every span that are missing in a block of days, from pieces that are read once. */
static enum status roll_block(struct roller *roller, const struct roll_days *days, struct rollup_key *key,
                              struct error *error)
{
    const struct zone *zone = cells_time_zone(roller->cells);
    int32_t block = key->day, end = block + ROLLER_BLOCK_DAYS;
    enum status status = STATUS_OK;
    bool read = false;
    roller_begin(roller, key, days);
    for (key->span = 0; key->span < ROLLUP_SPANS; key->span++) {
        for (key->day = block; !status && key->day < end; key->day += rollup_days(key->span)) {
            bool wanted = roller_wants(roller, key);
            if (wanted && !read) {
                struct marks_range range = {key->row, block, zone_day_start_ms(zone, end)};
                roller->mark_count = 0;
                status = cells_scan_marks(roller->cells, &range, keep_marks, roller, error);
                order_days(roller, block);
                read = true;
            }
            if (wanted && !status)
                put_marks(roller, key);
        }
    }
    key->span = 0;
    key->day = end;
    return status;
}

enum status roller_roll_marks(struct roller *roller, uint32_t content, struct error *error)
{
    struct rollup_key key = {.row = content, .level = ROLLUP_MARKS};
    struct roll_days days;
    enum status status = STATUS_OK;
    if (!roller_days_of(roller, &content, 1, &days))
        return STATUS_OK;
    for (key.day = days.first - days.first % ROLLER_BLOCK_DAYS; !status && key.day < days.end && key.day < days.newest;)
        status = roll_block(roller, &days, &key, error);
    return status ? status : cells_settle_rollups(roller->cells, error);
}
