#include "aggregator/walk.h"

#include "aggregator/gather.h"
#include "aggregator/radix.h"

enum {
    PAYLOAD_BITS = 32,     /* of a key: the learner above them, the entry's index in them */
    SPARSE = 4,            /* fewer entries than one in so many learners: the sums lie too far apart in memory */
    AHEAD = 8,             /* how many entries ahead the sums are fetched */
    SHIFTS_PER_ENTRY = 24, /* more disorder than this and insertion sort gives up */
};

struct walk {
    struct facts_reader *facts;
    int64_t from_ms, to_ms;
    uint32_t learner_count;
    struct gather row;
    struct bits restricted, ever, summed, torn;
    bool has_restricted, has_torn, is_sparse;
    enum walk_depth depth;
    struct activity *sums; /* by learner; none but for those in `summed` */
    struct moments moments;
    uint64_t *keys, *scratch;
    size_t key_count, key_room;
};

struct walk *walk_open(const struct cells *cells, int64_t from_ms, int64_t to_ms)
{
    struct walk *walk = mem_new(1, sizeof *walk);
    walk->facts = facts_reader_open(cells);
    walk->from_ms = from_ms;
    walk->to_ms = to_ms;
    walk->learner_count = cells_learner_count(cells);
    walk->row = gather_open(cells, from_ms, to_ms);
    walk->restricted = bits_open(walk->learner_count);
    walk->ever = bits_open(walk->learner_count);
    walk->torn = bits_open(walk->learner_count);
    walk->sums = mem_new(walk->learner_count, sizeof *walk->sums);
    walk->summed = bits_open(walk->learner_count);
    for (uint32_t learner = 0; learner < walk->learner_count; learner++) {
        if (cells_restricted(cells, learner)) {
            bits_add(&walk->restricted, learner);
            walk->has_restricted = true;
        }
    }
    return walk;
}

void walk_close(struct walk *walk)
{
    if (!walk)
        return;
    facts_reader_close(walk->facts);
    gather_close(&walk->row);
    bits_close(&walk->restricted);
    bits_close(&walk->ever);
    bits_close(&walk->torn);
    free(walk->sums);
    bits_close(&walk->summed);
    moments_close(&walk->moments);
    free(walk->keys);
    free(walk->scratch);
    free(walk);
}

const struct bits *walk_ever(const struct walk *walk)
{
    return &walk->ever;
}

/* Moments in [from, to), interval ends up to `to`: the summary holds as it is. */
static bool is_inside(const struct walk *walk, const struct cell_entry *entry)
{
    return entry->first_ms >= walk->from_ms && entry->last_ms <= walk->to_ms &&
           (entry->opens == 0 || entry->last_open_ms < walk->to_ms);
}

static bool is_outside(const struct walk *walk, const struct cell_entry *entry)
{
    return entry->first_ms >= walk->to_ms || entry->last_ms < walk->from_ms;
}

static struct activity summary_of(const struct cell_entry *entry)
{
    return (struct activity){.opens = entry->opens,
                             .visits = entry->visits,
                             .active_ms = entry->active_ms,
                             .first_ms = entry->first_ms,
                             .last_ms = entry->last_ms,
                             .first_open_ms = entry->first_open_ms,
                             .last_open_ms = entry->last_open_ms};
}

static void tear(struct walk *walk, uint32_t learner)
{
    bits_add(&walk->torn, learner);
    walk->has_torn = true;
}

/* Of a piece that lies wholly within the period. Whoever is met is summed or torn; stream_row() makes `ever` of them. */
static void stream_inside(struct walk *walk, const struct gather_piece *piece)
{
    const struct cell_entry *entry = &walk->row.read.entries[piece->start], *end = entry + piece->count;
    bool any_order = walk->depth == WALK_COUNTS && piece->alone;
    for (; entry < end; entry++) {
        if (end - entry > AHEAD)
            __builtin_prefetch(&walk->sums[entry[AHEAD].learner], 1);
        struct activity *sum = &walk->sums[entry->learner];
        struct activity summary = summary_of(entry);
        if (walk->has_restricted && bits_has(&walk->restricted, entry->learner))
            continue;
        if (sum->visits == 0) {
            bits_add(&walk->summed, entry->learner);
            *sum = summary;
        } else if (any_order) {
            sum->opens += summary.opens;
            sum->active_ms += summary.active_ms;
            sum->last_ms = summary.last_ms > sum->last_ms ? summary.last_ms : sum->last_ms;
        } else if (entry->first_ms > sum->last_ms) {
            activity_append(sum, &summary);
        } else {
            tear(walk, entry->learner);
        }
    }
}

/* Adds one piece's entries to the sums; all that began before the period's end is in `ever`. */
static void stream_piece(struct walk *walk, const struct gather_piece *piece)
{
    const struct cell_entry *entry = &walk->row.read.entries[piece->start], *end = entry + piece->count;
    for (; entry < end; entry++) {
        if (end - entry > AHEAD && !walk->is_sparse)
            __builtin_prefetch(&walk->sums[entry[AHEAD].learner], 1);
        if (entry->first_ms < walk->to_ms)
            bits_add(&walk->ever, entry->learner);
        if (is_outside(walk, entry) || bits_has(&walk->restricted, entry->learner))
            continue;
        struct activity *sum = &walk->sums[entry->learner];
        bool follows = !walk->is_sparse && (sum->visits == 0 || entry->first_ms > sum->last_ms);
        if (!follows || !is_inside(walk, entry)) {
            tear(walk, entry->learner);
            continue;
        }
        bits_add(&walk->summed, entry->learner);
        struct activity summary = summary_of(entry);
        activity_append(sum, &summary);
    }
}

static void stream_row(struct walk *walk)
{
    bits_clear(&walk->torn);
    walk->has_torn = false;
    walk->is_sparse = walk->row.read.count < walk->learner_count / SPARSE;
    bits_clear(&walk->ever);
    bits_join(&walk->ever, &walk->row.earlier);
    for (size_t i = 0; i < walk->row.piece_count; i++) {
        const struct gather_piece *piece = gather_by_day(&walk->row, i);
        if (piece->inside && !walk->is_sparse)
            stream_inside(walk, piece);
        else
            stream_piece(walk, piece);
    }
    bits_join(&walk->ever, &walk->summed);
    bits_join(&walk->ever, &walk->torn);
}

/* Hands the sums out, but for the torn ones, by ascending learner: memory is read in order. Leaves none. */
static void hand_out_sums(struct walk *walk, walk_learner_fn each, void *argument)
{
    for (size_t i = 0; i < walk->summed.word_count; i++) {
        for (uint64_t word = walk->summed.words[i]; word; word &= word - 1) {
            uint32_t learner = (uint32_t)(i * 64) + (uint32_t)__builtin_ctzll(word);
            if (!bits_has(&walk->torn, learner))
                each(learner, &walk->sums[learner], argument);
            walk->sums[learner].visits = 0;
        }
    }
    bits_clear(&walk->summed);
}

static void add_keys(struct walk *walk, const struct gather_piece *piece)
{
    for (size_t index = piece->start; index < piece->start + piece->count; index++) {
        const struct cell_entry *entry = &walk->row.read.entries[index];
        if (bits_has(&walk->torn, entry->learner) && !is_outside(walk, entry))
            walk->keys[walk->key_count++] = (uint64_t)entry->learner << PAYLOAD_BITS | index;
    }
}

/* Of the torn learners. */
static void make_keys(struct walk *walk)
{
    if (walk->key_room < walk->row.read.room) {
        walk->key_room = walk->row.read.room;
        walk->keys = mem_grow(walk->keys, walk->key_room, sizeof *walk->keys);
        walk->scratch = mem_grow(walk->scratch, walk->key_room, sizeof *walk->scratch);
    }
    walk->key_count = 0;
    for (size_t i = 0; i < walk->row.piece_count; i++)
        add_keys(walk, gather_by_day(&walk->row, i));
    radix_sort(walk->keys, walk->scratch, walk->key_count, PAYLOAD_BITS, radix_bits(walk->learner_count));
}

static const struct cell_entry *entry_of(const struct walk *walk, uint64_t key)
{
    return &walk->row.read.entries[(uint32_t)key];
}

static int compare_keys(const void *a, const void *b, void *argument)
{
    const struct cell_entry *left = entry_of(argument, *(const uint64_t *)a);
    const struct cell_entry *right = entry_of(argument, *(const uint64_t *)b);
    return (left->first_ms > right->first_ms) - (left->first_ms < right->first_ms);
}

/* One learner's keys by first moment. They come nearly in order; where they do not, insertion sort would be quadratic
 * and gives way. */
static void sort_by_time(struct walk *walk, uint64_t *keys, size_t count)
{
    size_t shifts_left = count * SHIFTS_PER_ENTRY;
    for (size_t i = 1; i < count && shifts_left > 0; i++) {
        uint64_t key = keys[i];
        int64_t first_ms = entry_of(walk, key)->first_ms;
        size_t at = i;
        for (; at > 0 && entry_of(walk, keys[at - 1])->first_ms > first_ms && shifts_left > 0; at--, shifts_left--)
            keys[at] = keys[at - 1];
        keys[at] = key;
    }
    if (shifts_left == 0)
        qsort_r(keys, count, sizeof *keys, compare_keys, walk);
}

static enum status add_entry(struct walk *walk, size_t index, struct error *error)
{
    const struct gather_piece *piece = gather_piece_of(&walk->row, index);
    const struct cell_entry *entry = &walk->row.read.entries[index];
    if (moments_add_summary(&walk->moments, piece->content, entry, walk->from_ms, walk->to_ms))
        return STATUS_OK;
    struct cell_facts facts;
    enum status status = facts_read(walk->facts, piece->content, piece->day, piece->piece,
                                    (uint32_t)(index - piece->start), &facts, error);
    if (status)
        return status;
    moments_add(&walk->moments, piece->content, &facts, walk->from_ms, walk->to_ms);
    return STATUS_OK;
}

static enum status join_facts(struct walk *walk, const uint64_t *keys, size_t count, struct activity *joined,
                              struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        enum status status = add_entry(walk, (uint32_t)keys[i], error);
        if (status)
            return status;
    }
    facts_reader_clear(walk->facts);
    *joined = moments_join(&walk->moments);
    return STATUS_OK;
}

/* How many of the keys, from the first on, share a moment with the one before. */
static size_t cluster_size(const struct walk *walk, const uint64_t *keys, size_t count)
{
    int64_t last_ms = entry_of(walk, keys[0])->last_ms;
    size_t size = 1;
    for (; size < count && entry_of(walk, keys[size])->first_ms <= last_ms; size++)
        if (entry_of(walk, keys[size])->last_ms > last_ms)
            last_ms = entry_of(walk, keys[size])->last_ms;
    return size;
}

static enum status walk_learner(struct walk *walk, uint64_t *keys, size_t count, struct activity *activity,
                                struct error *error)
{
    sort_by_time(walk, keys, count);
    for (size_t at = 0, size; at < count; at += size) {
        size = cluster_size(walk, keys + at, count - at);
        struct activity next;
        if (size == 1 && is_inside(walk, entry_of(walk, keys[at]))) {
            next = summary_of(entry_of(walk, keys[at]));
        } else {
            enum status status = join_facts(walk, keys + at, size, &next, error);
            if (status)
                return status;
        }
        activity_append(activity, &next);
    }
    return STATUS_OK;
}

static size_t keys_of_learner(const struct walk *walk, size_t at)
{
    size_t end = at + 1;
    while (end < walk->key_count && walk->keys[end] >> PAYLOAD_BITS == walk->keys[at] >> PAYLOAD_BITS)
        end++;
    return end - at;
}

static enum status walk_torn(struct walk *walk, walk_learner_fn each, void *argument, struct error *error)
{
    make_keys(walk);
    for (size_t at = 0, count; at < walk->key_count; at += count) {
        count = keys_of_learner(walk, at);
        struct activity activity = {0};
        enum status status = walk_learner(walk, walk->keys + at, count, &activity, error);
        if (status)
            return status;
        if (activity.visits > 0)
            each((uint32_t)(walk->keys[at] >> PAYLOAD_BITS), &activity, argument);
    }
    return STATUS_OK;
}

void walk_depth(struct walk *walk, enum walk_depth depth)
{
    walk->depth = depth;
}

enum status walk_row(struct walk *walk, const uint32_t *contents, uint32_t content_count, walk_learner_fn each,
                     void *argument, struct error *error)
{
    enum status status = gather_row(&walk->row, contents, content_count, error);
    if (status)
        return status;
    stream_row(walk);
    hand_out_sums(walk, each, argument);
    return walk->has_torn ? walk_torn(walk, each, argument, error) : STATUS_OK;
}
