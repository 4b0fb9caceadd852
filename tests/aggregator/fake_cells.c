#include "tests/aggregator/fake_cells.h"

#include "aggregator/rollup.h"

#include <stdlib.h>

#define DAY_MS INT64_C(86400000)

enum {
    PIECES_MAX = 3, /* of one cell */
};

/* One learner in one piece. */
struct share {
    struct cell_entry entry;
    int64_t *opens;
    struct cell_interval *intervals;
    uint32_t open_count, interval_count;
};

struct piece {
    uint32_t content;
    int32_t day;
    uint64_t number;
    struct share *shares; /* by learner */
    uint32_t count;
};

struct cells {
    const struct history *history;
    struct piece *pieces; /* by content, day, number */
    size_t piece_count;
    size_t calls, fail_at;
};

struct facts_reader {
    struct cells *cells;
    void *borrowed[4096];
    size_t borrowed_count;
};

static int32_t day_of(const struct history *history, int64_t time_ms)
{
    int64_t local_ms = time_ms + history->zone_offset_ms;
    return (int32_t)((local_ms - (local_ms % DAY_MS + DAY_MS) % DAY_MS) / DAY_MS);
}

static int compare_times(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return left < right ? -1 : left > right;
}

static void join_opens(struct share *share)
{
    uint32_t kept = 0;
    qsort(share->opens, share->open_count, sizeof *share->opens, compare_times);
    for (uint32_t i = 0; i < share->open_count; i++)
        if (kept == 0 || share->opens[i] != share->opens[kept - 1])
            share->opens[kept++] = share->opens[i];
    share->open_count = kept;
}

static void join_intervals(struct share *share)
{
    uint32_t kept = 0;
    qsort(share->intervals, share->interval_count, sizeof *share->intervals, compare_times); /* start comes first */
    for (uint32_t i = 0; i < share->interval_count; i++) {
        struct cell_interval interval = share->intervals[i];
        if (kept == 0 || interval.start_ms > share->intervals[kept - 1].end_ms)
            share->intervals[kept++] = interval;
        else if (interval.end_ms > share->intervals[kept - 1].end_ms)
            share->intervals[kept - 1].end_ms = interval.end_ms;
    }
    share->interval_count = kept;
}

/* Merges the two sorted arrays by start, to find first, last and visits. */
static void summarise(struct share *share)
{
    struct cell_entry *entry = &share->entry;
    uint32_t open = 0, interval = 0;
    entry->last_ms = INT64_MIN / 2;
    entry->first_ms = INT64_MAX;
    while (open < share->open_count || interval < share->interval_count) {
        bool is_open = interval == share->interval_count ||
                       (open < share->open_count && share->opens[open] <= share->intervals[interval].start_ms);
        int64_t start_ms = is_open ? share->opens[open] : share->intervals[interval].start_ms;
        int64_t end_ms = is_open ? share->opens[open] : share->intervals[interval].end_ms;
        entry->visits += start_ms - entry->last_ms > VISIT_GAP_MS;
        entry->first_ms = start_ms < entry->first_ms ? start_ms : entry->first_ms;
        entry->last_ms = end_ms > entry->last_ms ? end_ms : entry->last_ms;
        entry->active_ms += (uint32_t)(end_ms - start_ms);
        open += is_open;
        interval += !is_open;
    }
    entry->opens = share->open_count;
    entry->first_open_ms = share->open_count ? share->opens[0] : -7;
    entry->last_open_ms = share->open_count ? share->opens[share->open_count - 1] : -7;
}

static struct share share_of(const struct history *history, const struct piece *piece, const bool *chosen,
                             uint32_t learner)
{
    struct share share = {.entry.learner = learner};
    share.opens = mem_new(history->event_count, sizeof *share.opens);
    share.intervals = mem_new(history->event_count, sizeof *share.intervals);
    for (size_t i = 0; i < history->event_count; i++) {
        const struct happening *event = &history->events[i];
        if (!chosen[i] || event->learner != learner || event->content != piece->content ||
            day_of(history, event->time_ms) != piece->day)
            continue;
        uint32_t length_ms = event->value < history->max_slice_ms ? event->value : history->max_slice_ms;
        if (event->kind == KIND_OPEN)
            share.opens[share.open_count++] = event->time_ms;
        else if (event->kind == KIND_DWELL)
            share.intervals[share.interval_count++] =
                (struct cell_interval){event->time_ms, event->time_ms + length_ms};
    }
    join_opens(&share);
    join_intervals(&share);
    summarise(&share);
    return share;
}

static bool has_events(const struct history *history, const struct piece *piece, const bool *chosen)
{
    for (size_t i = 0; i < history->event_count; i++)
        if (chosen[i] && history->events[i].content == piece->content &&
            day_of(history, history->events[i].time_ms) == piece->day)
            return true;
    return false;
}

static void fill_piece(struct cells *cells, struct piece *piece, const bool *chosen)
{
    if (!has_events(cells->history, piece, chosen))
        return;
    piece->shares = mem_new(cells->history->learner_count, sizeof *piece->shares);
    for (uint32_t learner = 0; learner < cells->history->learner_count; learner++) {
        struct share share = share_of(cells->history, piece, chosen, learner);
        if (share.entry.visits > 0) {
            piece->shares[piece->count++] = share;
            continue;
        }
        free(share.opens);
        free(share.intervals);
    }
}

static void close_piece(struct piece *piece)
{
    for (uint32_t i = 0; i < piece->count; i++) {
        free(piece->shares[i].opens);
        free(piece->shares[i].intervals);
    }
    free(piece->shares);
}

/* chosen[p * event_count + i]: event i is in the pieces of number p. */
static bool *choose(const struct history *history, struct dice *dice)
{
    bool *chosen = mem_new(history->event_count * PIECES_MAX, sizeof *chosen);
    unsigned late = (unsigned)dice_roll(dice, 2) * 20, repeated = (unsigned)dice_roll(dice, 2) * 20;
    for (size_t i = 0; i < history->event_count; i++) {
        size_t home = dice_chance(dice, late) ? 1 + dice_roll(dice, PIECES_MAX - 1) : 0;
        chosen[home * history->event_count + i] = true;
        for (size_t piece = 0; piece < PIECES_MAX; piece++)
            if (dice_chance(dice, repeated))
                chosen[piece * history->event_count + i] = true;
    }
    return chosen;
}

struct cells *fake_cells_open(const struct history *history, struct dice *dice)
{
    struct cells *cells = mem_new(1, sizeof *cells);
    cells->history = history;
    int32_t first = 0, end = 0;
    if (!cells_days(cells, &first, &end))
        return cells;
    bool *chosen = choose(history, dice);
    cells->pieces = mem_new((size_t)(end - first) * history->content_count * PIECES_MAX, sizeof *cells->pieces);
    for (uint32_t content = 0; content < history->content_count; content++)
        for (int32_t day = first; day < end; day++)
            for (uint64_t number = 0; number < PIECES_MAX; number++) {
                struct piece piece = {.content = content, .day = day, .number = 100 + number};
                fill_piece(cells, &piece, chosen + number * history->event_count);
                if (piece.count > 0)
                    cells->pieces[cells->piece_count++] = piece;
                else
                    close_piece(&piece);
            }
    free(chosen);
    return cells;
}

void fake_cells_close(struct cells *cells)
{
    for (size_t i = 0; i < cells->piece_count; i++)
        close_piece(&cells->pieces[i]);
    free(cells->pieces);
    free(cells);
}

size_t fake_cells_fail_at(struct cells *cells, size_t n)
{
    size_t calls = cells->calls;
    cells->calls = 0;
    cells->fail_at = n;
    return calls;
}

/* The read side is const; the fake counts. */
static enum status called(const struct cells *cells, struct error *error)
{
    struct cells *counting = (struct cells *)(uintptr_t)cells;
    if (++counting->calls == counting->fail_at)
        return error_set(error, STATUS_IO, "the fake fails as told");
    return STATUS_OK;
}

uint32_t cells_max_slice_ms(const struct cells *cells)
{
    return cells->history->max_slice_ms;
}

uint32_t cells_learner_count(const struct cells *cells)
{
    return cells->history->learner_count;
}

bool cells_restricted(const struct cells *cells, uint32_t learner)
{
    return cells->history->restricted[learner];
}

uint64_t cells_change(const struct cells *cells)
{
    (void)cells;
    return 0;
}

bool cells_unchanged(const struct cells *cells, uint64_t change, int64_t before_ms)
{
    (void)cells;
    (void)change;
    (void)before_ms;
    return true;
}

bool cells_days(const struct cells *cells, int32_t *first, int32_t *end)
{
    const struct history *history = cells->history;
    for (size_t i = 0; i < history->event_count; i++) {
        int32_t day = day_of(history, history->events[i].time_ms);
        *first = i == 0 || day < *first ? day : *first;
        *end = i == 0 || day >= *end ? day + 1 : *end;
    }
    return history->event_count > 0;
}

/* There are no roll-ups here: test_cells has them. */
bool cells_have_rollups(const struct cells *cells)
{
    (void)cells;
    return false;
}

const struct zone *cells_time_zone(const struct cells *cells)
{
    (void)cells;
    return NULL;
}

uint32_t cells_row(const struct cells *cells, uint32_t content, uint32_t level)
{
    (void)cells, (void)content, (void)level;
    abort();
}

bool cells_row_days(const struct cells *cells, const uint32_t *contents, uint32_t count, int32_t *first, int32_t *end)
{
    (void)cells, (void)contents, (void)count, (void)first, (void)end;
    abort();
}

void cells_scan_rollups(const struct cells *cells, const struct rollup_key *key, int32_t end_day, rollup_fn each,
                        void *argument)
{
    (void)cells, (void)key, (void)end_day, (void)each, (void)argument;
    abort();
}

enum status cells_read_rollup(const struct cells *cells, const struct rollup_key *key, const struct cell_sink *sink,
                              struct error *error)
{
    (void)cells, (void)key, (void)sink, (void)error;
    abort();
}

enum status cells_read_rollup_learners(const struct cells *cells, const struct rollup_key *key,
                                       struct cell_entries *into, uint32_t *count, struct error *error)
{
    (void)cells, (void)key, (void)into, (void)count, (void)error;
    abort();
}

enum status cells_scan(const struct cells *cells, uint32_t content, int32_t first_day, int32_t end_day,
                       struct cell_entries *into, cell_piece_fn each, void *argument, struct error *error)
{
    enum status status = called(cells, error);
    for (size_t i = 0; !status && i < cells->piece_count; i++) {
        const struct piece *piece = &cells->pieces[i];
        if (piece->content != content || piece->day < first_day || piece->day >= end_day)
            continue;
        into->room = into->count + piece->count;
        into->entries = mem_grow(into->entries, into->room, sizeof *into->entries);
        struct cell_entry *entries = into->entries + into->count;
        for (uint32_t at = 0; at < piece->count; at++)
            into->entries[into->count++] = piece->shares[at].entry;
        struct cell_piece scanned = {content, piece->day, piece->number, piece->count, entries};
        status = each(&scanned, argument, error);
    }
    return status;
}

void cell_entries_close(struct cell_entries *entries)
{
    free(entries->entries);
    free(entries->learners);
    *entries = (struct cell_entries){0};
}

enum status cells_scan_learners(const struct cells *cells, uint32_t content, int32_t first_day, int32_t end_day,
                                cell_learners_fn each, void *argument, struct error *error)
{
    enum status status = called(cells, error);
    for (size_t i = 0; !status && i < cells->piece_count; i++) {
        const struct piece *piece = &cells->pieces[i];
        if (piece->content != content || piece->day < first_day || piece->day >= end_day)
            continue;
        uint32_t *learners = mem_new(piece->count, sizeof *learners);
        for (uint32_t at = 0; at < piece->count; at++)
            learners[at] = piece->shares[at].entry.learner;
        status = each(content, piece->day, learners, piece->count, argument, error);
        free(learners);
    }
    return status;
}

struct facts_reader *facts_reader_open(const struct cells *cells)
{
    struct facts_reader *reader = mem_new(1, sizeof *reader);
    reader->cells = (struct cells *)(uintptr_t)cells;
    return reader;
}

void facts_reader_clear(struct facts_reader *reader)
{
    while (reader->borrowed_count > 0)
        free(reader->borrowed[--reader->borrowed_count]);
}

void facts_reader_let_go(struct facts_reader *reader)
{
    facts_reader_clear(reader);
}

void facts_reader_close(struct facts_reader *reader)
{
    facts_reader_clear(reader);
    free(reader);
}

static void *lend(struct facts_reader *reader, const void *data, size_t size)
{
    ensure(reader->borrowed_count < ARRAY_COUNT(reader->borrowed));
    void *lent = mem_new(1, size);
    if (size > 0)
        memcpy(lent, data, size);
    return reader->borrowed[reader->borrowed_count++] = lent;
}

enum status facts_read(struct facts_reader *reader, const struct cell_key *key, uint32_t index,
                       struct cell_facts *facts, struct error *error)
{
    enum status status = called(reader->cells, error);
    const struct piece *found = NULL;
    for (size_t i = 0; i < reader->cells->piece_count; i++) {
        const struct piece *at = &reader->cells->pieces[i];
        if (at->content == key->content && at->day == key->day && at->number == key->piece)
            found = at;
    }
    ensure(found && index < found->count);
    if (status)
        return status;
    const struct share *share = &found->shares[index];
    *facts = (struct cell_facts){.open_count = share->open_count,
                                 .interval_count = share->interval_count,
                                 .opens = lend(reader, share->opens, share->open_count * sizeof *share->opens),
                                 .intervals =
                                     lend(reader, share->intervals, share->interval_count * sizeof *share->intervals)};
    return STATUS_OK;
}

enum status cells_clipped_ms(const struct cells *cells, uint32_t content, int64_t from_ms, int64_t to_ms,
                             uint64_t *clipped_ms, struct error *error)
{
    const struct history *history = cells->history;
    enum status status = called(cells, error);
    if (status)
        return status;
    *clipped_ms = 0;
    for (size_t i = 0; i < history->event_count; i++) {
        const struct happening *event = &history->events[i];
        bool longest = event->kind == KIND_DWELL && event->content == content && event->time_ms >= from_ms &&
                       event->time_ms < to_ms && !history->restricted[event->learner] &&
                       event->value > history->max_slice_ms;
        for (size_t j = 0; longest && j < history->event_count; j++) {
            const struct happening *other = &history->events[j];
            longest = !(other->kind == KIND_DWELL && other->content == content && other->learner == event->learner &&
                        other->time_ms == event->time_ms &&
                        (other->value > event->value || (other->value == event->value && j < i)));
        }
        *clipped_ms += longest ? event->value - history->max_slice_ms : 0;
    }
    return STATUS_OK;
}

enum status cells_read_mark_rollup(const struct cells *cells, const struct rollup_key *key, struct arena *arena,
                                   struct cell_mark **marks, uint32_t *count, struct error *error)
{
    (void)cells, (void)key, (void)arena, (void)marks, (void)count, (void)error;
    abort();
}

enum status cells_scan_marks(const struct cells *cells, const struct marks_range *range, cell_marks_fn each,
                             void *argument, struct error *error)
{
    uint32_t content = range->content;
    int64_t before_ms = range->before_ms;
    const struct history *history = cells->history;
    enum status status = called(cells, error);
    for (size_t i = 0; !status && i < 2 * history->event_count; i++) { /* everything twice */
        const struct happening *event = &history->events[i % history->event_count];
        bool marks = event->kind == KIND_FAVORITE || event->kind == KIND_UNFAVORITE || event->kind == KIND_PROGRESS;
        if (!marks || event->content != content || event->time_ms >= before_ms)
            continue;
        struct cell_mark mark = {event->learner, (uint8_t)event->kind, (uint8_t)event->value, event->time_ms};
        status = each(&mark, 1, argument, error);
    }
    return status;
}

enum status cells_scan_cohorts(const struct cells *cells, int64_t before_ms, cell_cohorts_fn each, void *argument,
                               struct error *error)
{
    const struct history *history = cells->history;
    enum status status = called(cells, error);
    for (size_t i = 0; !status && i < 2 * history->event_count; i++) {
        const struct happening *event = &history->events[i % history->event_count];
        if (event->kind != KIND_COHORT || event->time_ms >= before_ms)
            continue;
        char *name = mem_text("%s", event->cohort);
        struct cell_cohort change = {event->learner, event->time_ms, slice_of_text(name)};
        status = each(&change, 1, argument, error);
        free(name);
    }
    return status;
}

bool cells_forget_damaged(struct cells *cells)
{
    (void)cells;
    return false;
}
