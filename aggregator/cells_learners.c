/* Learner numbers, lids, and what control records say of them. Family "learners":
 *
 *     'l' lid (16) be32 number -> ""    a binding; a lid that came back after a forget has several for a while
 *     'd' be32 number -> ""             dead: forgotten, or erased before it was read here
 *     'r' lid (16) -> ""                restricted
 */
#include "aggregator/cells_inner.h"

#include <stdlib.h>

enum {
    BINDING_KEY_BYTES = 1 + LID_BYTES + 4
};

static void put_row(struct cells *cells, const uint8_t *key, size_t size)
{
    rocks_batch_put(cells->batch, cells->learners, slice_of(key, size), slice_of("", 0));
}

void cells_learners_room(struct cells *cells, uint32_t count)
{
    if (count <= cells->learner_room)
        return;
    uint32_t words = cells->learner_room / 64, room = (count / 64 + 1) * 2;
    cells->dead = mem_grow(cells->dead, room, sizeof *cells->dead);
    cells->restricted = mem_grow(cells->restricted, room, sizeof *cells->restricted);
    memset(cells->dead + words, 0, (room - words) * sizeof *cells->dead);
    memset(cells->restricted + words, 0, (room - words) * sizeof *cells->restricted);
    cells->learner_room = room > UINT32_MAX / 64 ? UINT32_MAX : room * 64;
}

uint32_t cells_learner_count(const struct cells *cells)
{
    return cells->position.learners;
}

bool cells_restricted(const struct cells *cells, uint32_t learner)
{
    return learner < cells->learner_room && cells_bit(cells->restricted, learner);
}

bool cells_learner_dead(const struct cells *cells, uint32_t learner)
{
    return learner < cells->learner_room && cells_bit(cells->dead, learner);
}

static uint8_t *restricted_find(const struct cells *cells, const uint8_t *lid)
{
    for (uint32_t i = 0; i < cells->restricted_count; i++)
        if (memcmp(cells->restricted_lids + (size_t)i * LID_BYTES, lid, LID_BYTES) == 0)
            return cells->restricted_lids + (size_t)i * LID_BYTES;
    return NULL;
}

static void restricted_set(struct cells *cells, const uint8_t *lid, bool on)
{
    uint8_t *found = restricted_find(cells, lid);
    if (on && !found) {
        cells->restricted_lids = mem_grow(cells->restricted_lids, cells->restricted_count + 1, LID_BYTES);
        memcpy(cells->restricted_lids + (size_t)cells->restricted_count++ * LID_BYTES, lid, LID_BYTES);
    } else if (!on && found) {
        memmove(found, cells->restricted_lids + (size_t)--cells->restricted_count * LID_BYTES, LID_BYTES);
    }
}

/* ---- bindings ---- */

/* The numbers of a lid, newly allocated. */
static enum status numbers_of(const struct cells *cells, const uint8_t *lid, uint32_t **numbers, uint32_t *count,
                              struct error *error)
{
    uint8_t prefix[1 + LID_BYTES] = {'l'};
    memcpy(prefix + 1, lid, LID_BYTES);
    struct rocks_iterator *iterator = rocks_iterator_open(cells->store, cells->learners);
    uint32_t found = 0, *list = NULL;
    for (rocks_iterator_seek(iterator, slice_of(prefix, sizeof prefix)); rocks_iterator_valid(iterator);
         rocks_iterator_next(iterator)) {
        struct slice key = rocks_iterator_key(iterator);
        if (key.size != BINDING_KEY_BYTES || memcmp(key.data, prefix, sizeof prefix) != 0)
            break;
        list = mem_grow(list, found + 1, sizeof *list);
        list[found++] = get_be32(key.data + sizeof prefix);
    }
    enum status status = rocks_iterator_status(iterator, error);
    rocks_iterator_close(iterator);
    if (status != STATUS_OK) {
        free(list);
        return status;
    }
    *numbers = list;
    *count = found;
    return STATUS_OK;
}

static void bury(struct cells *cells, uint32_t number)
{
    uint8_t key[5] = {'d'};
    put_be32(key + 1, number);
    put_row(cells, key, sizeof key);
    cells_bit_set(cells->dead, number, true);
}

static void learner_add(struct cells *cells, uint32_t number, const uint8_t *lid)
{
    static const uint8_t erased[LID_BYTES];
    if (memcmp(lid, erased, LID_BYTES) == 0) {
        bury(cells, number);
        return;
    }
    uint8_t key[BINDING_KEY_BYTES] = {'l'};
    memcpy(key + 1, lid, LID_BYTES);
    put_be32(key + 1 + LID_BYTES, number);
    put_row(cells, key, sizeof key);
    if (restricted_find(cells, lid))
        cells_bit_set(cells->restricted, number, true);
}

/* A number and the first bytes of its lid. */
struct newcomer {
    uint64_t lid;
    uint32_t number;
};

static int compare_newcomers(const void *left, const void *right)
{
    const struct newcomer *a = left, *b = right;
    return (a->lid > b->lid) - (a->lid < b->lid);
}

/* In the order of the keys, which is how the store takes them fastest. */
static void add_sorted(struct cells *cells, uint32_t first, uint32_t count, const uint8_t *lids)
{
    struct newcomer *newcomers = mem_new(count, sizeof *newcomers);
    for (uint32_t i = 0; i < count; i++)
        newcomers[i] = (struct newcomer){get_be64(lids + (size_t)i * LID_BYTES), i};
    qsort(newcomers, count, sizeof *newcomers, compare_newcomers);
    for (uint32_t i = 0; i < count; i++)
        learner_add(cells, first + newcomers[i].number, lids + (size_t)newcomers[i].number * LID_BYTES);
    free(newcomers);
}

enum status cells_learners_add(struct cells *cells, uint32_t first, struct slice lids, struct error *error)
{
    uint64_t count = lids.size / LID_BYTES, known = cells->position.learners;
    if (first > known || first + count > UINT32_MAX)
        return error_set(error, STATUS_PROTOCOL, "learner numbers from %u on were sent, those from %u on are due",
                         first, cells->position.learners);
    if (first + count <= known)
        return STATUS_OK;
    cells_learners_room(cells, (uint32_t)(first + count));
    add_sorted(cells, (uint32_t)known, (uint32_t)(first + count - known), lids.data + (known - first) * LID_BYTES);
    cells->position.learners = (uint32_t)(first + count);
    cells->unsettled = true;
    return STATUS_OK;
}

/* ---- control records ---- */

static void forget_number(struct cells *cells, const uint8_t *lid, uint32_t number)
{
    uint8_t key[BINDING_KEY_BYTES] = {'l'};
    memcpy(key + 1, lid, LID_BYTES);
    put_be32(key + 1 + LID_BYTES, number);
    rocks_batch_delete(cells->batch, cells->learners, slice_of(key, sizeof key));
    bury(cells, number);
    cells->forgotten = mem_grow(cells->forgotten, cells->forgotten_count + 1, sizeof *cells->forgotten);
    cells->forgotten[cells->forgotten_count++] = number;
}

static void row_restricted(struct cells *cells, const uint8_t *lid, bool on)
{
    uint8_t key[1 + LID_BYTES] = {'r'};
    memcpy(key + 1, lid, LID_BYTES);
    if (on)
        put_row(cells, key, sizeof key);
    else
        rocks_batch_delete(cells->batch, cells->learners, slice_of(key, sizeof key));
    restricted_set(cells, lid, on);
}

static enum status numbers_settled(struct cells *cells, const uint8_t *lid, uint32_t **numbers, uint32_t *count,
                                   struct error *error)
{
    enum status status = cells->unsettled ? cells_settle(cells, error) : STATUS_OK;
    return status == STATUS_OK ? numbers_of(cells, lid, numbers, count, error) : status;
}

enum status cells_forget(struct cells *cells, const uint8_t lid[LID_BYTES], uint32_t learners, struct error *error)
{
    uint32_t *numbers = NULL, count = 0;
    enum status status = numbers_settled(cells, lid, &numbers, &count, error);
    if (status != STATUS_OK)
        return status;
    for (uint32_t i = 0; i < count; i++) {
        if (numbers[i] < learners && numbers[i] < cells->learner_room)
            forget_number(cells, lid, numbers[i]);
        else if (numbers[i] < cells->learner_room)
            cells_bit_set(cells->restricted, numbers[i], false);
    }
    free(numbers);
    row_restricted(cells, lid, false);
    cells_days_touch_all(cells);
    return STATUS_OK;
}

enum status cells_restrict(struct cells *cells, const uint8_t lid[LID_BYTES], bool restricted, struct error *error)
{
    uint32_t *numbers = NULL, count = 0;
    enum status status = numbers_settled(cells, lid, &numbers, &count, error);
    if (status != STATUS_OK)
        return status;
    for (uint32_t i = 0; i < count; i++)
        if (numbers[i] < cells->learner_room)
            cells_bit_set(cells->restricted, numbers[i], restricted);
    free(numbers);
    row_restricted(cells, lid, restricted);
    cells_days_touch_all(cells);
    return STATUS_OK;
}

/* ---- opening ---- */

static enum status read_row(struct cells *cells, struct slice key, struct error *error)
{
    if (key.size == 5 && key.data[0] == 'd') {
        uint32_t number = get_be32(key.data + 1);
        if (number < cells->learner_room) /* beyond: bindings of a batch whose position was lost; they come again */
            cells_bit_set(cells->dead, number, true);
    } else if (key.size == 1 + LID_BYTES && key.data[0] == 'r') {
        restricted_set(cells, key.data + 1, true);
    } else {
        return error_set(error, STATUS_CORRUPT, "%s: the table of learners holds a row of %zu bytes of no known kind",
                         cells->path, key.size);
    }
    return STATUS_OK;
}

static enum status read_rows(struct cells *cells, char kind, struct error *error)
{
    struct rocks_iterator *iterator = rocks_iterator_open(cells->store, cells->learners);
    enum status status = STATUS_OK;
    for (rocks_iterator_seek(iterator, slice_of(&kind, 1)); rocks_iterator_valid(iterator) && status == STATUS_OK;
         rocks_iterator_next(iterator)) {
        struct slice key = rocks_iterator_key(iterator);
        if (key.size == 0 || key.data[0] != (uint8_t)kind)
            break;
        status = read_row(cells, key, error);
    }
    if (status == STATUS_OK)
        status = rocks_iterator_status(iterator, error);
    rocks_iterator_close(iterator);
    return status;
}

enum status cells_read_learners(struct cells *cells, struct error *error)
{
    cells_learners_room(cells, cells->position.learners + 1);
    enum status status = read_rows(cells, 'd', error);
    if (status == STATUS_OK)
        status = read_rows(cells, 'r', error);
    for (uint32_t i = 0; i < cells->restricted_count && status == STATUS_OK; i++) {
        uint32_t *numbers = NULL, count = 0;
        status = numbers_of(cells, cells->restricted_lids + (size_t)i * LID_BYTES, &numbers, &count, error);
        for (uint32_t n = 0; n < count; n++)
            if (numbers[n] < cells->learner_room)
                cells_bit_set(cells->restricted, numbers[n], true);
        free(numbers);
    }
    return status;
}
