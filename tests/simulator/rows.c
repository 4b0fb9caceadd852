#include "tests/simulator/rows.h"

#include <stdlib.h>

struct rows *rows_open(void)
{
    struct rows *rows = mem_new(1, sizeof *rows);
    rows->users = 1;
    return rows;
}

struct rows *rows_hold(struct rows *rows)
{
    rows->users++;
    return rows;
}

static void row_release(struct row *row)
{
    if (--row->users == 0)
        free(row);
}

void rows_release(struct rows *rows)
{
    if (!rows || --rows->users > 0)
        return;
    for (size_t i = 0; i < rows->count; i++)
        row_release(rows->row[i]);
    free(rows->row);
    free(rows);
}

struct slice rows_key(const struct rows *rows, size_t at)
{
    return slice_of(rows->row[at]->bytes, rows->row[at]->key_size);
}

struct slice rows_value(const struct rows *rows, size_t at)
{
    return slice_of(rows->row[at]->bytes + rows->row[at]->key_size, rows->row[at]->value_size);
}

static int order(struct slice a, struct slice b)
{
    size_t least = a.size < b.size ? a.size : b.size;
    int first = least > 0 ? memcmp(a.data, b.data, least) : 0;
    return first != 0 ? first : (a.size > b.size) - (a.size < b.size);
}

size_t rows_find(const struct rows *rows, struct slice key)
{
    size_t low = 0, high = rows->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (order(rows_key(rows, middle), key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool rows_have(const struct rows *rows, struct slice key, size_t *at)
{
    *at = rows_find(rows, key);
    return *at < rows->count && order(rows_key(rows, *at), key) == 0;
}

/* A version of one's own to change. */
static struct rows *own(struct rows **rows)
{
    struct rows *old = *rows;
    if (old->users == 1)
        return old;
    struct rows *copy = rows_open();
    copy->count = copy->room = old->count;
    copy->row = mem_new(copy->room, sizeof(struct row *));
    for (size_t i = 0; i < old->count; i++) {
        copy->row[i] = old->row[i];
        copy->row[i]->users++;
    }
    rows_release(old);
    return *rows = copy;
}

void rows_put(struct rows **rows, struct slice key, struct slice value)
{
    struct rows *mine = own(rows);
    size_t at;
    struct row *row = mem_new(1, sizeof *row + key.size + value.size);
    *row = (struct row){.users = 1, .key_size = key.size, .value_size = value.size};
    if (key.size > 0)
        memcpy(row->bytes, key.data, key.size);
    if (value.size > 0)
        memcpy(row->bytes + key.size, value.data, value.size);
    if (rows_have(mine, key, &at)) {
        row_release(mine->row[at]);
        mine->row[at] = row;
        return;
    }
    if (mine->count == mine->room) {
        mine->room = mine->room * 2 + 16;
        mine->row = mem_grow(mine->row, mine->room, sizeof(struct row *));
    }
    memmove(mine->row + at + 1, mine->row + at, (mine->count - at) * sizeof(struct row *));
    mine->row[at] = row;
    mine->count++;
}

void rows_delete(struct rows **rows, struct slice key)
{
    size_t at;
    if (!rows_have(*rows, key, &at))
        return;
    struct rows *mine = own(rows);
    row_release(mine->row[at]);
    mine->count--;
    memmove(mine->row + at, mine->row + at + 1, (mine->count - at) * sizeof(struct row *));
}
