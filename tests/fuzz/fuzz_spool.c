/* A publisher's spool. Its records are sealed, and no chance finds a tag: so the input is a list of records, which are sealed
 * here as their own program would, with any text in any order, or not sealed at all:
 *
 *     1 where the file is cut    then, for each record:  1 what    1 size    size text
 *
 * What is read is read again after a cut, and once more after it was carried to a new file. */
#include "tests/fuzz/fuzz.h"

#include "clients/publisher/copy.h"

#include <sodium.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    KIND = 0x07,  /* a sealed_type less 1; the last one is none that is known */
    RIGHT = 0x40, /* a seal says the seq and the events that it must */
    RAW = 0x80,   /* the text goes to the file as it is */
};

struct file {
    struct bytes bytes;
    struct sealed_run run;
    uint64_t made;
    uint32_t events; /* since the last seal */
};

/* Runs begin with random bytes: the same ones for the same input. */
static uint64_t seed;

static const char *fixed_name(void)
{
    return "fixed";
}

static uint32_t fixed_random(void)
{
    return (uint32_t)chance(&seed);
}

static void fixed_fill(void *const out, const size_t size)
{
    for (size_t i = 0; i < size; i++)
        ((uint8_t *)out)[i] = (uint8_t)chance(&seed);
}

static void chance_start(void)
{
    static struct randombytes_implementation fixed = {
        .implementation_name = fixed_name, .random = fixed_random, .buf = fixed_fill};
    seed = 0;
    promise(randombytes_set_implementation(&fixed) == 0 && sodium_init() >= 0);
}

static void add_sealed(struct file *file, unsigned what, struct slice text)
{
    uint8_t record[SEALED_MAX_BYTES] = {0}, seal[SEAL_BYTES] = {0};
    enum sealed_type type = 1 + (what & KIND);
    if (type == SEALED_RUN || file->run.ordinal == 0) {
        size_t size = sealed_run_start(&file->run, record);
        bytes_add(&file->bytes, record, size);
    }
    if (type == SEALED_RUN)
        return;
    if (type == SEALED_STATE && text.size == STATE_BYTES)
        file->made = get_u64(text.data + SESSION_BYTES);
    if (type == SEALED_SEAL && (what & RIGHT)) {
        put_u64(seal, ++file->made);
        put_u32(seal + 8, file->events);
        text = slice_of(seal, sizeof seal);
    }
    file->events = type == SEALED_SEAL ? 0 : file->events + (type == SEALED_EVENT);
    size_t size = sealed_put(&file->run, type, text, record);
    bytes_add(&file->bytes, record, size);
}

static void make_file(struct slice input, struct file *file)
{
    while (input.size >= 2) {
        unsigned what = input.data[0];
        size_t size = input.data[1] < input.size - 2 ? input.data[1] : input.size - 2;
        struct slice text = slice_of(input.data + 2, size);
        if (what & RAW)
            bytes_add(&file->bytes, text.data, text.size);
        else
            add_sealed(file, what, text);
        input = slice_of(text.data + size, input.size - 2 - size);
    }
}

/* A journal over a file in memory, one of two, which holds just these bytes. */
static struct journal journal_of(unsigned which, struct slice bytes, const uint8_t key[SEALED_KEY_BYTES])
{
    static int files[2] = {-1, -1};
    static char path[] = "a spool";
    if (files[which] < 0)
        files[which] = memfd_create("spool", MFD_CLOEXEC);
    promise(ftruncate(files[which], 0) == 0);
    promise(pwrite(files[which], bytes.data, bytes.size, 0) == (ssize_t)bytes.size);
    struct journal journal = {.fd = files[which], .path = path, .end = bytes.size};
    memcpy(journal.run.key, key, SEALED_KEY_BYTES);
    return journal;
}

/* Where its records end, read from memory of exactly its size. */
static size_t walk(struct slice bytes, const uint8_t key[SEALED_KEY_BYTES])
{
    uint8_t *copy = exact_copy(bytes);
    struct slice left = slice_of(copy, bytes.size);
    struct sealed_run run = {0};
    struct sealed record;
    memcpy(run.key, key, SEALED_KEY_BYTES);
    while (sealed_open(&run, &left, &record) == SEALED_OPENED)
        promise(record.size <= SEALED_TEXT_MAX);
    free(copy);
    return bytes.size - left.size;
}

static uint64_t load(const struct journal *journal, const struct spool_batch *batch)
{
    struct error error;
    uint8_t *bytes;
    size_t size;
    promise(copy_load(journal, batch, &bytes, &size, &error) == STATUS_OK);
    promise(size >= batch->events && batch->events <= BATCH_MAX_EVENTS);
    uint64_t print = 0;
    for (size_t i = 0; i < size; i++)
        print = print * UINT64_C(0x100000001b3) + bytes[i] + 1;
    free(bytes);
    return print;
}

/* Carried to a new file, every batch is the same. */
static void check_carried(const struct journal *from, const struct backlog *old)
{
    struct journal to = journal_of(1, slice_of("", 0), from->run.key);
    struct backlog fresh = {.settled = old->settled}, again = {0};
    struct error error;
    uint64_t end;
    memcpy(fresh.session, old->session, SESSION_BYTES);
    promise(copy_live(from, old, old->settled + 1, &to, &fresh, &error) == STATUS_OK);
    to.run.ordinal = 0;
    promise(backlog_replay(&to, &again, &end, &error) == STATUS_OK && end == to.end);
    promise(again.settled == old->settled && again.made == old->made && again.open.events == old->open.events);
    promise(memcmp(again.session, old->session, SESSION_BYTES) == 0);
    for (uint64_t seq = old->settled + 1; seq <= old->made; seq++) {
        struct spool_batch *one = backlog_at(old, seq), *other = backlog_at(&again, seq);
        promise(one->events == other->events && one->events > 0 && one->sealed_ms == other->sealed_ms);
        promise(load(from, one) == load(&to, other));
    }
    if (old->open.events > 0)
        promise(load(from, &old->open) == load(&to, &again.open));
    backlog_free(&fresh);
    backlog_free(&again);
}

/* Cut anywhere before its end it opens, too, and holds no more than it did. */
static void check_cut(struct slice whole, size_t cut, const struct backlog *all, const uint8_t key[SEALED_KEY_BYTES])
{
    struct journal journal = journal_of(1, slice_of(whole.data, cut), key);
    struct backlog part = {0};
    struct error error;
    uint64_t end;
    promise(backlog_replay(&journal, &part, &end, &error) == STATUS_OK && end <= cut);
    promise(part.made <= all->made && part.settled <= all->settled);
    backlog_free(&part);
}

static void check_spool(struct slice bytes, unsigned cut, const uint8_t key[SEALED_KEY_BYTES])
{
    struct journal journal = journal_of(0, bytes, key);
    struct backlog backlog = {0};
    struct error error;
    uint64_t end = 0;
    enum status status = backlog_replay(&journal, &backlog, &end, &error);
    promise(status == STATUS_OK || status == STATUS_CORRUPT || status == STATUS_FOREIGN || status == STATUS_NEWER);
    if (status == STATUS_OK) {
        promise(end == walk(bytes, key));
        check_cut(bytes, (size_t)(end * cut / 255), &backlog, key);
        journal.end = end;
        if (backlog.has_session)
            check_carried(&journal, &backlog);
    }
    backlog_free(&backlog);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t secret[32] = "the secret of a publisher";
    struct file file = {0};
    if (size < 1)
        return 0;
    chance_start();
    sealed_key(secret, file.run.key);
    make_file(slice_of(data + 1, size - 1), &file);
    check_spool(bytes_slice(&file.bytes), data[0], file.run.key);
    bytes_free(&file.bytes);
    return 0;
}
