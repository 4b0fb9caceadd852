#include "aggregator/roller.h"

#include "aggregator/marks.h"
#include "aggregator/rollup.h"
#include "aggregator/walk.h"

#include <stdlib.h>

enum {
    STEP_BYTES = 1 << 20, /* of roll-ups, written together */
    ENTRY_BYTES = 24,     /* of an entry, about */
    RUN_DAYS = 32,        /* whose pieces are read at once */
};

/* A content path on its way into its row. */
struct member {
    uint32_t row, content;
};

struct roller {
    struct cells *cells;
    struct walk *walk;                     /* while there is work */
    struct stretch *stretch;               /* likewise */
    uint32_t learner_count;                /* that these have room for */
    uint32_t content_count;                /* that `members` were made of */
    struct member *members[ROLLUP_LEVELS]; /* by row, content */
    uint32_t member_count[ROLLUP_LEVELS];
    uint32_t level, at; /* where the next look starts: members[level - 1][at] */
    size_t put_bytes;
    /* the row at work */
    uint32_t *contents, content_room;
    bool *stands; /* by day - first, of the span at work */
    uint32_t stands_room;
    int32_t stands_first;
    struct cell_entry *entries;
    uint32_t entry_count, entry_room;
    struct cell_mark *marks;
    uint32_t mark_count, mark_room;
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
    roller->put_bytes += (size_t)(roller->entry_count + 1) * ENTRY_BYTES;
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

static bool is_missing(const struct roller *roller, int32_t day)
{
    return !roller->stands[day - roller->stands_first];
}

/* Those of single days that are missing within [key->day, end), of pieces that are read once. */
static enum status make_days(struct roller *roller, const struct walk_row *row, struct rollup_key *key, int32_t end,
                             struct error *error)
{
    const struct zone *zone = cells_time_zone(roller->cells);
    stretch_period(roller->stretch, zone_day_start_ms(zone, key->day), zone_day_start_ms(zone, end));
    enum status status = stretch_read(roller->stretch, row, error);
    for (; !status && key->day < end; key->day++) {
        if (!is_missing(roller, key->day))
            continue;
        roller->entry_count = 0;
        status = stretch_within(roller->stretch, zone_day_start_ms(zone, key->day),
                                zone_day_start_ms(zone, key->day + 1), collect, roller, error);
        if (!status)
            put(roller, key);
    }
    return status;
}

/* ---- marks ---- */

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
    roller->put_bytes += (size_t)(count + 1) * ENTRY_BYTES;
    free(some);
}

/* ---- a row ---- */

static void note(const struct rollup_key *key, bool filled, void *argument)
{
    (void)filled;
    struct roller *roller = argument;
    roller->stands[key->day - roller->stands_first] = true;
}

/* Which roll-ups of this span stand within [key->day, end). */
static void look(struct roller *roller, const struct rollup_key *key, int32_t end)
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
        last = is_missing(roller, day) ? day : last;
    return make_days(roller, row, key, last + 1, error);
}

/* The days of the row at work: pieces on [first, end); only days before the newest of the cells are rolled up. */
struct roll_days {
    int32_t first, end, newest;
};

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
    look(roller, key, of->newest);
    while (!status && key->day < past) {
        if (!is_missing(roller, key->day))
            key->day += days;
        else if (key->span == 0)
            status = make_run(roller, row, key, past, error);
        else
            status = make_long(roller, row, key, error);
    }
    return status ? status : cells_settle_rollups(roller->cells, error);
}

/* A block is the days of the longest span: those of every span that are missing in it, from pieces that are read once. */
static enum status roll_marks_block(struct roller *roller, const struct roll_days *days, struct rollup_key *key,
                                    struct error *error)
{
    const struct zone *zone = cells_time_zone(roller->cells);
    int32_t block = key->day, end = block + rollup_days(ROLLUP_SPANS - 1);
    enum status status = STATUS_OK;
    bool read = false;
    for (key->span = 0; key->span < ROLLUP_SPANS; key->span++) {
        int32_t length = rollup_days(key->span);
        key->day = block;
        look(roller, key, end);
        for (; !status && key->day < end; key->day += length) {
            bool wanted = key->day + length > days->first && key->day < days->end &&
                          key->day + length <= days->newest && is_missing(roller, key->day);
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
    key->day = end;
    return status;
}

static enum status roll_marks(struct roller *roller, const struct roll_days *days, struct rollup_key *key,
                              struct error *error)
{
    int32_t length = rollup_days(ROLLUP_SPANS - 1);
    enum status status = STATUS_OK;
    for (key->day = days->first - days->first % length; !status && key->day < days->end && key->day < days->newest;)
        status = roll_marks_block(roller, days, key, error);
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
        return roll_marks(roller, &days, &key, error);
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
