#include "clients/publisher/spool.h"
#include "common/event.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

static const uint8_t session[SESSION_BYTES] = "spooled-session";
static const uint8_t other_session[SESSION_BYTES] = "another-session";
static const uint8_t secret[32] = "a secret of thirty-two bytes ...";
static const uint8_t other_secret[32] = "another one of thirty-two bytes!";
static char folder[64];
static struct error error;

static void setup(void)
{
    snprintf(folder, sizeof folder, "/tmp/jejak-spool-XXXXXX");
    cr_assert_not_null(mkdtemp(folder));
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info, (void)type, (void)walk;
    return remove(path);
}

static void teardown(void)
{
    nftw(folder, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(spool, .init = setup, .fini = teardown, .timeout = 30);

static char *path_of(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static enum status open_with(const uint8_t *key, uint64_t max_bytes, struct spool **spool)
{
    struct spool_options options = {.folder = folder, .secret = key, .max_bytes = max_bytes};
    return spool_open(&options, session, spool, &error);
}

static struct spool *opened(void)
{
    struct spool *spool = NULL;
    cr_assert(eq(int, open_with(secret, 1 << 20, &spool), STATUS_OK), "%s", error.text);
    return spool;
}

static void put(struct spool *spool, const char *text)
{
    cr_assert(eq(int, spool_event(spool, slice_of_text(text), &error), STATUS_OK), "%s", error.text);
}

static void seal(struct spool *spool, int64_t now_ms)
{
    cr_assert(eq(int, spool_seal(spool, now_ms, &error), STATUS_OK), "%s", error.text);
}

static void settle(struct spool *spool, uint64_t seq)
{
    cr_assert(eq(int, spool_settle(spool, seq, &error), STATUS_OK), "%s", error.text);
}

static void holds(struct spool *spool, uint64_t seq, const char *text)
{
    uint8_t *bytes;
    size_t size;
    cr_assert(eq(int, spool_load(spool, seq, &bytes, &size, &error), STATUS_OK), "%s", error.text);
    cr_assert(eq(sz, size, strlen(text)));
    cr_assert(eq(int, memcmp(bytes, text, size), 0));
    free(bytes);
}

static size_t read_file(const char *name, uint8_t *bytes, size_t room)
{
    int fd = open(path_of(name), O_RDONLY);
    ssize_t size = fd < 0 ? 0 : read(fd, bytes, room);
    close(fd);
    return (size_t)size;
}

static void write_file(const char *name, const uint8_t *bytes, size_t size)
{
    int fd = open(path_of(name), O_WRONLY | O_TRUNC);
    cr_assert(eq(i64, write(fd, bytes, size), size));
    close(fd);
}

/* Two sealed batches, the first settled, and an open one. */
static void fill(void)
{
    struct spool *spool = opened();
    put(spool, "one ");
    put(spool, "two ");
    seal(spool, 1000);
    put(spool, "three ");
    settle(spool, 1);
    seal(spool, 2000);
    put(spool, "four ");
    put(spool, "five ");
    spool_close(spool);
}

Test(spool, a_new_one_takes_the_session_and_keeps_it)
{
    struct spool *spool = opened();
    cr_assert(eq(int, memcmp(spool_session(spool), session, SESSION_BYTES), 0));
    cr_assert(eq(u64, spool_settled(spool), 0));
    spool_close(spool);
    struct spool_options options = {.folder = folder, .secret = secret};
    cr_assert(eq(int, spool_open(&options, other_session, &spool, &error), STATUS_OK));
    cr_assert(eq(int, memcmp(spool_session(spool), session, SESSION_BYTES), 0));
    spool_close(spool);
}

Test(spool, replays_what_was_taken)
{
    fill();
    struct spool *spool = opened();
    cr_assert(eq(u64, spool_settled(spool), 1));
    cr_assert(eq(u64, spool_made(spool), 2));
    cr_assert(eq(u32, spool_batch(spool, 2)->events, 1));
    cr_assert(eq(i64, spool_batch(spool, 2)->sealed_ms, 2000));
    cr_assert(eq(u32, spool_open_events(spool), 2));
    cr_assert(eq(u64, spool_cut_bytes(spool), 0));
    holds(spool, 2, "three ");
    holds(spool, 3, "four five ");
    put(spool, "six ");
    seal(spool, 3000);
    holds(spool, 3, "four five six ");
    spool_close(spool);
    spool = opened();
    holds(spool, 3, "four five six ");
    settle(spool, 3);
    spool_close(spool);
    spool = opened();
    cr_assert(eq(u64, spool_settled(spool), 3));
    cr_assert(eq(u64, spool_made(spool), 3));
    spool_close(spool);
}

Test(spool, is_mode_0600_and_shows_nothing)
{
    static uint8_t bytes[1 << 16];
    struct stat info;
    fill();
    cr_assert(eq(int, stat(path_of("spool"), &info), 0));
    cr_assert(eq(u32, info.st_mode & 07777, 0600));
    size_t size = read_file("spool", bytes, sizeof bytes);
    cr_assert(gt(sz, size, 100));
    cr_assert_null(memmem(bytes, size, "four", 4));
    cr_assert_null(memmem(bytes, size, "spooled-session", 15));
}

/* No nonce twice: not within a run, not in the run of another process over the same bytes. */
Test(spool, the_same_text_never_looks_the_same)
{
    static uint8_t bytes[1 << 16];
    const size_t one = SEALED_HEAD_BYTES + 8 + SEALED_TAG_BYTES, run = SEALED_HEAD_BYTES + 2 * SEALED_TAG_BYTES;
    struct spool *spool = opened();
    put(spool, "the same");
    put(spool, "the same");
    spool_close(spool);
    spool = opened();
    put(spool, "the same");
    spool_close(spool);
    size_t size = read_file("spool", bytes, sizeof bytes);
    const uint8_t *third = bytes + size - one, *second = third - run - one, *first = second - one;
    cr_assert(ne(int, memcmp(first + SEALED_HEAD_BYTES, second + SEALED_HEAD_BYTES, 8), 0));
    cr_assert(ne(int, memcmp(first + SEALED_HEAD_BYTES, third + SEALED_HEAD_BYTES, 8), 0));
    const uint8_t *run_one = bytes + SEALED_HEAD_BYTES, *run_two = third - run + SEALED_HEAD_BYTES;
    cr_assert(ne(int, memcmp(run_one, run_two, SEALED_RUN_BYTES), 0));
}

Test(spool, refuses_a_file_that_others_may_read)
{
    struct spool *spool = NULL;
    fill();
    chmod(path_of("spool"), 0640);
    cr_assert(eq(int, open_with(secret, 0, &spool), STATUS_DENIED));
}

Test(spool, serves_one_process)
{
    struct spool *spool = opened(), *second = NULL;
    cr_assert(eq(int, open_with(secret, 0, &second), STATUS_BUSY));
    spool_close(spool);
    cr_assert(eq(int, open_with(secret, 0, &second), STATUS_OK));
    spool_close(second);
}

Test(spool, another_key_is_foreign)
{
    struct spool *spool = NULL;
    fill();
    cr_assert(eq(int, open_with(other_secret, 0, &spool), STATUS_FOREIGN));
    cr_assert(eq(int, open_with(NULL, 0, &spool), STATUS_FOREIGN));
    spool = opened();
    holds(spool, 2, "three ");
    spool_close(spool);
}

Test(spool, without_a_secret_has_a_key_file)
{
    struct spool *spool = NULL;
    struct stat info;
    cr_assert(eq(int, open_with(NULL, 0, &spool), STATUS_OK), "%s", error.text);
    put(spool, "one ");
    spool_close(spool);
    cr_assert(eq(int, stat(path_of("spool.key"), &info), 0));
    cr_assert(eq(u32, info.st_mode & 07777, 0600));
    cr_assert(eq(int, open_with(NULL, 0, &spool), STATUS_OK), "%s", error.text);
    holds(spool, 1, "one ");
    spool_close(spool);
}

/* Whatever prefix of the last record a crash leaves, what stood before is there and the spool goes on. */
Test(spool, a_tail_cut_at_any_byte_is_taken_back)
{
    static uint8_t bytes[1 << 16];
    fill();
    size_t size = read_file("spool", bytes, sizeof bytes);
    size_t last = SEALED_HEAD_BYTES + strlen("five ") + SEALED_TAG_BYTES;
    for (size_t cut = 1; cut <= last; cut++) {
        write_file("spool", bytes, size - cut);
        struct spool *spool = opened();
        cr_assert(eq(u32, spool_open_events(spool), 1), "cut %zu", cut);
        cr_assert(eq(u64, spool_cut_bytes(spool), last - cut));
        put(spool, "again ");
        spool_close(spool);
        spool = opened();
        holds(spool, 3, "four again ");
        spool_close(spool);
    }
}

Test(spool, a_tail_of_zeros_is_taken_back)
{
    static uint8_t bytes[1 << 16];
    fill();
    size_t size = read_file("spool", bytes, sizeof bytes);
    for (size_t zeros = 8; zeros <= 24; zeros++) {
        memset(bytes + size - zeros, 0, zeros);
        write_file("spool", bytes, size);
        struct spool *spool = opened();
        holds(spool, 3, "four ");
        spool_close(spool);
    }
}

Test(spool, a_seal_cut_off_leaves_the_batch_open)
{
    static uint8_t bytes[1 << 16];
    struct spool *spool = opened();
    put(spool, "one ");
    seal(spool, 1000);
    spool_close(spool);
    size_t size = read_file("spool", bytes, sizeof bytes);
    write_file("spool", bytes, size - 1);
    spool = opened();
    cr_assert(eq(u64, spool_made(spool), 0));
    cr_assert(eq(u32, spool_open_events(spool), 1));
    spool_close(spool);
}

/* Each byte of the file flipped: refused, and nothing changed. In the head of the last record too. */
Test(spool, a_flipped_byte_is_damage)
{
    static uint8_t bytes[1 << 16], after[1 << 16];
    static const uint8_t masks[] = {0x01, 0x10, 0x20, 0x80};
    fill();
    size_t size = read_file("spool", bytes, sizeof bytes);
    for (size_t i = 0; i < size * sizeof masks; i++) {
        struct spool *spool = NULL;
        size_t at = i / sizeof masks;
        uint8_t mask = masks[i % sizeof masks];
        bytes[at] ^= mask;
        write_file("spool", bytes, size);
        enum status status = open_with(secret, 1 << 20, &spool);
        cr_assert(status == STATUS_CORRUPT || status == STATUS_FOREIGN, "byte %zu: %s", at, status_name(status));
        cr_assert(eq(sz, read_file("spool", after, sizeof after), size));
        cr_assert(eq(int, memcmp(bytes, after, size), 0));
        bytes[at] ^= mask;
    }
}

/* A whole head of a type that is not known here, of a run's first record and of a later one. */
Test(spool, a_record_of_a_newer_kind_is_refused_by_name)
{
    static uint8_t bytes[1 << 16], after[1 << 16];
    fill();
    size_t size = read_file("spool", bytes, sizeof bytes), at = 0;
    for (uint64_t ordinal = 0; ordinal < 2; ordinal++) {
        struct spool *spool = NULL;
        uint8_t head[SEALED_HEAD_BYTES];
        memcpy(head, bytes + at, sizeof head);
        bytes[at + 4] = SEALED_TYPES + 1;
        uint64_t check = XXH3_64bits_withSeed(bytes + at, 5, ordinal);
        memcpy(bytes + at + 5, &check, 3);
        write_file("spool", bytes, size);
        cr_assert(eq(int, open_with(secret, 1 << 20, &spool), STATUS_NEWER));
        cr_assert_not_null(strstr(error.text, "a record of kind 7 at byte"), "%s", error.text);
        cr_assert(eq(sz, read_file("spool", after, sizeof after), size));
        cr_assert(eq(int, memcmp(bytes, after, size), 0));
        memcpy(bytes + at, head, sizeof head);
        at += SEALED_HEAD_BYTES + get_u32(head);
    }
}

Test(spool, records_in_another_order_are_damage)
{
    static uint8_t bytes[1 << 16], swapped[1 << 16];
    struct spool *spool = opened();
    put(spool, "aaaa");
    put(spool, "bbbb");
    put(spool, "cccc");
    spool_close(spool);
    size_t size = read_file("spool", bytes, sizeof bytes);
    size_t one = SEALED_HEAD_BYTES + 4 + SEALED_TAG_BYTES;
    memcpy(swapped, bytes, size);
    memcpy(swapped + size - 3 * one, bytes + size - 2 * one, one);
    memcpy(swapped + size - 2 * one, bytes + size - 3 * one, one);
    write_file("spool", swapped, size);
    cr_assert(eq(int, open_with(secret, 0, &spool), STATUS_CORRUPT));
}

Test(spool, full_is_busy_and_not_taken)
{
    struct spool *spool = NULL;
    char text[256];
    uint32_t taken = 0;
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    cr_assert(eq(int, open_with(secret, SPOOL_LEAST_BYTES, &spool), STATUS_OK));
    while (spool_event(spool, slice_of_text(text), &error) == STATUS_OK)
        taken++;
    cr_assert(eq(int, error.status, STATUS_BUSY));
    cr_assert(le(u64, spool_bytes(spool), SPOOL_LEAST_BYTES));
    cr_assert(gt(u32, taken, 200));
    cr_assert(eq(u32, spool_open_events(spool), taken));
    seal(spool, 1000);
    cr_assert(eq(int, spool_event(spool, slice_of_text(text), &error), STATUS_BUSY));
    settle(spool, 1);
    put(spool, text);
    spool_close(spool);
}

Test(spool, is_cut_when_everything_is_settled)
{
    struct spool *spool = opened();
    uint64_t empty = spool_bytes(spool);
    for (int i = 0; i < 100; i++)
        put(spool, "some event ");
    seal(spool, 1000);
    settle(spool, 1);
    cr_assert(eq(u64, spool_bytes(spool), empty));
    put(spool, "next ");
    seal(spool, 2000);
    holds(spool, 2, "next ");
    spool_close(spool);
    spool = opened();
    cr_assert(eq(u64, spool_settled(spool), 1));
    holds(spool, 2, "next ");
    spool_close(spool);
}

/* A settled part that has grown leaves the disk while batches wait; numbers, session and bytes stay. */
Test(spool, is_rewritten_while_batches_wait)
{
    struct spool *spool = NULL;
    char text[64];
    cr_assert(eq(int, open_with(secret, 4 << 20, &spool), STATUS_OK));
    uint64_t most = 0;
    for (int seq = 1; seq <= 60; seq++) {
        for (int i = 0; i < 2000; i++) {
            snprintf(text, sizeof text, "batch %06d event %06d ", seq, i);
            put(spool, text);
        }
        seal(spool, seq * 1000);
        if (seq > 3)
            settle(spool, seq - 3);
        most = spool_bytes(spool) > most ? spool_bytes(spool) : most;
    }
    cr_assert(lt(u64, most, 2 << 20), "%llu", (unsigned long long)most);
    put(spool, "open ");
    spool_close(spool);
    spool = opened();
    cr_assert(eq(u64, spool_settled(spool), 57));
    cr_assert(eq(u64, spool_made(spool), 60));
    cr_assert(eq(i64, spool_batch(spool, 59)->sealed_ms, 59000));
    uint8_t *bytes;
    size_t size;
    cr_assert(eq(int, spool_load(spool, 58, &bytes, &size, &error), STATUS_OK));
    cr_assert(eq(int, memcmp(bytes, "batch 000058 event 000000 ", 26), 0));
    free(bytes);
    holds(spool, 61, "open ");
    spool_close(spool);
}

Test(spool, an_unfinished_new_file_does_not_matter)
{
    fill();
    int fd = open(path_of("spool.new"), O_WRONLY | O_CREAT, 0600);
    cr_assert(eq(i64, write(fd, "half", 4), 4));
    close(fd);
    struct spool *spool = opened();
    holds(spool, 2, "three ");
    seal(spool, 3000);
    settle(spool, 3);
    spool_close(spool);
    cr_assert(eq(int, access(path_of("spool.new"), F_OK), -1));
}

Test(spool, sets_a_batch_aside)
{
    static uint8_t bytes[1 << 16];
    fill();
    struct spool *spool = opened();
    cr_assert(eq(int, spool_set_aside(spool, 2, "not msgpack", &error), STATUS_OK), "%s", error.text);
    cr_assert(eq(int, spool_set_aside(spool, 2, "once more", &error), STATUS_OK), "%s", error.text);
    spool_close(spool);
    size_t size = read_file("set-aside", bytes, sizeof bytes);
    struct slice left = slice_of(bytes, size);
    struct sealed_run run = {.ordinal = 0};
    struct sealed record;
    char story[128] = "";
    sealed_key(secret, run.key);
    while (sealed_open(&run, &left, &record) == SEALED_OPENED) {
        size_t used = strlen(story);
        bool text = record.type == SEALED_NOTE || record.type == SEALED_EVENT;
        snprintf(story + used, sizeof story - used, "%d%.*s;", record.type, text ? (int)record.size : 0, record.text);
    }
    cr_assert(eq(sz, left.size, 0));
    cr_assert_str_eq(story, "1;2;6not msgpack;3three ;4;1;2;6once more;3three ;4;");
}

Test(spool, batches_older_than_29_days_go_aside_and_the_rest_goes_on_anew)
{
    const int64_t day_ms = 24 * 3600 * 1000;
    struct spool *spool = opened();
    uint64_t batches = 0, events = 0;
    char text[32];
    for (int seq = 1; seq <= 70; seq++) {
        snprintf(text, sizeof text, "batch %d ", seq);
        put(spool, text);
        seal(spool, seq == 1 ? 0 : 10 * day_ms);
    }
    put(spool, "open ");
    cr_assert(not(spool_expired(spool, 29 * day_ms)));
    cr_assert(spool_expired(spool, 29 * day_ms + 1));
    enum status status = spool_renew(spool, other_session, 29 * day_ms + 1, &batches, &events, &error);
    cr_assert(eq(int, status, STATUS_OK), "%s", error.text);
    cr_assert(eq(u64, batches, 64), "those that may have been sent with it");
    cr_assert(eq(u64, events, 64));
    spool_close(spool);
    spool = opened();
    cr_assert(eq(int, memcmp(spool_session(spool), other_session, SESSION_BYTES), 0));
    cr_assert(eq(u64, spool_settled(spool), 0));
    cr_assert(eq(u64, spool_made(spool), 6));
    cr_assert(eq(i64, spool_batch(spool, 1)->sealed_ms, 10 * day_ms));
    holds(spool, 1, "batch 65 ");
    holds(spool, 7, "open ");
    spool_close(spool);
}
