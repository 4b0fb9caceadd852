#include "aggregator/stretch.h"

#include "aggregator/gather.h"
#include "aggregator/radix.h"
#include "aggregator/sums.h"

enum {
    PAYLOAD_BITS = 32,     /* of a key: the learner above them, the entry's index in them */
    SPARSE = 4,            /* fewer entries than one in so many learners: the sums lie too far apart in memory */
    AHEAD = 8,             /* how many entries ahead the sums are fetched */
    SHIFTS_PER_ENTRY = 24, /* more disorder than this and insertion sort gives up */
};

struct stretch {
    const struct cells *cells;
    struct facts_reader *facts;
    int64_t from_ms, to_ms;
    uint32_t learner_count;
    struct gather row;
    struct bits restricted, torn;
    bool has_restricted, has_torn;
    enum walk_depth depth;
    struct sums sums; /* opened when a row first needs them */
    struct moments moments;
    uint64_t *keys, *scratch;
    size_t key_count, key_room;
};

static void read_restricted(struct stretch *stretch)
{
    for (uint32_t learner = 0; learner < stretch->learner_count; learner++) {
        if (cells_restricted(stretch->cells, learner)) {
            bits_add(&stretch->restricted, learner);
            stretch->has_restricted = true;
        }
    }
}

struct stretch *stretch_open(const struct cells *cells, bool everybody)
{
    struct stretch *stretch = mem_new(1, sizeof *stretch);
    stretch->cells = cells;
    stretch->facts = facts_reader_open(cells);
    stretch->learner_count = cells_learner_count(cells);
    stretch->row = gather_open(cells);
    stretch->restricted = bits_open(stretch->learner_count);
    stretch->torn = bits_open(stretch->learner_count);
    if (!everybody)
        read_restricted(stretch);
    return stretch;
}

void stretch_close(struct stretch *stretch)
{
    if (!stretch)
        return;
    facts_reader_close(stretch->facts);
    gather_close(&stretch->row);
    bits_close(&stretch->restricted);
    bits_close(&stretch->torn);
    sums_close(&stretch->sums);
    moments_close(&stretch->moments);
    free(stretch->keys);
    free(stretch->scratch);
    free(stretch);
}

void stretch_rest(struct stretch *stretch)
{
    facts_reader_let_go(stretch->facts); /* pieces may be rewritten before the next row */
    gather_close(&stretch->row);
    stretch->row = gather_open(stretch->cells);
    sums_close(&stretch->sums);
    moments_close(&stretch->moments);
    free(stretch->keys);
    free(stretch->scratch);
    stretch->keys = stretch->scratch = NULL;
    stretch->key_count = stretch->key_room = 0;
}

void stretch_period(struct stretch *stretch, int64_t from_ms, int64_t to_ms)
{
    stretch->from_ms = from_ms;
    stretch->to_ms = to_ms;
    gather_period(&stretch->row, from_ms, to_ms);
}

const struct bits *stretch_restricted(const struct stretch *stretch)
{
    return stretch->has_restricted ? &stretch->restricted : NULL;
}

int32_t stretch_first_day(const struct stretch *stretch)
{
    return stretch->row.first_day;
}

/* Moments in [from, to), interval ends up to `to`: the summary holds as it is. */
static bool is_inside(const struct stretch *stretch, const struct cell_entry *entry)
{
    return entry->first_ms >= stretch->from_ms && entry->last_ms <= stretch->to_ms &&
           (entry->opens == 0 || entry->last_open_ms < stretch->to_ms);
}

static bool is_outside(const struct stretch *stretch, const struct cell_entry *entry)
{
    return entry->first_ms >= stretch->to_ms || entry->last_ms < stretch->from_ms;
}

/* No moment of the piece lies in the period. */
static bool is_beside(const struct stretch *stretch, const struct gather_piece *piece)
{
    return piece->first_ms >= stretch->to_ms || piece->last_ms < stretch->from_ms;
}

static void tear(struct stretch *stretch, uint32_t learner)
{
    bits_add(&stretch->torn, learner);
    stretch->has_torn = true;
}

/* Of a piece that lies wholly within the period. Whoever is met is summed or torn; stream_row() makes `ever` of them. */
static void stream_inside(struct stretch *stretch, const struct gather_piece *piece)
{
    const struct cell_entry *entry = &stretch->row.read.entries[piece->start], *end = entry + piece->count;
    bool any_order = stretch->depth == WALK_COUNTS && piece->alone;
    for (; entry < end; entry++) {
        if (end - entry > AHEAD)
            sums_prefetch(&stretch->sums, entry[AHEAD].learner);
        struct activity *sum = &stretch->sums.by_learner[entry->learner].of;
        struct activity summary = activity_of(entry);
        if (stretch->has_restricted && bits_has(&stretch->restricted, entry->learner))
            continue;
        if (sum->visits == 0) {
            bits_add(&stretch->sums.met, entry->learner);
            *sum = summary;
        } else if (any_order) {
            sum->opens += summary.opens;
            sum->active_ms += summary.active_ms;
            sum->last_ms = summary.last_ms > sum->last_ms ? summary.last_ms : sum->last_ms;
        } else if (entry->first_ms > sum->last_ms) {
            activity_append(sum, &summary);
        } else {
            tear(stretch, entry->learner);
        }
    }
}

/* Adds one piece's entries to the sums; all that began before the period's end is in `ever` (NULL: not asked for). */
static void stream_piece(struct stretch *stretch, const struct gather_piece *piece, struct bits *ever)
{
    const struct cell_entry *entry = &stretch->row.read.entries[piece->start], *end = entry + piece->count;
    for (; entry < end; entry++) {
        if (end - entry > AHEAD)
            sums_prefetch(&stretch->sums, entry[AHEAD].learner);
        if (ever && entry->first_ms < stretch->to_ms)
            bits_add(ever, entry->learner);
        if (is_outside(stretch, entry) || bits_has(&stretch->restricted, entry->learner))
            continue;
        struct activity *sum = &stretch->sums.by_learner[entry->learner].of;
        bool follows = sum->visits == 0 || entry->first_ms > sum->last_ms;
        if (!follows || !is_inside(stretch, entry)) {
            tear(stretch, entry->learner);
            continue;
        }
        bits_add(&stretch->sums.met, entry->learner);
        struct activity summary = activity_of(entry);
        activity_append(sum, &summary);
    }
}

static void stream_row(struct stretch *stretch, struct bits *ever)
{
    bits_clear(&stretch->torn);
    stretch->has_torn = false;
    if (!stretch->sums.by_learner)
        stretch->sums = sums_open(stretch->learner_count);
    for (size_t i = 0; i < stretch->row.picked; i++) {
        const struct gather_piece *piece = gather_by_day(&stretch->row, i);
        if (!ever && is_beside(stretch, piece))
            continue;
        if (piece->inside)
            stream_inside(stretch, piece);
        else
            stream_piece(stretch, piece, ever);
    }
    if (!ever)
        return;
    bits_join(ever, &stretch->sums.met);
    bits_join(ever, &stretch->torn);
}

static void keys_room(struct stretch *stretch)
{
    stretch->key_count = 0;
    if (stretch->key_room >= stretch->row.read.count)
        return;
    stretch->key_room = stretch->row.read.room;
    stretch->keys = mem_grow(stretch->keys, stretch->key_room, sizeof *stretch->keys);
    stretch->scratch = mem_grow(stretch->scratch, stretch->key_room, sizeof *stretch->scratch);
}

static void sort_keys(struct stretch *stretch)
{
    radix_sort(stretch->keys, stretch->scratch, stretch->key_count, PAYLOAD_BITS, radix_bits(stretch->learner_count));
}

/* Keys of the torn learners. */
static void make_torn_keys(struct stretch *stretch)
{
    keys_room(stretch);
    for (size_t i = 0; i < stretch->row.picked; i++) {
        const struct gather_piece *piece = gather_by_day(&stretch->row, i);
        for (size_t index = piece->start; index < piece->start + piece->count; index++) {
            const struct cell_entry *entry = &stretch->row.read.entries[index];
            if (bits_has(&stretch->torn, entry->learner) && !is_outside(stretch, entry))
                stretch->keys[stretch->key_count++] = (uint64_t)entry->learner << PAYLOAD_BITS | index;
        }
    }
    sort_keys(stretch);
}

/* Keys of everybody: the sums would lie too far apart in memory. */
static void make_all_keys(struct stretch *stretch, struct bits *ever)
{
    keys_room(stretch);
    for (size_t i = 0; i < stretch->row.picked; i++) {
        const struct gather_piece *piece = gather_by_day(&stretch->row, i);
        if (!ever && is_beside(stretch, piece))
            continue;
        for (size_t index = piece->start; index < piece->start + piece->count; index++) {
            const struct cell_entry *entry = &stretch->row.read.entries[index];
            if (ever && entry->first_ms < stretch->to_ms)
                bits_add(ever, entry->learner);
            if (!is_outside(stretch, entry) && !bits_has(&stretch->restricted, entry->learner))
                stretch->keys[stretch->key_count++] = (uint64_t)entry->learner << PAYLOAD_BITS | index;
        }
    }
    sort_keys(stretch);
}

static const struct cell_entry *entry_of(const struct stretch *stretch, uint64_t key)
{
    return &stretch->row.read.entries[(uint32_t)key];
}

static int compare_keys(const void *a, const void *b, void *argument)
{
    const struct cell_entry *left = entry_of(argument, *(const uint64_t *)a);
    const struct cell_entry *right = entry_of(argument, *(const uint64_t *)b);
    return (left->first_ms > right->first_ms) - (left->first_ms < right->first_ms);
}

/* One learner's keys by first moment. They come nearly in order; where they do not, insertion sort would be quadratic
 * and gives way. */
static void sort_by_time(struct stretch *stretch, uint64_t *keys, size_t count)
{
    size_t shifts_left = count * SHIFTS_PER_ENTRY;
    for (size_t i = 1; i < count && shifts_left > 0; i++) {
        uint64_t key = keys[i];
        int64_t first_ms = entry_of(stretch, key)->first_ms;
        size_t at = i;
        for (; at > 0 && entry_of(stretch, keys[at - 1])->first_ms > first_ms && shifts_left > 0; at--, shifts_left--)
            keys[at] = keys[at - 1];
        keys[at] = key;
    }
    if (shifts_left == 0)
        qsort_r(keys, count, sizeof *keys, compare_keys, stretch);
}

static enum status add_entry(struct stretch *stretch, size_t index, struct error *error)
{
    const struct gather_piece *piece = gather_piece_of(&stretch->row, index);
    const struct cell_entry *entry = &stretch->row.read.entries[index];
    if (moments_add_summary(&stretch->moments, piece->content, entry, stretch->from_ms, stretch->to_ms))
        return STATUS_OK;
    struct cell_facts facts;
    struct cell_key key = {piece->content, piece->day, piece->piece};
    enum status status = facts_read(stretch->facts, &key, (uint32_t)(index - piece->start), &facts, error);
    if (status)
        return status;
    moments_add(&stretch->moments, piece->content, &facts, stretch->from_ms, stretch->to_ms);
    return STATUS_OK;
}

static enum status join_facts(struct stretch *stretch, const uint64_t *keys, size_t count, struct activity *joined,
                              struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        enum status status = add_entry(stretch, (uint32_t)keys[i], error);
        if (status)
            return status;
    }
    facts_reader_clear(stretch->facts);
    *joined = moments_join(&stretch->moments);
    return STATUS_OK;
}

/* How many of the keys, from the first on, share a moment with the one before. */
static size_t cluster_size(const struct stretch *stretch, const uint64_t *keys, size_t count)
{
    int64_t last_ms = entry_of(stretch, keys[0])->last_ms;
    size_t size = 1;
    for (; size < count && entry_of(stretch, keys[size])->first_ms <= last_ms; size++)
        if (entry_of(stretch, keys[size])->last_ms > last_ms)
            last_ms = entry_of(stretch, keys[size])->last_ms;
    return size;
}

static enum status read_learner(struct stretch *stretch, uint64_t *keys, size_t count, struct activity *activity,
                                struct error *error)
{
    sort_by_time(stretch, keys, count);
    for (size_t at = 0, size; at < count; at += size) {
        size = cluster_size(stretch, keys + at, count - at);
        struct activity next;
        if (size == 1 && is_inside(stretch, entry_of(stretch, keys[at]))) {
            next = activity_of(entry_of(stretch, keys[at]));
        } else {
            enum status status = join_facts(stretch, keys + at, size, &next, error);
            if (status)
                return status;
        }
        activity_append(activity, &next);
    }
    return STATUS_OK;
}

static size_t keys_of_learner(const struct stretch *stretch, size_t at)
{
    size_t end = at + 1;
    while (end < stretch->key_count && stretch->keys[end] >> PAYLOAD_BITS == stretch->keys[at] >> PAYLOAD_BITS)
        end++;
    return end - at;
}

static enum status read_keys(struct stretch *stretch, activity_fn each, void *argument, struct error *error)
{
    struct activity_outlet outlet = {.each = each, .argument = argument, .some.count = 0};
    for (size_t at = 0, count; at < stretch->key_count; at += count) {
        count = keys_of_learner(stretch, at);
        struct activity activity = {0};
        enum status status = read_learner(stretch, stretch->keys + at, count, &activity, error);
        if (status)
            return status;
        if (activity.visits > 0)
            activity_hand_out(&outlet, (uint32_t)(stretch->keys[at] >> PAYLOAD_BITS), &activity);
    }
    activity_hand_over(&outlet);
    return STATUS_OK;
}

void stretch_depth(struct stretch *stretch, enum walk_depth depth)
{
    stretch->depth = depth;
}

/* What was gathered, over the period. */
static enum status read_period(struct stretch *stretch, struct bits *ever, activity_fn each, void *argument,
                               struct error *error)
{
    if (stretch->row.picked_entries < stretch->learner_count / SPARSE) {
        make_all_keys(stretch, ever);
        return read_keys(stretch, each, argument, error);
    }
    stream_row(stretch, ever);
    sums_hand_out(&stretch->sums, &stretch->torn, each, argument);
    if (!stretch->has_torn)
        return STATUS_OK;
    make_torn_keys(stretch);
    return read_keys(stretch, each, argument, error);
}

enum status stretch_row(struct stretch *stretch, const struct walk_row *row, struct bits *ever, activity_fn each,
                        void *argument, struct error *error)
{
    enum status status = stretch_read(stretch, row, error);
    return status ? status : read_period(stretch, ever, each, argument, error);
}

enum status stretch_read(struct stretch *stretch, const struct walk_row *row, struct error *error)
{
    facts_reader_let_go(stretch->facts);
    return gather_row(&stretch->row, row->contents, row->content_count, error);
}

void stretch_pick(struct stretch *stretch, uint32_t first, uint32_t count)
{
    gather_pick(&stretch->row, first, count);
}

enum status stretch_within(struct stretch *stretch, int64_t from_ms, int64_t to_ms, activity_fn each, void *argument,
                           struct error *error)
{
    stretch->from_ms = from_ms;
    stretch->to_ms = to_ms;
    gather_narrow(&stretch->row, from_ms, to_ms);
    return read_period(stretch, NULL, each, argument, error);
}
