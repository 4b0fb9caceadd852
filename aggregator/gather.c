#include "aggregator/gather.h"

#include "aggregator/radix.h"

#include <stdlib.h>

#define DAY_MS INT64_C(86400000)

enum {
    INDEX_BITS = 32, /* of an item of `order`: the day above them, the piece's index in them */
};

static int32_t day_utc(int64_t time_ms)
{
    int64_t day = time_ms / DAY_MS - (time_ms % DAY_MS < 0 ? 1 : 0);
    return day < INT32_MIN / 2 ? INT32_MIN / 2 : day > INT32_MAX / 2 ? INT32_MAX / 2 : (int32_t)day;
}

/* A local day of any zone begins within a day of the UTC day of the same number; so one day more on either side holds
 * every event of the period and every interval that reaches into it, without asking what the cells' zone is. */
void gather_period(struct gather *gather, int64_t from_ms, int64_t to_ms)
{
    int32_t oldest = 0, end = 0; /* of the cells */
    if (!cells_days(gather->cells, &oldest, &end))
        oldest = end + 1;
    gather->from_ms = from_ms;
    gather->to_ms = to_ms;
    gather->first_day = day_utc(from_ms - gather->reach_ms) - 1;
    gather->end_day = day_utc(to_ms - 1) + 2;
    if (gather->first_day < oldest)
        gather->first_day = oldest;
    if (gather->end_day > end)
        gather->end_day = end;
}

struct gather gather_open(const struct cells *cells)
{
    return (struct gather){
        .cells = cells, .learner_count = cells_learner_count(cells), .reach_ms = cells_max_slice_ms(cells)};
}

void gather_close(struct gather *gather)
{
    cell_entries_close(&gather->read);
    free(gather->pieces);
    free(gather->order);
    free(gather->order_scratch);
    *gather = (struct gather){0};
}

static enum status unknown_learner(uint32_t learner, uint32_t content, int32_t day, struct error *error)
{
    return error_set(error, STATUS_CORRUPT, "cells: content %u, day %d names learner %u, whom nobody knows", content,
                     day, learner);
}

static bool is_inside(const struct gather *gather, const struct gather_piece *piece)
{
    return piece->first_ms >= gather->from_ms && piece->last_ms < gather->to_ms;
}

/* All its moments: summaries do not ascend by time. */
static void find_moments(const struct cell_piece *piece, struct gather_piece *found)
{
    found->first_ms = INT64_MAX;
    found->last_ms = INT64_MIN;
    for (uint32_t i = 0; i < piece->count; i++) {
        const struct cell_entry *entry = &piece->entries[i];
        found->first_ms = entry->first_ms < found->first_ms ? entry->first_ms : found->first_ms;
        found->last_ms = entry->last_ms > found->last_ms ? entry->last_ms : found->last_ms;
    }
}

void gather_narrow(struct gather *gather, int64_t from_ms, int64_t to_ms)
{
    gather->from_ms = from_ms;
    gather->to_ms = to_ms;
    for (size_t i = 0; i < gather->piece_count; i++)
        gather->pieces[i].inside = is_inside(gather, &gather->pieces[i]);
}

/* Pieces of one content path and day are scanned one after the other. */
static void find_company(struct gather *gather)
{
    struct gather_piece *last = &gather->pieces[gather->piece_count - 1];
    if (gather->piece_count > 1 && last[-1].content == last->content && last[-1].day == last->day)
        last[-1].alone = last->alone = false;
}

static enum status add_piece(const struct cell_piece *piece, void *argument, struct error *error)
{
    struct gather *gather = argument;
    if (piece->count == 0)
        return STATUS_OK;
    uint32_t greatest = piece->entries[piece->count - 1].learner; /* entries ascend */
    if (greatest >= gather->learner_count)
        return unknown_learner(greatest, piece->content, piece->day, error);
    if (gather->piece_count == gather->piece_room) {
        gather->piece_room = gather->piece_room ? gather->piece_room * 2 : 64;
        gather->pieces = mem_grow(gather->pieces, gather->piece_room, sizeof *gather->pieces);
        gather->order = mem_grow(gather->order, gather->piece_room, sizeof *gather->order);
        gather->order_scratch = mem_grow(gather->order_scratch, gather->piece_room, sizeof *gather->order_scratch);
    }
    struct gather_piece *found = &gather->pieces[gather->piece_count++];
    *found = (struct gather_piece){.content = piece->content,
                                   .day = piece->day,
                                   .piece = piece->piece,
                                   .place = gather->place,
                                   .start = gather->read.count - piece->count,
                                   .count = piece->count,
                                   .alone = true};
    find_moments(piece, found);
    found->inside = is_inside(gather, found);
    find_company(gather);
    if (gather->read.count > UINT32_MAX)
        return error_set(error, STATUS_SYSTEM, "cells: a row of more than %u entries", UINT32_MAX);
    return STATUS_OK;
}

/* By day: so a learner's keys come by day, and little is left to sort, also where a row has many content paths. */
void gather_pick(struct gather *gather, uint32_t first, uint32_t count)
{
    gather->picked = gather->picked_entries = 0;
    for (size_t i = 0; i < gather->piece_count; i++) {
        const struct gather_piece *piece = &gather->pieces[i];
        if (piece->place < first || piece->place - first >= count)
            continue;
        gather->order[gather->picked++] = (uint64_t)(piece->day - gather->first_day) << INDEX_BITS | i;
        gather->picked_entries += piece->count;
    }
    radix_sort(gather->order, gather->order_scratch, gather->picked, INDEX_BITS,
               radix_bits((uint64_t)(gather->end_day - gather->first_day)));
}

enum status gather_row(struct gather *gather, const uint32_t *contents, uint32_t content_count, struct error *error)
{
    gather->read.count = gather->piece_count = 0;
    for (uint32_t i = 0; i < content_count && gather->first_day < gather->end_day; i++) {
        gather->place = i;
        enum status status = cells_scan(gather->cells, contents[i], gather->first_day, gather->end_day, &gather->read,
                                        add_piece, gather, error);
        if (status)
            return status;
    }
    gather_pick(gather, 0, content_count);
    return STATUS_OK;
}

const struct gather_piece *gather_by_day(const struct gather *gather, size_t i)
{
    return &gather->pieces[(uint32_t)gather->order[i]];
}

static int compare_start(const void *key, const void *element)
{
    size_t index = *(const size_t *)key;
    const struct gather_piece *piece = element;
    return index < piece->start ? -1 : index >= piece->start + piece->count ? 1 : 0;
}

const struct gather_piece *gather_piece_of(const struct gather *gather, size_t index)
{
    const struct gather_piece *piece =
        bsearch(&index, gather->pieces, gather->piece_count, sizeof *gather->pieces, compare_start);
    ensure(piece);
    return piece;
}
