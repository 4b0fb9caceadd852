/* reformat - gives what is stored another format number, its checksums made right: reformat WHAT PATH NUMBER
 *
 *     store                                  a RocksDB of ours: its row "format"
 *     sessions                               a log: every session's state
 *     first-record, last-record              a log: one record
 *     summary, facts, marks, cohorts, rollups   cells: every value of that family
 *     watermark                              both slots
 *     run, last-sealed                       a spool: the kind of its first, or of its last record
 *
 * For 20_old_stores.py: what a newer program might leave, as far as its checksums go. */
#include "clients/publisher/sealed.h"
#include "collector/watermark.h"
#include "common/logstore.h"
#include "common/rocks.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

enum {
    CHECKSUM_BYTES = 8,
    STATE_AT = 0,  /* where the number stands: a session's state, */
    RECORD_AT = 4, /* a record (16 bits), */
    VALUE_AT = 4,  /* a value of the cells (8 bits), */
    SLOT_AT = 4,   /* a slot of the watermark (32 bits), */
    KIND_AT = 4,   /* the head of a sealed record */
    FILE_MAX_BYTES = 1 << 20,
};

static void seal(uint8_t *bytes, size_t size)
{
    put_u64(bytes + size - CHECKSUM_BYTES, XXH3_64bits(bytes, size - CHECKSUM_BYTES));
}

/* ---- rows of a RocksDB ---- */

typedef void (*change_fn)(uint8_t *value, size_t size, uint32_t number);

static void change_state(uint8_t *value, size_t size, uint32_t number)
{
    ensure(size > STATE_AT);
    value[STATE_AT] = (uint8_t)number;
}

static void change_record(uint8_t *value, size_t size, uint32_t number)
{
    put_u16(value + RECORD_AT, (uint16_t)number);
    seal(value, size);
}

static void change_value(uint8_t *value, size_t size, uint32_t number)
{
    value[VALUE_AT] = (uint8_t)number;
    seal(value, size);
}

/* The row under the iterator, changed, into the batch. */
static void put_changed(struct rocks_batch *batch, struct rocks_family *family, const struct rocks_iterator *iterator,
                        change_fn change, uint32_t number)
{
    struct slice old = rocks_iterator_value(iterator);
    uint8_t *value = mem_new(old.size, 1);
    memcpy(value, old.data, old.size);
    change(value, old.size, number);
    rocks_batch_put(batch, family, rocks_iterator_key(iterator), slice_of(value, old.size));
    free(value);
}

static uint32_t change_rows(struct rocks *store, struct rocks_batch *batch, const char *name, change_fn change,
                            uint32_t number)
{
    struct rocks_family *family = rocks_family(store, name);
    uint32_t rows = 0;
    if (!family)
        return 0;
    struct rocks_iterator *iterator = rocks_iterator_open(store, family);
    for (rocks_iterator_seek(iterator, slice_of("", 0)); rocks_iterator_valid(iterator);
         rocks_iterator_next(iterator)) {
        put_changed(batch, family, iterator, change, number);
        rows++;
    }
    rocks_iterator_close(iterator);
    return rows;
}

static uint32_t change_one_record(struct rocks *store, struct rocks_batch *batch, bool last, uint32_t number)
{
    struct rocks_family *chosen = NULL;
    uint64_t chosen_offset = 0, offset;
    for (size_t i = 0; i < rocks_family_count(store); i++) {
        struct rocks_family *family = rocks_family_at(store, i);
        if (logstore_segment_parse(rocks_family_name(family), &offset) &&
            (!chosen || (last ? offset > chosen_offset : offset < chosen_offset))) {
            chosen = family;
            chosen_offset = offset;
        }
    }
    if (!chosen)
        return 0;
    struct rocks_iterator *iterator = rocks_iterator_open(store, chosen);
    if (last)
        rocks_iterator_last(iterator);
    else
        rocks_iterator_seek(iterator, slice_of("", 0));
    bool found = rocks_iterator_valid(iterator);
    if (found)
        put_changed(batch, chosen, iterator, change_record, number);
    rocks_iterator_close(iterator);
    return found;
}

static uint32_t change_store(struct rocks *store, struct rocks_batch *batch, const char *what, uint32_t number)
{
    uint8_t format[4];
    put_u32(format, number);
    if (strcmp(what, "sessions") == 0)
        return change_rows(store, batch, what, change_state, number);
    if (strcmp(what, "first-record") == 0 || strcmp(what, "last-record") == 0)
        return change_one_record(store, batch, what[0] == 'l', number);
    if (strcmp(what, "store") != 0)
        return change_rows(store, batch, what, change_value, number);
    rocks_batch_put(batch, rocks_family(store, "default"), slice_of_text("format"), slice_of(format, sizeof format));
    return 1;
}

static enum status reformat_store(const char *what, const char *path, uint32_t number, struct error *error)
{
    struct rocks_options options = {.mode = ROCKS_WRITE,
                                    .write_buffer_bytes = 1 << 20,
                                    .cache_bytes = 1 << 20,
                                    .max_wal_bytes = 1 << 20,
                                    .block_bytes = 4096,
                                    .compression_level = 1};
    struct rocks *store = NULL;
    enum status status = rocks_open(path, &options, NULL, 0, &store, error);
    if (status != STATUS_OK)
        return status;
    struct rocks_batch *batch = rocks_batch_open();
    if (change_store(store, batch, what, number) == 0)
        status = error_set(error, STATUS_DATA, "%s: nothing there is called %s", path, what);
    else
        status = rocks_write(store, batch, true, error);
    rocks_batch_close(batch);
    rocks_close(store);
    return status;
}

/* ---- files ---- */

/* Where the last record of a spool begins, and its ordinal in its run. */
static size_t last_sealed(const uint8_t *bytes, size_t size, uint64_t *ordinal)
{
    size_t at = 0, last = 0;
    for (uint64_t next = 0; at + SEALED_HEAD_BYTES <= size; next++) {
        next = bytes[at + KIND_AT] == SEALED_RUN ? 0 : next;
        *ordinal = next;
        last = at;
        at += SEALED_HEAD_BYTES + get_u32(bytes + at);
    }
    return last;
}

/* As sealed.h has the check of a head. */
static void change_kind(uint8_t *head, uint64_t ordinal, uint32_t number)
{
    head[KIND_AT] = (uint8_t)number;
    uint64_t check = XXH3_64bits_withSeed(head, KIND_AT + 1, ordinal);
    for (int i = 0; i < 3; i++)
        head[KIND_AT + 1 + i] = (uint8_t)(check >> 8 * i);
}

static bool change_file(const char *what, uint8_t *bytes, size_t size, uint32_t number)
{
    uint64_t ordinal = 0;
    if (strcmp(what, "watermark") == 0 && size == (size_t)WATERMARK_SLOTS * WATERMARK_SLOT_BYTES) {
        for (size_t at = 0; at < size; at += WATERMARK_SLOT_BYTES) {
            put_u32(bytes + at + SLOT_AT, number);
            seal(bytes + at, WATERMARK_SLOT_BYTES);
        }
    } else if (strcmp(what, "run") == 0 && size > SEALED_HEAD_BYTES) {
        change_kind(bytes, 0, number);
    } else if (strcmp(what, "last-sealed") == 0 && size > SEALED_HEAD_BYTES) {
        size_t at = last_sealed(bytes, size, &ordinal);
        change_kind(bytes + at, ordinal, number);
    } else {
        return false;
    }
    return true;
}

static enum status reformat_file(const char *what, const char *path, uint32_t number, struct error *error)
{
    static uint8_t bytes[FILE_MAX_BYTES];
    int file = open(path, O_RDWR | O_CLOEXEC);
    ssize_t size = file < 0 ? -1 : pread(file, bytes, sizeof bytes, 0);
    enum status status = STATUS_OK;
    if (size < 0)
        status = error_errno(error, STATUS_NO_INPUT, "%s", path);
    else if (!change_file(what, bytes, (size_t)size, number))
        status = error_set(error, STATUS_DATA, "%s: nothing there is called %s", path, what);
    else if (pwrite(file, bytes, (size_t)size, 0) != size)
        status = error_errno(error, STATUS_IO, "%s", path);
    if (file >= 0)
        close(file);
    return status;
}

int main(int argc, char **argv)
{
    struct error error = {.status = STATUS_USAGE, .text = "say: reformat WHAT PATH NUMBER"};
    enum status status = STATUS_USAGE;
    if (argc == 4) {
        uint32_t number = (uint32_t)strtoul(argv[3], NULL, 10);
        status = rocks_exists(argv[2]) ? reformat_store(argv[1], argv[2], number, &error)
                                       : reformat_file(argv[1], argv[2], number, &error);
    }
    if (status != STATUS_OK)
        fprintf(stderr, "reformat: %s\n", error.text);
    return status_exit_code(status);
}
