#include "aggregator/roller_inner.h"

#include <stdlib.h>

enum {
    STEP_BYTES = 1 << 20, /* of roll-ups, written together */
    RUN_DAYS = 32,        /* whose pieces are read at once */
};

struct roller *roller_open(struct cells *cells)
{
    struct roller *roller = mem_new(1, sizeof *roller);
    roller->cells = cells;
    roller->level = 1;
    return roller;
}

static void rest(struct roller *roller)
{
    walk_close(roller->walk);
    stretch_close(roller->stretch);
    roller->walk = NULL;
    roller->stretch = NULL;
    free(roller->entries);
    free(roller->marks);
    roller->entries = NULL;
    roller->marks = NULL;
    roller->entry_room = roller->mark_room = 0;
}

void roller_close(struct roller *roller)
{
    if (!roller)
        return;
    rest(roller);
    for (unsigned l = 0; l < ROLLUP_LEVELS; l++)
        free(roller->members[l]);
    free(roller->contents);
    free(roller->stands);
    free(roller);
}

/* ---- the rows ---- */

static int by_row(const void *left, const void *right)
{
    const struct member *a = left, *b = right;
    if (a->row != b->row)
        return a->row < b->row ? -1 : 1;
    return (a->content > b->content) - (a->content < b->content);
}

static void find_members(struct roller *roller)
{
    uint32_t count = cells_content_count(roller->cells);
    if (count == roller->content_count)
        return;
    roller->content_count = count;
    roller->level = 1;
    roller->at = 0;
    for (uint32_t level = 1; level <= ROLLUP_LEVELS; level++) {
        struct member *members = mem_grow(roller->members[level - 1], count, sizeof *members);
        uint32_t kept = 0;
        for (uint32_t content = 0; content < count; content++) {
            members[kept] = (struct member){cells_row(roller->cells, content, level), content};
            kept += members[kept].row != UINT32_MAX;
        }
        qsort(members, kept, sizeof *members, by_row);
        roller->members[level - 1] = members;
        roller->member_count[level - 1] = kept;
    }
}

/* The content paths of the row at `at` that anybody was on; `at` moves behind it. */
static struct walk_row take_row(struct roller *roller)
{
    const struct member *members = roller->members[roller->level - 1];
    uint32_t count = roller->member_count[roller->level - 1], row = members[roller->at].row, kept = 0;
    if (roller->content_room < roller->content_count) {
        roller->content_room = roller->content_count;
        roller->contents = mem_grow(roller->contents, roller->content_room, sizeof *roller->contents);
    }
    for (; roller->at < count && members[roller->at].row == row; roller->at++)
        if (cells_content_seen(roller->cells, members[roller->at].content))
            roller->contents[kept++] = members[roller->at].content;
    return (struct walk_row){roller->contents, kept, roller->level};
}

/* ---- one roll-up ---- */

static void collect_one(struct roller *roller, uint32_t learner, const struct activity *activity)
{
    if (roller->entry_count == roller->entry_room) {
        roller->entry_room = roller->entry_room ? 2 * roller->entry_room : 1024;
        roller->entries = mem_grow(roller->entries, roller->entry_room, sizeof *roller->entries);
    }
    roller->entries[roller->entry_count++] = (struct cell_entry){
        .learner = learner,
        .opens = (uint32_t)activity->opens,
        .visits = (uint32_t)activity->visits,
        .active_ms = (uint32_t)activity->active_ms,
        .first_ms = activity->first_ms,
        .last_ms = activity->last_ms,
        .first_open_ms = activity->first_open_ms,
        .last_open_ms = activity->last_open_ms,
    };
}

static void collect(const struct activities *some, void *argument)
{
    for (uint32_t i = 0; i < some->count; i++)
        collect_one(argument, some->learners[i], &some->of[i]);
}

static int by_learner(const void *left, const void *right)
{
    const struct cell_entry *a = left, *b = right;
    return (a->learner > b->learner) - (a->learner < b->learner);
}

static void sort_entries(struct roller *roller)
{
    bool ascending = true;
    for (uint32_t i = 1; i < roller->entry_count; i++)
        ascending &= roller->entries[i - 1].learner < roller->entries[i].learner;
    if (!ascending)
        qsort(roller->entries, roller->entry_count, sizeof *roller->entries, by_learner);
}

static void put(struct roller *roller, const struct rollup_key *key)
{
    sort_entries(roller);
    cells_put_rollup(roller->cells, key, roller->entries, roller->entry_count);
    roller->put_bytes += (size_t)(roller->entry_count + 1) * ROLLER_ENTRY_BYTES;
}

/* A longer one, of the shorter ones that are written. */
static enum status make_long(struct roller *roller, const struct walk_row *row, struct rollup_key *key,
                             struct error *error)
{
    const struct zone *zone = cells_time_zone(roller->cells);
    roller->entry_count = 0;
    walk_period(roller->walk, zone_day_start_ms(zone, key->day),
                zone_day_start_ms(zone, key->day + rollup_days(key->span)));
    walk_spans(roller->walk, key->span);
    enum status status = walk_row(roller->walk, row, NULL, collect, roller, error);
    if (!status)
        put(roller, key);
    key->day += rollup_days(key->span);
    return status;
}

/* Those of single days that are missing within [key->day, end), of pieces that are read once. */
static enum status make_days(struct roller *roller, const struct walk_row *row, struct rollup_key *key, int32_t end,
                             struct error *error)
{
    const struct zone *zone = cells_time_zone(roller->cells);
    stretch_period(roller->stretch, zone_day_start_ms(zone, key->day), zone_day_start_ms(zone, end));
    enum status status = stretch_read(roller->stretch, row, error);
    for (; !status && key->day < end; key->day++) {
        if (!roller_misses(roller, key->day))
            continue;
        roller->entry_count = 0;
        status = stretch_within(roller->stretch, zone_day_start_ms(zone, key->day),
                                zone_day_start_ms(zone, key->day + 1), collect, roller, error);
        if (!status)
            put(roller, key);
    }
    return status;
}

/* ---- a row ---- */

static void note(const struct rollup_key *key, bool filled, void *argument)
{
    (void)filled;
    struct roller *roller = argument;
    roller->stands[key->day - roller->stands_first] = true;
}

void roller_look(struct roller *roller, const struct rollup_key *key, int32_t end)
{
    uint32_t days = (uint32_t)(end - key->day);
    if (days > roller->stands_room) {
        roller->stands_room = 2 * days;
        roller->stands = mem_grow(roller->stands, roller->stands_room, sizeof *roller->stands);
    }
    memset(roller->stands, 0, days * sizeof *roller->stands);
    roller->stands_first = key->day;
    cells_scan_rollups(roller->cells, key, end, note, roller);
}

/* Of the missing day and those soon after it. */
static enum status make_run(struct roller *roller, const struct walk_row *row, struct rollup_key *key, int32_t end,
                            struct error *error)
{
    int32_t last = key->day;
    for (int32_t day = key->day; day < end && day < key->day + RUN_DAYS; day++)
        last = roller_misses(roller, day) ? day : last;
    return make_days(roller, row, key, last + 1, error);
}

/* Those of one span that overlap the row's days; longer spans read what is written, so each step is. */
static enum status roll_span(struct roller *roller, const struct walk_row *row, struct rollup_key *key,
                             const struct roll_days *of, struct error *error)
{
    int32_t days = rollup_days(key->span);
    key->day = of->first - of->first % days;
    if (key->day + days > of->newest)
        return STATUS_OK;
    enum status status = STATUS_OK;
    int32_t past = of->end < of->newest - days + 1 ? of->end : of->newest - days + 1; /* none starts with it or later */
    roller_look(roller, key, of->newest);
    while (!status && key->day < past) {
        if (!roller_misses(roller, key->day))
            key->day += days;
        else if (key->span == 0)
            status = make_run(roller, row, key, past, error);
        else
            status = make_long(roller, row, key, error);
    }
    return status ? status : cells_settle_rollups(roller->cells, error);
}

static enum status roll_row(struct roller *roller, const struct walk_row *row, uint32_t number, struct error *error)
{
    struct roll_days days = {.newest = cells_newest_day(roller->cells)};
    enum status status = STATUS_OK;
    struct rollup_key key = {.row = number, .level = (uint8_t)row->level};
    if (!cells_row_days(roller->cells, row->contents, row->content_count, &days.first, &days.end))
        return STATUS_OK;
    days.end++; /* an interval may reach into the day after */
    if (row->level == ROLLUP_MARKS)
        return roller_roll_marks(roller, &days, &key, error);
    if (!roller->walk) {
        roller->walk = walk_open(roller->cells, WALK_FOR_ROLLUPS);
        roller->stretch = stretch_open(roller->cells, true);
    }
    for (; key.span < ROLLUP_SPANS && !status; key.span++)
        status = roll_span(roller, row, &key, &days, error);
    return status;
}

static bool at_end(struct roller *roller)
{
    while (roller->level <= ROLLUP_LEVELS && roller->at == roller->member_count[roller->level - 1]) {
        roller->level++;
        roller->at = 0;
    }
    return roller->level > ROLLUP_LEVELS;
}

/* Learners come between two steps: what the walks work with has room for those that were known. */
static void make_room_for_learners(struct roller *roller)
{
    uint32_t count = cells_learner_count(roller->cells);
    if (count != roller->learner_count)
        rest(roller);
    roller->learner_count = count;
}

enum status roller_some(struct roller *roller, bool *more, struct error *error)
{
    /* what a forget or a cut is about to take away must be gone before it is read */
    enum status status = cells_settle_rollups(roller->cells, error);
    find_members(roller);
    make_room_for_learners(roller);
    roller->put_bytes = 0;
    while (!status && roller->put_bytes < STEP_BYTES && !at_end(roller)) {
        uint32_t level = roller->level, number = roller->members[level - 1][roller->at].row;
        bool due = cells_row_due(roller->cells, number, level);
        struct walk_row row = take_row(roller);
        if (!due)
            continue;
        status = roll_row(roller, &row, number, error);
        if (!status)
            cells_row_settled(roller->cells, number, level);
    }
    *more = roller->level <= ROLLUP_LEVELS;
    if (!*more) { /* the next look starts from the first row */
        rest(roller);
        roller->level = 1;
        roller->at = 0;
    }
    return status;
}
