/* rows.h - the rows of a family in order, as versions: whoever holds one sees it as it was. */
#ifndef JEJAK_TESTS_SIMULATOR_ROWS_H
#define JEJAK_TESTS_SIMULATOR_ROWS_H

#include "common/base.h"

struct row {
    uint32_t users;
    size_t key_size, value_size;
    uint8_t bytes[]; /* key, value */
};
struct rows {
    uint32_t users;
    size_t count, room;
    struct row **row;
};

struct rows *rows_open(void);
struct rows *rows_hold(struct rows *rows);
void rows_release(struct rows *rows); /* NULL is fine */
/* Both may put another version in the place of *rows. */
void rows_put(struct rows **rows, struct slice key, struct slice value);
void rows_delete(struct rows **rows, struct slice key);
/* The place of the first row whose key is not less. */
size_t rows_find(const struct rows *rows, struct slice key);
bool rows_have(const struct rows *rows, struct slice key, size_t *at);
struct slice rows_key(const struct rows *rows, size_t at);
struct slice rows_value(const struct rows *rows, size_t at);

#endif
