#include "clients/publisher/copy.h"
#include "common/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

enum {
    DEAD_LEAST_BYTES = 1 << 20, /* no new file for less, while something waits */
    SPOOL_MARGIN_BYTES = 4096,  /* below the bound, for seals and settlements */
};

struct spool {
    char *folder;
    int lock;
    uint8_t key[SEALED_KEY_BYTES];
    uint64_t max_bytes;
    uint64_t cut_bytes;
    bool broken; /* a sync failed: what is on disk is unknown until the spool is opened again */
    struct journal journal;
    struct backlog backlog;
};

static enum status lock_folder(struct spool *spool, struct error *error)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/lock", spool->folder);
    spool->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (spool->lock < 0)
        return error_errno(error, STATUS_CANNOT_MAKE, "%s", path);
    if (flock(spool->lock, LOCK_EX | LOCK_NB) == 0)
        return STATUS_OK;
    if (errno == EWOULDBLOCK)
        return error_set(error, STATUS_BUSY, "the spool %s is in use by another process", spool->folder);
    return error_errno(error, STATUS_IO, "locking %s", path);
}

static enum status take_key(struct spool *spool, const uint8_t *secret, struct error *error)
{
    if (secret) {
        sealed_key(secret, spool->key);
        return STATUS_OK;
    }
    char path[PATH_MAX];
    uint8_t own[KEY_BYTES];
    snprintf(path, sizeof path, "%s/spool.key", spool->folder);
    if (access(path, F_OK) != 0) {
        enum status status = keyfile_make_bytes(path, error);
        if (status != STATUS_OK)
            return status;
    }
    enum status status = keyfile_read_bytes(path, own, error);
    if (status != STATUS_OK)
        return status;
    sealed_key(own, spool->key);
    sodium_memzero(own, sizeof own);
    return STATUS_OK;
}

/* A file's name must survive as its bytes do. */
static enum status sync_folder(const struct spool *spool, struct error *error)
{
    int fd = open(spool->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0)
        close(fd);
    return result == 0 ? STATUS_OK : error_errno(error, STATUS_IO, "syncing %s", spool->folder);
}

/* What a crash cut off is taken back; a file without a state is a new one. What an earlier process wrote and did not live to
 * sync is read back like the rest: it is synced before any of it is sent, or a power cut could take a batch that is on its
 * way, and other events would get its seq. */
static enum status adopt(struct spool *spool, const uint8_t session[SESSION_BYTES], struct error *error)
{
    uint64_t end = 0;
    enum status status = backlog_replay(&spool->journal, &spool->backlog, &end, error);
    if (status != STATUS_OK)
        return status;
    spool->cut_bytes = spool->journal.end - end;
    if (!spool->backlog.has_session)
        end = 0;
    if (end != spool->journal.end && ftruncate(spool->journal.fd, (off_t)end) != 0)
        return error_errno(error, STATUS_IO, "cutting %s", spool->journal.path);
    spool->journal.end = end;
    if (spool->backlog.has_session)
        return journal_sync(&spool->journal, error);
    memcpy(spool->backlog.session, session, SESSION_BYTES);
    spool->backlog.has_session = true;
    status = copy_state(&spool->backlog, &spool->journal, error);
    if (status == STATUS_OK)
        status = journal_sync(&spool->journal, error);
    spool->backlog.open = (struct spool_batch){.start = spool->journal.end, .run = spool->journal.run};
    return status;
}

enum status spool_open(const struct spool_options *options, const uint8_t session[SESSION_BYTES], struct spool **spool,
                       struct error *error)
{
    char path[PATH_MAX];
    if (sodium_init() < 0)
        return error_set(error, STATUS_SYSTEM, "libsodium cannot be initialised");
    struct spool *opened = calloc(1, sizeof *opened);
    if (!opened || !(opened->folder = strdup(options->folder))) {
        free(opened);
        return error_set(error, STATUS_SYSTEM, "no memory for a spool");
    }
    opened->lock = opened->journal.fd = -1;
    opened->max_bytes = options->max_bytes < SPOOL_LEAST_BYTES ? SPOOL_LEAST_BYTES : options->max_bytes;
    snprintf(path, sizeof path, "%s/spool", options->folder);
    enum status status = folder_make(options->folder, error);
    if (status == STATUS_OK)
        status = lock_folder(opened, error);
    if (status == STATUS_OK)
        status = take_key(opened, options->secret, error);
    if (status == STATUS_OK)
        status = journal_open(path, opened->key, false, &opened->journal, error);
    if (status == STATUS_OK)
        status = adopt(opened, session, error);
    if (status == STATUS_OK)
        status = sync_folder(opened, error);
    if (status != STATUS_OK) {
        spool_close(opened);
        return status;
    }
    *spool = opened;
    return STATUS_OK;
}

void spool_close(struct spool *spool)
{
    if (!spool)
        return;
    journal_close(&spool->journal);
    backlog_free(&spool->backlog);
    if (spool->lock >= 0)
        close(spool->lock);
    free(spool->folder);
    sodium_memzero(spool->key, sizeof spool->key);
    free(spool);
}

const uint8_t *spool_session(const struct spool *spool)
{
    return spool->backlog.session;
}

uint64_t spool_settled(const struct spool *spool)
{
    return spool->backlog.settled;
}

uint64_t spool_made(const struct spool *spool)
{
    return spool->backlog.made;
}

uint64_t spool_bytes(const struct spool *spool)
{
    return spool->journal.end;
}

uint64_t spool_cut_bytes(const struct spool *spool)
{
    return spool->cut_bytes;
}

uint32_t spool_open_events(const struct spool *spool)
{
    return spool->backlog.open.events;
}

const struct spool_batch *spool_batch(const struct spool *spool, uint64_t seq)
{
    return backlog_at(&spool->backlog, seq);
}

static enum status usable(const struct spool *spool, struct error *error)
{
    if (!spool->broken)
        return STATUS_OK;
    return error_set(error, STATUS_IO, "the spool %s could not be synced; close the publisher and open it again",
                     spool->folder);
}

enum status spool_event(struct spool *spool, struct slice event, struct error *error)
{
    if (spool->journal.end + journal_cost(event.size) + SPOOL_MARGIN_BYTES > spool->max_bytes)
        return error_set(error, STATUS_BUSY, "the spool %s has reached its bound of %" PRIu64 " bytes", spool->folder,
                         spool->max_bytes);
    enum status status = usable(spool, error);
    if (status == STATUS_OK)
        status = journal_append(&spool->journal, SEALED_EVENT, event, error);
    if (status == STATUS_OK)
        spool->backlog.open.events++;
    return status;
}

enum status spool_seal(struct spool *spool, int64_t now_ms, struct error *error)
{
    struct backlog *backlog = &spool->backlog;
    struct spool_batch sealed = backlog->open;
    enum status status = usable(spool, error);
    if (status != STATUS_OK)
        return status;
    ensure(sealed.events > 0);
    sealed.sealed_ms = now_ms;
    status = backlog_reserve(backlog, error);
    if (status == STATUS_OK)
        status = copy_seal(backlog->made + 1, &sealed, &spool->journal, error);
    if (status != STATUS_OK)
        return status;
    backlog_seal(backlog, now_ms, spool->journal.end, &spool->journal.run);
    return spool_sync(spool, error);
}

enum status spool_sync(struct spool *spool, struct error *error)
{
    enum status status = usable(spool, error);
    if (status == STATUS_OK)
        status = journal_sync(&spool->journal, error);
    if (status != STATUS_OK)
        spool->broken = true;
    return status;
}

/* The new file takes the old one's place, in the folder and in the spool. */
static enum status take_over(struct spool *spool, struct journal *fresh, struct error *error)
{
    enum status status = journal_sync(fresh, error);
    if (status == STATUS_OK && rename(fresh->path, spool->journal.path) != 0)
        status = error_errno(error, STATUS_IO, "renaming %s", fresh->path);
    if (status != STATUS_OK)
        return status;
    struct journal old = spool->journal;
    spool->journal = *fresh;
    spool->journal.path = old.path;
    old.path = fresh->path;
    *fresh = old;
    return STATUS_OK;
}

/* Writes what lives from `seq` on to a new file, under `fresh`'s session and numbers. */
static enum status rewrite(struct spool *spool, uint64_t seq, struct backlog *fresh, struct error *error)
{
    char path[PATH_MAX];
    struct journal to;
    snprintf(path, sizeof path, "%s/spool.new", spool->folder);
    enum status status = journal_open(path, spool->key, true, &to, error);
    if (status != STATUS_OK)
        return status;
    status = copy_live(&spool->journal, &spool->backlog, seq, &to, fresh, error);
    if (status == STATUS_OK)
        status = take_over(spool, &to, error);
    journal_close(&to);
    if (status != STATUS_OK) {
        unlink(path);
        backlog_free(fresh);
        return status;
    }
    backlog_free(&spool->backlog);
    spool->backlog = *fresh;
    status = sync_folder(spool, error);
    if (status != STATUS_OK) /* which of the two files a power cut leaves is unknown */
        spool->broken = true;
    return status;
}

static bool worth_rewriting(const struct spool *spool)
{
    const struct backlog *backlog = &spool->backlog;
    if (spool->broken || backlog->dead_bytes == 0)
        return false;
    if (backlog->settled == backlog->made && backlog->open.events == 0)
        return true;
    return backlog->dead_bytes >= DEAD_LEAST_BYTES && backlog->dead_bytes >= spool->max_bytes / 4;
}

enum status spool_settle(struct spool *spool, uint64_t seq, struct error *error)
{
    uint8_t text[SETTLED_BYTES];
    if (seq <= spool->backlog.settled)
        return STATUS_OK;
    backlog_settle(&spool->backlog, seq);
    if (worth_rewriting(spool)) {
        struct backlog fresh = {.settled = seq};
        memcpy(fresh.session, spool->backlog.session, SESSION_BYTES);
        if (rewrite(spool, seq + 1, &fresh, error) == STATUS_OK)
            return STATUS_OK;
    }
    put_u64(text, seq);
    return journal_append(&spool->journal, SEALED_SETTLED, slice_of(text, sizeof text), error);
}

enum status spool_load(struct spool *spool, uint64_t seq, uint8_t **bytes, size_t *size, struct error *error)
{
    const struct backlog *backlog = &spool->backlog;
    const struct spool_batch *batch = seq > backlog->made ? &backlog->open : backlog_at(backlog, seq);
    return copy_load(&spool->journal, batch, bytes, size, error);
}

enum status spool_set_aside(struct spool *spool, uint64_t seq, const char *reason, struct error *error)
{
    char path[PATH_MAX];
    struct journal to;
    struct backlog head = {.settled = seq - 1};
    const struct spool_batch *batch = backlog_at(&spool->backlog, seq);
    memcpy(head.session, spool->backlog.session, SESSION_BYTES);
    snprintf(path, sizeof path, "%s/set-aside", spool->folder);
    enum status status = journal_open(path, spool->key, false, &to, error);
    if (status != STATUS_OK)
        return status;
    size_t length = strnlen(reason, SEALED_TEXT_MAX);
    status = copy_state(&head, &to, error);
    if (status == STATUS_OK)
        status = journal_append(&to, SEALED_NOTE, slice_of(reason, length), error);
    if (status == STATUS_OK)
        status = copy_events(&spool->journal, batch, &to, error);
    if (status == STATUS_OK)
        status = copy_seal(seq, batch, &to, error);
    if (status == STATUS_OK)
        status = journal_sync(&to, error);
    if (status == STATUS_OK)
        status = sync_folder(spool, error);
    journal_close(&to);
    return status;
}

bool spool_expired(const struct spool *spool, int64_t now_ms)
{
    const struct backlog *backlog = &spool->backlog;
    if (backlog->settled == backlog->made)
        return false;
    return backlog_at(backlog, backlog->settled + 1)->sealed_ms < now_ms - SPOOL_MAX_AGE_MS;
}

/* Too old, or within the window of those that may have been sent. */
static bool goes(const struct backlog *backlog, uint64_t seq, int64_t now_ms)
{
    if (seq > backlog->made)
        return false;
    return seq <= backlog->settled + BATCH_MAX_IN_FLIGHT ||
           backlog_at(backlog, seq)->sealed_ms < now_ms - SPOOL_MAX_AGE_MS;
}

enum status spool_renew(struct spool *spool, const uint8_t session[SESSION_BYTES], int64_t now_ms, uint64_t *batches,
                        uint64_t *events, struct error *error)
{
    struct backlog fresh = {0};
    uint64_t seq = spool->backlog.settled + 1, count = 0;
    for (; goes(&spool->backlog, seq, now_ms); seq++) {
        count += backlog_at(&spool->backlog, seq)->events;
        enum status status =
            spool_set_aside(spool, seq, "sealed more than 29 days ago, or sent with one that was", error);
        if (status != STATUS_OK)
            return status;
    }
    uint64_t gone = seq - 1 - spool->backlog.settled;
    memcpy(fresh.session, session, SESSION_BYTES);
    enum status status = rewrite(spool, seq, &fresh, error);
    if (status != STATUS_OK)
        return status;
    *batches = gone;
    *events = count;
    return STATUS_OK;
}
