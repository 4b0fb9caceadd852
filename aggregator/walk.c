#include "aggregator/walk.h"

#include "aggregator/cover.h"
#include "aggregator/sums.h"

enum {
    AHEAD = 8, /* how many entries ahead the sums are fetched */
};

struct walk {
    const struct cells *cells;
    const struct zone *zone; /* of the cells' days */
    struct stretch *stretch;
    const struct bits *restricted; /* NULL: nobody */
    int64_t from_ms, to_ms;
    int32_t oldest, past; /* the row at work has pieces on days [oldest, past) */
    uint32_t learner_count;
    struct bits *ever; /* of the row at work; NULL: not wanted */
    struct sums sums;  /* opened when a row first has roll-ups */
    struct cover cover;
    struct cell_entries entries;
};

struct walk *walk_open(const struct cells *cells)
{
    struct walk *walk = mem_new(1, sizeof *walk);
    walk->cells = cells;
    walk->zone = cells_time_zone(cells);
    walk->stretch = stretch_open(cells, false);
    walk->restricted = stretch_restricted(walk->stretch);
    walk->learner_count = cells_learner_count(cells);
    walk->cover = (struct cover){.cells = cells};
    return walk;
}

void walk_close(struct walk *walk)
{
    if (!walk)
        return;
    stretch_close(walk->stretch);
    sums_close(&walk->sums);
    cover_close(&walk->cover);
    cell_entries_close(&walk->entries);
    free(walk);
}

void walk_period(struct walk *walk, int64_t from_ms, int64_t to_ms)
{
    walk->from_ms = from_ms;
    walk->to_ms = to_ms;
    stretch_period(walk->stretch, from_ms, to_ms);
}

void walk_depth(struct walk *walk, enum walk_depth depth)
{
    stretch_depth(walk->stretch, depth);
}

void walk_rest(struct walk *walk)
{
    stretch_rest(walk->stretch);
    cell_entries_close(&walk->entries);
}

/* ---- who was there before the period ---- */

static enum status add_earlier(uint32_t content, int32_t day, const uint32_t *learners, uint32_t count, void *argument,
                               struct error *error)
{
    struct walk *walk = argument;
    for (uint32_t i = 0; i < count; i++) {
        if (learners[i] >= walk->learner_count)
            return error_set(error, STATUS_CORRUPT, "cells: content %u, day %d names learner %u, whom nobody knows",
                             content, day, learners[i]);
        bits_add(walk->ever, learners[i]);
    }
    return STATUS_OK;
}

static enum status earlier_pieces(struct walk *walk, const struct walk_row *row, int32_t first, int32_t end,
                                  struct error *error)
{
    enum status status = STATUS_OK;
    for (uint32_t i = 0; !status && first < end && i < row->content_count; i++)
        status = cells_scan_learners(walk->cells, row->contents[i], first, end, add_earlier, walk, error);
    return status;
}

static enum status earlier_rollup(struct walk *walk, const struct cover_part *part, struct error *error)
{
    uint32_t count = 0;
    if (!part->filled)
        return STATUS_OK;
    enum status status = cells_read_rollup_learners(walk->cells, &part->key, &walk->entries, &count, error);
    for (uint32_t i = 0; !status && i < count; i++)
        bits_add(walk->ever, walk->entries.learners[i]);
    return status;
}

static enum status earlier_days(struct walk *walk, const struct walk_row *row, const struct rollup_key *key,
                                int32_t end, struct error *error)
{
    enum status status = STATUS_OK;
    cover_days(&walk->cover, key, end);
    for (size_t i = 0; !status && i < walk->cover.count; i++) {
        const struct cover_part *part = &walk->cover.parts[i];
        if (part->rolled)
            status = earlier_rollup(walk, part, error);
        else if (part->end > walk->oldest && part->first < walk->past)
            status = earlier_pieces(walk, row, part->first, part->end, error);
    }
    return status;
}

/* ---- the period ---- */

static void add_sums(const struct activities *some, void *argument)
{
    for (uint32_t i = 0; i < some->count; i++)
        sums_append(argument, some->learners[i], &some->of[i]);
}

static void add_entries(const struct cell_entry *entries, uint32_t count, void *argument)
{
    struct walk *walk = argument;
    for (uint32_t i = 0; i < count; i++) {
        if (count - i > AHEAD)
            sums_prefetch(&walk->sums, entries[i + AHEAD].learner);
        if (walk->restricted && bits_has(walk->restricted, entries[i].learner))
            continue;
        struct activity next = activity_of(&entries[i]);
        sums_append(&walk->sums, entries[i].learner, &next);
    }
}

static enum status add_pieces(struct walk *walk, const struct walk_row *row, int64_t from_ms, int64_t to_ms,
                              struct error *error)
{
    if (from_ms >= to_ms)
        return STATUS_OK;
    stretch_period(walk->stretch, from_ms, to_ms);
    return stretch_row(walk->stretch, row, walk->ever, add_sums, &walk->sums, error);
}

/* The first day that starts at or after the moment. */
static int32_t day_after(const struct zone *zone, int64_t time_ms)
{
    int32_t day = zone_day(zone, time_ms);
    return zone_day_start_ms(zone, day) < time_ms ? day + 1 : day;
}

static enum status add_part(struct walk *walk, const struct walk_row *row, const struct cover_part *part,
                            struct error *error)
{
    if (!part->rolled && (part->end <= walk->oldest || part->first > walk->past))
        return STATUS_OK; /* an interval may reach into the day after the last */
    if (!part->rolled)
        return add_pieces(walk, row, zone_day_start_ms(walk->zone, part->first),
                          zone_day_start_ms(walk->zone, part->end), error);
    return !part->filled ? STATUS_OK
                         : cells_read_rollup(walk->cells, &part->key,
                                             &(struct cell_sink){&walk->entries, add_entries, walk}, error);
}

/* [from_ms, to_ms): the whole days in it, and what is left before and after them. */
static enum status add_parts(struct walk *walk, const struct walk_row *row, struct rollup_key *key,
                             const struct cell_interval *time, struct error *error)
{
    int32_t first = day_after(walk->zone, time->start_ms);
    int32_t end = zone_day(walk->zone, time->end_ms); /* the end lies in it, or is its start */
    if (first >= end)
        return add_pieces(walk, row, time->start_ms, time->end_ms, error);
    enum status status = add_pieces(walk, row, time->start_ms, zone_day_start_ms(walk->zone, first), error);
    key->day = first;
    cover_days(&walk->cover, key, end);
    for (size_t i = 0; !status && i < walk->cover.count; i++)
        status = add_part(walk, row, &walk->cover.parts[i], error);
    return status ? status : add_pieces(walk, row, zone_day_start_ms(walk->zone, end), time->end_ms, error);
}

/* Of the period, what the row's roll-ups may cover. */
static struct cell_interval time_of(const struct walk *walk)
{
    int64_t oldest_ms = zone_day_start_ms(walk->zone, cover_start(walk->oldest));
    int64_t past_ms = zone_day_start_ms(walk->zone, cover_end(walk->past + 1));
    return (struct cell_interval){walk->from_ms > oldest_ms ? walk->from_ms : oldest_ms,
                                  walk->to_ms < past_ms ? walk->to_ms : past_ms};
}

static enum status walk_rolled(struct walk *walk, const struct walk_row *row, activity_fn each, void *argument,
                               struct error *error)
{
    struct rollup_key key = {.row = cells_row(walk->cells, row->contents[0], row->level), .level = (uint8_t)row->level};
    int32_t from_day = zone_day(walk->zone, walk->from_ms);
    enum status status = STATUS_OK;
    if (!cells_row_days(walk->cells, row->contents, row->content_count, &walk->oldest, &walk->past))
        return STATUS_OK;
    if (!walk->sums.by_learner)
        walk->sums = sums_open(walk->learner_count);
    key.day = cover_start(walk->oldest);
    if (walk->ever)
        status =
            earlier_days(walk, row, &key, from_day < cover_end(walk->past) ? from_day : cover_end(walk->past), error);
    struct cell_interval time = time_of(walk);
    if (!status && time.start_ms < time.end_ms)
        status = add_parts(walk, row, &key, &time, error);
    if (!status) {
        if (walk->ever)
            bits_join(walk->ever, &walk->sums.met);
        sums_hand_out(&walk->sums, NULL, each, argument);
    }
    return status;
}

static enum status walk_pieces(struct walk *walk, const struct walk_row *row, activity_fn each, void *argument,
                               struct error *error)
{
    int32_t first = 0, end = 0;
    if (!cells_days(walk->cells, &first, &end))
        return STATUS_OK;
    stretch_period(walk->stretch, walk->from_ms, walk->to_ms);
    enum status status = STATUS_OK;
    if (walk->ever)
        status = earlier_pieces(walk, row, first, stretch_first_day(walk->stretch), error);
    return status ? status : stretch_row(walk->stretch, row, walk->ever, each, argument, error);
}

enum status walk_row(struct walk *walk, const struct walk_row *row, struct bits *ever, activity_fn each, void *argument,
                     struct error *error)
{
    walk->ever = ever;
    if (ever)
        bits_clear(ever);
    if (row->content_count == 0)
        return STATUS_OK;
    bool rolled = cells_have_rollups(walk->cells) && row->level >= 1 && row->level <= ROLLUP_ACTIVITY_LEVELS &&
                  walk->from_ms >= 0;
    return rolled ? walk_rolled(walk, row, each, argument, error) : walk_pieces(walk, row, each, argument, error);
}
