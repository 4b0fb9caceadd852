/* Roll-ups of activity, of a module and its topics: days from pieces that are read once for all of these rows, longer spans
 * from the shorter ones, which are added up as they are made. */
#include "aggregator/roller_inner.h"

#include <stdlib.h>

enum {
    AHEAD = 8, /* how many entries ahead the sums are fetched */
};

/* A module, or a topic: its content paths are some of the module's, one behind the other. */
struct roll_row {
    uint32_t number;
    uint8_t level;
    uint32_t place; /* of the first among the module's */
    const uint32_t *contents;
    uint32_t count;
};

/* ---- the entries of one roll-up ---- */

static struct cell_entry *entries_room(struct roller *roller, uint32_t more)
{
    if (more > roller->entry_room - roller->entry_count) {
        roller->entry_room = 2 * (roller->entry_count + more);
        roller->entries = mem_grow(roller->entries, roller->entry_room, sizeof *roller->entries);
    }
    struct cell_entry *room = &roller->entries[roller->entry_count];
    roller->entry_count += more;
    return room;
}

static void collect(const struct activities *some, void *argument)
{
    struct cell_entry *entries = entries_room(argument, some->count);
    for (uint32_t i = 0; i < some->count; i++) {
        const struct activity *activity = &some->of[i];
        entries[i] = (struct cell_entry){
            .learner = some->learners[i],
            .opens = (uint32_t)activity->opens,
            .visits = (uint32_t)activity->visits,
            .active_ms = (uint32_t)activity->active_ms,
            .first_ms = activity->first_ms,
            .last_ms = activity->last_ms,
            .first_open_ms = activity->first_open_ms,
            .last_open_ms = activity->last_open_ms,
        };
    }
}

static void collect_read(const struct cell_entry *entries, uint32_t count, void *argument)
{
    memcpy(entries_room(argument, count), entries, count * sizeof *entries);
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
    cells_put_rollup(roller->cells, key, roller->entries, roller->entry_count);
    roller->put_bytes += (size_t)(roller->entry_count + 1) * ROLLER_ENTRY_BYTES;
}

/* ---- one roll-up ---- */

/* Is it a part of a longer one that is to be made? */
static bool is_part(const struct roller *roller, const struct rollup_key *key)
{
    struct rollup_key longer = *key;
    if (++longer.span == ROLLUP_SPANS)
        return false;
    longer.day -= longer.day % rollup_days(longer.span);
    return roller_wants(roller, &longer);
}

static void add_to_longer(struct roller *roller, unsigned span)
{
    struct sums *sums = &roller->longer[span];
    if (!sums->by_learner)
        *sums = sums_open(roller->learner_count);
    for (uint32_t i = 0; i < roller->entry_count; i++) {
        if (roller->entry_count - i > AHEAD)
            sums_prefetch(sums, roller->entries[i + AHEAD].learner);
        struct activity next = activity_of(&roller->entries[i]);
        sums_append(sums, roller->entries[i].learner, &next);
    }
}

/* Its entries: of a day from the pieces; of a longer span, what its parts were added up to. */
static enum status make(struct roller *roller, const struct rollup_key *key, struct error *error)
{
    const struct zone *zone = cells_time_zone(roller->cells);
    if (key->span > 0) {
        struct sums *sums = &roller->longer[key->span - 1];
        if (sums->by_learner)
            sums_hand_out(sums, NULL, collect, roller);
        return STATUS_OK;
    }
    enum status status = stretch_within(roller->stretch, zone_day_start_ms(zone, key->day),
                                        zone_day_start_ms(zone, key->day + 1), collect, roller, error);
    sort_entries(roller);
    return status;
}

static enum status roll_one(struct roller *roller, const struct rollup_key *key, struct error *error)
{
    bool wanted = roller_wants(roller, key), part = is_part(roller, key);
    enum status status = STATUS_OK;
    roller->entry_count = 0;
    if (wanted)
        status = make(roller, key, error);
    else if (part && roller_stand_of(roller, key) == ROLLER_FILLED)
        status = cells_read_rollup(roller->cells, key, &(struct cell_sink){&roller->read, collect_read, roller}, error);
    if (!status && wanted)
        put(roller, key);
    if (!status && part)
        add_to_longer(roller, key->span);
    return status;
}

/* ---- a row in a block of days ---- */

static struct rollup_key key_of(const struct roll_row *row, int32_t day)
{
    return (struct rollup_key){.row = row->number, .level = row->level, .day = day};
}

/* False where nobody was on it. */
static bool begin(struct roller *roller, const struct roll_row *row, int32_t block)
{
    struct roll_days days;
    struct rollup_key key = key_of(row, block);
    if (!roller_days_of(roller, row->contents, row->count, &days))
        return false;
    roller_begin(roller, &key, &days);
    return true;
}

/* A span's roll-up is made when its last day is: its parts are there by then. */
static enum status roll_block(struct roller *roller, const struct roll_row *row, int32_t block, struct error *error)
{
    enum status status = STATUS_OK;
    if (!begin(roller, row, block))
        return STATUS_OK;
    if (roller->stretch)
        stretch_pick(roller->stretch, row->place, row->count);
    for (int32_t end = block + 1; !status && end <= block + ROLLER_BLOCK_DAYS; end++) {
        struct rollup_key key = key_of(row, end - 1);
        for (; !status && key.span < ROLLUP_SPANS && end % rollup_days(key.span) == 0; key.span++) {
            key.day = end - rollup_days(key.span);
            status = roll_one(roller, &key, error);
        }
    }
    return status ? status : cells_settle_rollups(roller->cells, error);
}

/* Widens [*first, *end) to the days of the block whose roll-ups are missing. */
static void find_missing(struct roller *roller, const struct roll_row *row, int32_t block, int32_t *first, int32_t *end)
{
    if (!begin(roller, row, block))
        return;
    struct rollup_key key = key_of(row, block);
    for (; key.day < block + ROLLER_BLOCK_DAYS; key.day++) {
        if (!roller_wants(roller, &key))
            continue;
        *first = key.day < *first ? key.day : *first;
        *end = key.day + 1 > *end ? key.day + 1 : *end;
    }
}

/* rows[0] is the module, the others are its topics. */
static enum status roll_rows(struct roller *roller, const struct roll_row *rows, uint32_t count, int32_t block,
                             struct error *error)
{
    const struct zone *zone = cells_time_zone(roller->cells);
    int32_t first = INT32_MAX, end = INT32_MIN;
    enum status status = STATUS_OK;
    for (uint32_t i = 0; i < count; i++)
        find_missing(roller, &rows[i], block, &first, &end);
    if (first < end) {
        if (!roller->stretch)
            roller->stretch = stretch_open(roller->cells, true);
        stretch_period(roller->stretch, zone_day_start_ms(zone, first), zone_day_start_ms(zone, end));
        status =
            stretch_read(roller->stretch, &(struct walk_row){rows[0].contents, rows[0].count, rows[0].level}, error);
    }
    for (uint32_t i = 0; i < count && !status; i++)
        status = roll_block(roller, &rows[i], block, error);
    return status;
}

/* ---- a module ---- */

/* Those that anybody was on. */
static uint32_t take_contents(struct roller *roller, const struct member *members, uint32_t count)
{
    uint32_t kept = 0;
    if (roller->content_room < count) {
        roller->content_room = count;
        roller->contents = mem_grow(roller->contents, count, sizeof *roller->contents);
    }
    for (uint32_t i = 0; i < count; i++)
        if (cells_content_seen(roller->cells, members[i].content))
            roller->contents[kept++] = members[i].content;
    return kept;
}

/* The module, then its topics; at most one more than there are content paths. */
static uint32_t make_rows(const struct roller *roller, uint32_t module, uint32_t count, struct roll_row *rows)
{
    uint32_t made = 1, of = UINT32_MAX;
    rows[0] = (struct roll_row){module, 1, 0, roller->contents, count};
    for (uint32_t i = 0; i < count; i++) {
        uint32_t topic = cells_row(roller->cells, roller->contents[i], 2);
        if (topic == UINT32_MAX)
            break; /* those in none come last */
        if (topic != of)
            rows[made++] = (struct roll_row){topic, 2, i, roller->contents + i, 0};
        rows[made - 1].count++;
        of = topic;
    }
    return made;
}

enum status roller_roll_activity(struct roller *roller, const struct member *members, uint32_t count,
                                 struct error *error)
{
    struct roll_days days;
    enum status status = STATUS_OK;
    count = take_contents(roller, members, count);
    if (!roller_days_of(roller, roller->contents, count, &days))
        return STATUS_OK;
    struct roll_row *rows = mem_new(count + 1, sizeof *rows);
    uint32_t row_count = make_rows(roller, members[0].module, count, rows);
    for (int32_t block = days.first - days.first % ROLLER_BLOCK_DAYS;
         !status && block < days.end && block < days.newest; block += ROLLER_BLOCK_DAYS)
        status = roll_rows(roller, rows, row_count, block, error);
    free(rows);
    return status;
}
