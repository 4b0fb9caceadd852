/* The walk over the log's records, with one thing wrong at a time. */
#include "common/logread.h"
#include "tests/scratch.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <inttypes.h>
#include <xxhash.h>

enum {
    RECORDS = 600,
    SPAN = 7, /* offsets of a record */
    ALL = RECORDS * SPAN,
    FILES = 3, /* of the first level, a third of the records each */
    NOW_MS = 2000000,
};

static const char *const families[] = {"segment.0000000000000000"};
static const struct logstore_identity identity = {{1, 2, 3}, 4};
static struct error error;

static struct rocks *store_open(const char *path, enum rocks_mode mode)
{
    struct rocks_options options = {.mode = mode,
                                    .write_buffer_bytes = 8 << 20,
                                    .cache_bytes = 1 << 20,
                                    .max_wal_bytes = 64 << 20,
                                    .block_bytes = 4096,
                                    .compression_level = 1};
    options.first_level_files = 100; /* they stay apart */
    options.first_keys = true;
    struct rocks *store = NULL;
    return rocks_open(path, &options, families, 1, &store, &error) == STATUS_OK ? store : NULL;
}

/* A record of SPAN opens, received at its first offset + 1000; its bytes are free()d by the caller. */
static struct slice record_make(uint64_t first_offset)
{
    static const uint8_t kinds[SPAN] = {[0 ... SPAN - 1] = KIND_OPEN};
    uint32_t learners[SPAN], contents[SPAN] = {0}, values[SPAN] = {0};
    int64_t times[SPAN];
    char path[64];
    snprintf(path, sizeof path, "course/module-%" PRIu64, first_offset * 2654435761U);
    struct slice paths = slice_of_text(path), publishers = slice_of_text("lms");
    struct block_run run = {0, SPAN, (int64_t)first_offset + 1000};
    for (uint32_t i = 0; i < SPAN; i++) {
        learners[i] = i;
        times[i] = 1000 + i;
    }
    struct block_columns columns = {SPAN,     1,     1,      1,      0,           kinds, learners,
                                    contents, times, values, &paths, &publishers, &run,  NULL};
    struct record_header header = {.epoch = identity.epoch, .first_offset = first_offset, .learners = SPAN};
    memcpy(header.log_id, identity.log_id, LOG_ID_BYTES);
    uint8_t *bytes = mem_new(block_bound(&columns), 1);
    return slice_of(bytes, block_encode(&header, &columns, bytes));
}

static void write_row(struct rocks *store, uint64_t offset, struct slice value)
{
    uint8_t key[8];
    struct rocks_batch *batch = rocks_batch_open();
    put_be64(key, offset);
    if (value.data)
        rocks_batch_put(batch, rocks_family(store, families[0]), slice_of(key, sizeof key), value);
    else
        rocks_batch_delete(batch, rocks_family(store, families[0]), slice_of(key, sizeof key));
    cr_assert_eq(rocks_write(store, batch, true, &error), STATUS_OK);
    rocks_batch_close(batch);
}

static void store_fill(const char *path)
{
    struct rocks *store = store_open(path, ROCKS_CREATE);
    for (uint64_t r = 0; r < RECORDS; r++) {
        struct slice record = record_make(r * SPAN);
        write_row(store, r * SPAN, record);
        free((void *)(uintptr_t)record.data);
        if (r % (RECORDS / FILES) == RECORDS / FILES - 1)
            cr_assert_eq(rocks_flush(store, &error), STATUS_OK);
    }
    rocks_close(store);
}

/* What a walk gave: every offset once, as it was written or as lost. */
struct seen {
    uint64_t next, lost, ranges;
    int64_t least_ms, greatest_ms; /* of the last lost record */
    char what[512];
};

static bool see(struct slice record, const struct record_header *header, const char *what, void *argument)
{
    struct seen *seen = argument;
    struct record_header opened;
    cr_assert_eq(header->first_offset, seen->next, "offset %" PRIu64 " after %" PRIu64, header->first_offset,
                 seen->next);
    cr_assert_eq(record_open(record, &opened, &error), STATUS_OK, "%s", error.text);
    cr_assert_eq(opened.kind == RECORD_LOST, what != NULL);
    cr_assert_eq(memcmp(opened.log_id, identity.log_id, LOG_ID_BYTES), 0);
    cr_assert_eq(opened.epoch, identity.epoch);
    seen->next += header->span;
    if (what) {
        seen->lost += header->span;
        seen->ranges++;
        seen->least_ms = header->least_ms;
        seen->greatest_ms = header->greatest_ms;
        snprintf(seen->what, sizeof seen->what, "%s", what);
        return true;
    }
    struct slice expected = record_make(header->first_offset);
    cr_assert(slice_equal(record, expected), "another record at %" PRIu64, header->first_offset);
    free((void *)(uintptr_t)expected.data);
    return true;
}

static enum status walk(struct rocks *store, uint64_t from, struct seen *seen)
{
    struct logread_segment segment = {0, rocks_family(store, families[0])};
    struct logread read = {
        .store = store, .identity = identity, .offset = from, .now_ms = NOW_MS, .each = see, .argument = seen};
    *seen = (struct seen){.next = from - from % SPAN};
    return logread_segments(&read, &segment, 1, ALL, &error);
}

/* The n-th table file of the store, oldest first. */
static char *table_file(const char *folder, unsigned n)
{
    unsigned numbers[16], count = 0;
    DIR *listing = opendir(folder);
    for (struct dirent *entry = readdir(listing); entry; entry = readdir(listing))
        if (strstr(entry->d_name, ".sst"))
            numbers[count++] = (unsigned)strtoul(entry->d_name, NULL, 10);
    closedir(listing);
    for (unsigned i = 0; i < count; i++)
        for (unsigned k = i + 1; k < count; k++)
            if (numbers[k] < numbers[i]) {
                unsigned other = numbers[i];
                numbers[i] = numbers[k];
                numbers[k] = other;
            }
    cr_assert_lt(n, count, "%u table files", count);
    return mem_text("%s/%06u.sst", folder, numbers[n]);
}

static void flip(const char *path, long at)
{
    FILE *file = fopen(path, "r+b");
    fseek(file, at, SEEK_SET);
    int byte = fgetc(file);
    fseek(file, at, SEEK_SET);
    fputc(byte ^ 0x10, file);
    fclose(file);
}

static char *folder, *path;

static void make(void)
{
    folder = scratch_make();
    path = scratch_path(folder, "log");
    store_fill(path);
}

static void unmake(void)
{
    free(path);
    scratch_remove(folder);
}

TestSuite(logread, .init = make, .fini = unmake, .timeout = 120);

Test(logread, a_whole_log_is_given_whole_from_anywhere)
{
    struct rocks *store = store_open(path, ROCKS_READ_ONLY);
    struct seen seen;
    for (uint64_t from = 0; from < ALL; from += 13) {
        cr_assert_eq(walk(store, from, &seen), STATUS_OK, "%s", error.text);
        cr_assert_eq(seen.next, ALL);
        cr_assert_eq(seen.lost, 0);
    }
    rocks_close(store);
}

Test(logread, a_damaged_record_is_lost_alone)
{
    struct rocks *store = store_open(path, ROCKS_WRITE);
    struct seen seen;
    write_row(store, 100 * SPAN, slice_of_text("rubbish"));
    struct slice other = record_make(40 * SPAN);
    write_row(store, 200 * SPAN, other);
    free((void *)(uintptr_t)other.data);
    cr_assert_eq(walk(store, 150 * SPAN, &seen), STATUS_OK);
    cr_assert_eq(seen.lost, SPAN);
    cr_assert_str_eq(seen.what, "the record of offset 280 stands under 1400");
    cr_assert_eq(walk(store, 0, &seen), STATUS_OK);
    cr_assert_eq(seen.lost, 2 * SPAN);
    cr_assert_eq(seen.next, ALL);
    cr_assert_eq(seen.least_ms, 199 * SPAN + 1000, "received after the record before");
    cr_assert_eq(seen.greatest_ms, 201 * SPAN + 1000, "and before the one after it");
    rocks_close(store);
}

Test(logread, missing_records_are_lost_wherever_they_were)
{
    struct rocks *store = store_open(path, ROCKS_WRITE);
    struct seen seen;
    write_row(store, 0, slice_of(NULL, 0));
    for (uint64_t r = 300; r < 320; r++)
        write_row(store, r * SPAN, slice_of(NULL, 0));
    write_row(store, (RECORDS - 1) * SPAN, slice_of(NULL, 0));
    cr_assert_eq(walk(store, 0, &seen), STATUS_OK);
    cr_assert_eq(seen.lost, 22 * SPAN);
    cr_assert_eq(seen.ranges, 3);
    cr_assert_eq(seen.next, ALL);
    cr_assert_eq(seen.greatest_ms, NOW_MS, "the last was received before now");
    rocks_close(store);
}

/* Each byte in turn would take an hour: each 61st, which meets every block of every file. Opening may refuse; a walk gives
 * every offset once, as it was or as lost. */
Test(logread, flipped_bytes_are_refused_or_named)
{
    uint64_t refused = 0, named = 0, harmless = 0, most = 0;
    for (unsigned n = 0; n < FILES; n++) {
        char *file = table_file(path, n);
        struct stat stat_of;
        cr_assert_eq(stat(file, &stat_of), 0);
        for (long at = (long)n; at < stat_of.st_size; at += 61) {
            struct seen seen = {0};
            flip(file, at);
            struct rocks *store = store_open(path, ROCKS_READ_ONLY);
            if (store && walk(store, 0, &seen) == STATUS_OK) {
                cr_assert_eq(seen.next, ALL);
                named += seen.lost > 0;
                harmless += seen.lost == 0;
                most = seen.lost > most && seen.lost < ALL / FILES ? seen.lost : most;
            } else {
                refused++;
            }
            rocks_close(store);
            flip(file, at);
        }
        free(file);
    }
    cr_assert_gt(named, 100);
    cr_assert_gt(refused, 0);
    /* A block of 4 KiB holds about 15 records: what stands beside the damaged one is not lost with it. */
    cr_assert_leq(most, 40 * SPAN, "%" PRIu64 " offsets lost with one block", most);
    cr_log_info("%" PRIu64 " refused, %" PRIu64 " named, %" PRIu64 " harmless", refused, named, harmless);
}

Test(logread, a_newer_record_ends_the_walk)
{
    struct rocks *store = store_open(path, ROCKS_WRITE);
    struct seen seen;
    struct slice record = record_make(100 * SPAN);
    uint8_t *bytes = (uint8_t *)(uintptr_t)record.data;
    size_t sealed = record.size - RECORD_CHECKSUM_BYTES;
    put_u16(bytes + 4, RECORD_VERSION + 1);
    put_u64(bytes + sealed, XXH3_64bits(bytes, sealed));
    write_row(store, 100 * SPAN, record);
    cr_assert_eq(walk(store, 0, &seen), STATUS_NEWER);
    cr_assert_eq(seen.next, 100 * SPAN);
    cr_assert_eq(seen.lost, 0);
    free(bytes);
    rocks_close(store);
}
