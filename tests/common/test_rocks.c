#include "common/rocks.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xxhash.h>

static char folder[256];
static struct error error;

static void folder_open(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/jejak-rocks-XXXXXX", base ? base : "/tmp");
    cr_assert_not_null(mkdtemp(folder));
}

static int entry_remove(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status, (void)type, (void)walk;
    return remove(path);
}

static void folder_close(void)
{
    nftw(folder, entry_remove, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *const families[] = {"learners", "sessions"};

static struct rocks_options options(enum rocks_mode mode)
{
    return (struct rocks_options){
        .mode = mode,
        .write_buffer_bytes = 1 << 20,
        .cache_bytes = 1 << 20,
        .max_wal_bytes = 8 << 20,
        .block_bytes = 4096,
        .compression_level = 3,
    };
}

static enum status try_open(enum rocks_mode mode, struct rocks **store)
{
    struct rocks_options wanted = options(mode);
    return rocks_open(folder, &wanted, families, 2, store, &error);
}

static struct rocks *open_store(enum rocks_mode mode)
{
    struct rocks *store = NULL;
    enum status status = try_open(mode, &store);
    cr_assert_eq(status, STATUS_OK, "%s", error.text);
    return store;
}

static void put(struct rocks *store, struct rocks_family *family, const char *key, const char *value)
{
    struct rocks_batch *batch = rocks_batch_open();
    rocks_batch_put(batch, family, slice_of_text(key), slice_of_text(value));
    cr_assert_eq(rocks_batch_count(batch), 1);
    cr_assert_eq(rocks_write(store, batch, true, &error), STATUS_OK, "%s", error.text);
    rocks_batch_close(batch);
}

static bool holds(struct rocks *store, struct rocks_family *family, const char *key, const char *expected)
{
    bool found = false;
    struct rocks_value value;
    cr_assert_eq(rocks_get(store, family, slice_of_text(key), &found, &value, &error), STATUS_OK, "%s", error.text);
    bool same = found && slice_equal(value.bytes, slice_of_text(expected));
    rocks_value_close(&value);
    return same;
}

TestSuite(rocks, .init = folder_open, .fini = folder_close, .timeout = 30);

Test(rocks, what_is_written_stands_after_reopening)
{
    cr_assert_not(rocks_exists(folder));
    struct rocks *store = open_store(ROCKS_CREATE);
    cr_assert(rocks_exists(folder));
    cr_assert_eq(rocks_family_count(store), 3);
    put(store, rocks_family(store, "learners"), "a", "1");
    put(store, rocks_family(store, "sessions"), "a", "2");
    rocks_close(store);
    store = open_store(ROCKS_WRITE);
    cr_assert(holds(store, rocks_family(store, "learners"), "a", "1"));
    cr_assert(holds(store, rocks_family(store, "sessions"), "a", "2"));
    cr_assert_not(holds(store, rocks_family(store, "default"), "a", "1"));
    cr_assert_null(rocks_family(store, "nobody"));
    rocks_close(store);
}

Test(rocks, nothing_is_made_over_a_store_and_none_is_made_unasked)
{
    struct rocks *store = NULL;
    cr_assert_eq(try_open(ROCKS_WRITE, &store), STATUS_NO_INPUT);
    cr_assert_eq(try_open(ROCKS_READ_ONLY, &store), STATUS_NO_INPUT);
    rocks_close(open_store(ROCKS_CREATE));
    cr_assert_eq(try_open(ROCKS_CREATE, &store), STATUS_CANNOT_MAKE);
    cr_assert_null(store);
}

Test(rocks, a_folder_without_current_is_named)
{
    char path[512];
    snprintf(path, sizeof path, "%s/000001.sst", folder);
    close(open(path, O_CREAT | O_WRONLY, 0600));
    struct rocks *store = NULL;
    cr_assert_eq(try_open(ROCKS_WRITE, &store), STATUS_CORRUPT);
    cr_assert_not_null(strstr(error.text, "CURRENT"), "%s", error.text);
    cr_assert_not_null(strstr(error.text, folder), "%s", error.text);
}

Test(rocks, a_second_writer_is_told_who_is_there)
{
    struct rocks *store = open_store(ROCKS_CREATE), *second = NULL;
    cr_assert_eq(try_open(ROCKS_WRITE, &second), STATUS_BUSY);
    cr_assert_not_null(strstr(error.text, "another program has it open"), "%s", error.text);
    rocks_close(store);
}

Test(rocks, a_reader_in_another_process_is_told_of_the_writer)
{
    struct rocks *store = open_store(ROCKS_CREATE);
    for (int mode = ROCKS_WRITE; mode <= ROCKS_READ_ONLY; mode++) {
        pid_t child = fork();
        if (child == 0) {
            struct rocks *second = NULL;
            _exit(try_open((enum rocks_mode)mode, &second) == STATUS_BUSY ? 0 : 1);
        }
        int end = 0;
        waitpid(child, &end, 0);
        cr_assert(WIFEXITED(end) && WEXITSTATUS(end) == 0, "mode %d", mode);
    }
    rocks_close(store);
}

Test(rocks, reading_only_sees_the_write_ahead_log_and_writes_nothing)
{
    struct rocks *store = open_store(ROCKS_CREATE);
    put(store, rocks_family(store, "default"), "k", "v");
    rocks_close(store);
    store = open_store(ROCKS_READ_ONLY);
    cr_assert(holds(store, rocks_family(store, "default"), "k", "v"));
    struct rocks_batch *batch = rocks_batch_open();
    rocks_batch_put(batch, rocks_family(store, "default"), slice_of_text("x"), slice_of_text("y"));
    cr_assert_neq(rocks_write(store, batch, true, &error), STATUS_OK);
    rocks_batch_close(batch);
    rocks_close(store);
}

/* Names and bytes of what stands in the folder, as one number. */
static uint64_t folder_hash(void)
{
    static char bytes[1 << 20];
    struct dirent **entries = NULL;
    uint64_t hash = 0;
    int count = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < count; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        FILE *file = entries[i]->d_type == DT_REG ? fopen(path, "r") : NULL;
        size_t size = file ? fread(bytes, 1, sizeof bytes, file) : 0;
        hash = XXH3_64bits_withSeed(bytes, size, XXH3_64bits_withSeed(path, strlen(path), hash));
        if (file)
            fclose(file);
        free(entries[i]);
    }
    free(entries);
    return hash;
}

Test(rocks, the_format_is_seen_and_not_a_byte_changed)
{
    struct rocks *store = open_store(ROCKS_CREATE);
    put(store, rocks_family(store, "learners"), "k", "v");
    rocks_close(store);
    cr_assert_eq(rocks_look_format(folder, 7, &error), STATUS_OK, "there is no row: not for us to say");
    store = open_store(ROCKS_WRITE);
    put(store, rocks_family(store, "default"), "format", "\7\1\1\1");
    rocks_close(store); /* the row is in the write-ahead log */
    uint64_t before = folder_hash();
    cr_assert_eq(rocks_look_format(folder, 0x01010107, &error), STATUS_OK, "%s", error.text);
    cr_assert_eq(rocks_look_format(folder, 0x01010106, &error), STATUS_NEWER);
    cr_assert_str_eq(error.text,
                     "it is of format 16843015, this program knows 16843014; use the newer program that wrote it");
    cr_assert_eq(folder_hash(), before);
    cr_assert_eq(rocks_look_format("/nowhere", 1, &error), STATUS_OK);
}

Test(rocks, families_come_and_go_and_are_found_again)
{
    struct rocks *store = open_store(ROCKS_CREATE);
    struct rocks_family *made = NULL, *other = NULL;
    cr_assert_eq(rocks_family_make(store, "segment.0000000000000000", &made, &error), STATUS_OK, "%s", error.text);
    cr_assert_eq(rocks_family_make(store, "segment.0000000000000010", &other, &error), STATUS_OK, "%s", error.text);
    cr_assert_str_eq(rocks_family_name(other), "segment.0000000000000010");
    put(store, made, "k", "first");
    put(store, other, "k", "second");
    cr_assert_eq(rocks_family_drop(store, made, &error), STATUS_OK, "%s", error.text);
    cr_assert_null(rocks_family(store, "segment.0000000000000000"));
    cr_assert_eq(rocks_family_count(store), 4);
    rocks_close(store);
    store = open_store(ROCKS_WRITE);
    cr_assert_null(rocks_family(store, "segment.0000000000000000"));
    cr_assert(holds(store, rocks_family(store, "segment.0000000000000010"), "k", "second"));
    rocks_close(store);
}

Test(rocks, a_batch_is_all_or_nothing)
{
    struct rocks *store = open_store(ROCKS_CREATE);
    struct rocks_batch *batch = rocks_batch_open();
    rocks_batch_put(batch, rocks_family(store, "learners"), slice_of_text("a"), slice_of_text("1"));
    rocks_batch_put(batch, rocks_family(store, "sessions"), slice_of_text("b"), slice_of_text("2"));
    rocks_batch_delete(batch, rocks_family(store, "learners"), slice_of_text("old"));
    cr_assert_eq(rocks_batch_count(batch), 3);
    cr_assert_eq(rocks_batch_bytes(batch), 7);
    cr_assert_not(holds(store, rocks_family(store, "learners"), "a", "1"));
    cr_assert_eq(rocks_write(store, batch, true, &error), STATUS_OK);
    cr_assert(holds(store, rocks_family(store, "learners"), "a", "1"));
    cr_assert(holds(store, rocks_family(store, "sessions"), "b", "2"));
    rocks_batch_clear(batch);
    cr_assert_eq(rocks_batch_count(batch), 0);
    cr_assert_eq(rocks_batch_bytes(batch), 0);
    rocks_batch_close(batch);
    rocks_close(store);
}

/* A batch whose last bytes never reached the disk is as if it had never been written; those before it stand. */
Test(rocks, a_torn_batch_at_the_end_leaves_nothing_of_itself)
{
    pid_t child = fork();
    if (child == 0) {
        struct rocks *store = open_store(ROCKS_CREATE);
        put(store, rocks_family(store, "default"), "a", "whole");
        struct rocks_batch *batch = rocks_batch_open();
        rocks_batch_put(batch, rocks_family(store, "learners"), slice_of_text("b"), slice_of_text("torn"));
        rocks_batch_put(batch, rocks_family(store, "sessions"), slice_of_text("c"), slice_of_text("torn"));
        if (rocks_write(store, batch, true, &error) != STATUS_OK)
            _exit(1);
        _exit(0); /* as in a crash: not closed */
    }
    int end = 0;
    waitpid(child, &end, 0);
    cr_assert(WIFEXITED(end) && WEXITSTATUS(end) == 0);
    char command[600];
    snprintf(command, sizeof command, "for f in %s/*.log; do test -s $f && truncate -s -3 $f; done", folder);
    cr_assert_eq(system(command), 0);
    struct rocks *store = open_store(ROCKS_WRITE);
    cr_assert(holds(store, rocks_family(store, "default"), "a", "whole"));
    cr_assert_not(holds(store, rocks_family(store, "learners"), "b", "torn"));
    cr_assert_not(holds(store, rocks_family(store, "sessions"), "c", "torn"));
    rocks_close(store);
}

Test(rocks, iterators_walk_in_byte_order_and_look_back)
{
    struct rocks *store = open_store(ROCKS_CREATE);
    struct rocks_family *family = rocks_family(store, "default");
    put(store, family, "b", "2");
    put(store, family, "d", "4");
    put(store, family, "a", "1");
    struct rocks_iterator *iterator = rocks_iterator_open(store, family);
    put(store, family, "c", "3"); /* after the view was taken */
    rocks_iterator_seek(iterator, slice_of_text("b"));
    cr_assert(slice_equal(rocks_iterator_value(iterator), slice_of_text("2")));
    rocks_iterator_next(iterator);
    cr_assert(slice_equal(rocks_iterator_key(iterator), slice_of_text("d")));
    rocks_iterator_next(iterator);
    cr_assert_not(rocks_iterator_valid(iterator));
    cr_assert_eq(rocks_iterator_status(iterator, &error), STATUS_OK);
    rocks_iterator_seek_before(iterator, slice_of_text("c"));
    cr_assert(slice_equal(rocks_iterator_key(iterator), slice_of_text("b")));
    rocks_iterator_last(iterator);
    cr_assert(slice_equal(rocks_iterator_key(iterator), slice_of_text("d")));
    rocks_iterator_close(iterator);
    rocks_close(store);
}

Test(rocks, a_range_starts_at_its_first_key_and_ends_before_its_end)
{
    struct rocks *store = open_store(ROCKS_CREATE);
    struct rocks_family *family = rocks_family(store, "default");
    put(store, family, "a", "1");
    put(store, family, "b", "2");
    put(store, family, "c", "3");
    put(store, family, "d", "4");
    struct rocks_iterator *iterator = rocks_iterator_open_range(store, family, slice_of_text("aa"), slice_of_text("d"));
    cr_assert(slice_equal(rocks_iterator_key(iterator), slice_of_text("b")));
    rocks_iterator_next(iterator);
    cr_assert(slice_equal(rocks_iterator_key(iterator), slice_of_text("c")));
    rocks_iterator_next(iterator);
    cr_assert_not(rocks_iterator_valid(iterator), "d is the end");
    cr_assert_eq(rocks_iterator_status(iterator, &error), STATUS_OK);
    rocks_iterator_last(iterator);
    cr_assert(slice_equal(rocks_iterator_key(iterator), slice_of_text("c")));
    rocks_iterator_close(iterator);
    iterator = rocks_iterator_open_range(store, family, slice_of_text("bb"), slice_of_text("c"));
    cr_assert_not(rocks_iterator_valid(iterator), "an empty range");
    cr_assert_eq(rocks_iterator_status(iterator, &error), STATUS_OK);
    rocks_iterator_close(iterator);
    rocks_close(store);
}

/* A process that writes the same number to two families, over and over, and ends without closing. */
static void write_until_killed(void)
{
    struct rocks_options wanted = options(ROCKS_CREATE);
    wanted.remade = true;
    struct rocks *store = NULL;
    if (rocks_open(folder, &wanted, families, 2, &store, &error) != STATUS_OK)
        _exit(1);
    char key[32], value[1025];
    memset(value, 'x', sizeof value);
    value[1024] = '\0';
    struct rocks_batch *batch = rocks_batch_open();
    for (int i = 0; i < 5000; i++) {
        snprintf(key, sizeof key, "%08d", i);
        rocks_batch_clear(batch);
        rocks_batch_put(batch, rocks_family(store, "learners"), slice_of_text(key), slice_of_text(value));
        rocks_batch_put(batch, rocks_family(store, "sessions"), slice_of_text(key), slice_of_text("small"));
        if (rocks_write(store, batch, false, &error) != STATUS_OK)
            _exit(1);
    }
    _exit(0);
}

static int rows_of(struct rocks *store, const char *name)
{
    int count = 0;
    struct rocks_iterator *iterator = rocks_iterator_open(store, rocks_family(store, name));
    for (rocks_iterator_seek(iterator, slice_of("", 0)); rocks_iterator_valid(iterator); rocks_iterator_next(iterator))
        count++;
    rocks_iterator_close(iterator);
    return count;
}

Test(rocks, what_can_be_made_again_is_whole_after_a_crash)
{
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid == 0)
        write_until_killed();
    int ended = 0;
    waitpid(pid, &ended, 0);
    cr_assert(WIFEXITED(ended) && WEXITSTATUS(ended) == 0);
    struct rocks *store = open_store(ROCKS_WRITE);
    int learners = rows_of(store, "learners");
    cr_assert_eq(learners, rows_of(store, "sessions"));
    cr_assert(learners > 0 && learners < 5000, "%d rows of 5,000 stand", learners);
    rocks_close(store);
}

Test(rocks, closing_keeps_what_can_be_made_again)
{
    struct rocks_options wanted = options(ROCKS_CREATE);
    wanted.remade = wanted.plain_first_level = true;
    struct rocks *store = NULL;
    cr_assert_eq(rocks_open(folder, &wanted, families, 2, &store, &error), STATUS_OK, "%s", error.text);
    struct rocks_batch *batch = rocks_batch_open();
    rocks_batch_put(batch, rocks_family(store, "learners"), slice_of_text("a"), slice_of_text("1"));
    cr_assert_eq(rocks_write(store, batch, false, &error), STATUS_OK, "%s", error.text);
    rocks_batch_close(batch);
    rocks_close(store);
    store = open_store(ROCKS_READ_ONLY);
    cr_assert(holds(store, rocks_family(store, "learners"), "a", "1"));
    rocks_close(store);
}

Test(rocks, a_flipped_byte_in_a_table_is_refused)
{
    struct rocks *store = open_store(ROCKS_CREATE);
    struct rocks_family *family = rocks_family(store, "default");
    put(store, family, "k", "a value that will be damaged");
    cr_assert_eq(rocks_flush(store, &error), STATUS_OK);
    cr_assert_gt(rocks_table_bytes(store), 0);
    cr_assert_eq(rocks_compact(store, &error), STATUS_OK, "%s", error.text);
    rocks_close(store);
    char command[600];
    snprintf(command, sizeof command,
             "for f in %s/*.sst; do printf 'XXXX' | dd of=$f bs=1 seek=8 conv=notrunc status=none; done", folder);
    cr_assert_eq(system(command), 0);
    store = open_store(ROCKS_WRITE);
    bool found = false;
    struct rocks_value value;
    cr_assert_eq(rocks_get(store, rocks_family(store, "default"), slice_of_text("k"), &found, &value, &error),
                 STATUS_CORRUPT);
    rocks_close(store);
}

Test(rocks, the_info_log_lies_outside_and_is_removed)
{
    struct rocks *store = open_store(ROCKS_CREATE);
    char path[300];
    snprintf(path, sizeof path, "%s/LOG", folder);
    cr_assert_neq(access(path, F_OK), 0, "the info log lies in the store");
    rocks_close(store);
    char command[600];
    snprintf(command, sizeof command, "! ls -R /dev/shm | grep -q %s", strrchr(folder, '-') + 1);
    cr_assert_eq(system(command), 0, "the info log was left behind");
}
