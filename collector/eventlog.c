#include "collector/eventlog_inner.h"

#include <sodium.h>
#include <stdlib.h>
#include <time.h>

enum {
    WRITE_BUFFER_BYTES = 16 << 20,
    CACHE_BYTES = 16 << 20,
    TABLE_BLOCK_BYTES = 64 << 10,
    COMPRESSION_LEVEL = 1,
};

/* ---- opening ---- */

static enum status add_segment(struct eventlog *log, uint64_t first_offset, struct rocks_family *family)
{
    pthread_mutex_lock(&log->lock);
    log->segments = mem_grow(log->segments, log->segment_count + 1, sizeof *log->segments);
    uint32_t at = log->segment_count++;
    for (; at > 0 && log->segments[at - 1].first_offset > first_offset; at--)
        log->segments[at] = log->segments[at - 1];
    log->segments[at] = (struct logread_segment){first_offset, family};
    pthread_mutex_unlock(&log->lock);
    return STATUS_OK;
}

static enum status find_families(struct eventlog *log, struct error *error)
{
    log->defaults = rocks_family(log->store, "default");
    log->learners = rocks_family(log->store, LOGSTORE_LEARNERS);
    log->sessions = rocks_family(log->store, LOGSTORE_SESSIONS);
    if (!log->learners || !log->sessions)
        return error_set(error, STATUS_FOREIGN, "it lacks the families of an event log: another store stands there");
    for (size_t i = 0; i < rocks_family_count(log->store); i++) {
        struct rocks_family *family = rocks_family_at(log->store, i);
        uint64_t first_offset;
        if (logstore_segment_parse(rocks_family_name(family), &first_offset))
            add_segment(log, first_offset, family);
    }
    return STATUS_OK;
}

static void put_default(struct eventlog *log, const char *key, const void *value, size_t size)
{
    rocks_batch_put(log->batch, log->defaults, slice_of_text(key), slice_of(value, size));
}

void eventlog_put_identity(struct eventlog *log, const struct logstore_identity *identity)
{
    uint8_t bytes[LOGSTORE_IDENTITY_BYTES];
    logstore_identity_write(identity, bytes);
    put_default(log, "identity", bytes, sizeof bytes);
}

void eventlog_put_next(struct eventlog *log, const struct logstore_next *next)
{
    uint8_t bytes[LOGSTORE_NEXT_BYTES];
    logstore_next_write(next, bytes);
    put_default(log, "next", bytes, sizeof bytes);
}

void eventlog_put_loss(struct eventlog *log, const struct loss *loss)
{
    uint8_t key[LOGSTORE_LOSS_KEY_BYTES] = LOGSTORE_LOST, next[8];
    put_be64(key + sizeof key - 8, loss->first);
    put_be64(next, loss->next);
    rocks_batch_put(log->batch, log->defaults, slice_of(key, sizeof key), slice_of(next, sizeof next));
}

void eventlog_add_loss(struct eventlog *log, const struct loss *loss)
{
    log->losses = mem_grow(log->losses, log->loss_count + 1, sizeof *log->losses);
    log->losses[log->loss_count++] = *loss;
}

static enum status write_first(struct eventlog *log, struct error *error)
{
    uint8_t format[4];
    put_u32(format, LOGSTORE_FORMAT);
    randombytes_buf(log->identity.log_id, LOG_ID_BYTES);
    log->identity.epoch = 1;
    rocks_batch_clear(log->batch);
    put_default(log, "format", format, sizeof format);
    put_default(log, "vault", log->vault_id, sizeof log->vault_id);
    eventlog_put_identity(log, &log->identity);
    eventlog_put_next(log, &log->next);
    enum status status = rocks_write(log->store, log->batch, true, error);
    /* In a table file, so that who it is does not hang on its write-ahead log. */
    return status == STATUS_OK ? rocks_flush(log->store, error) : status;
}

typedef enum status (*row_fn)(struct eventlog *log, struct slice value, struct error *error);

static enum status take_format(struct eventlog *log, struct slice value, struct error *error)
{
    (void)log;
    return logstore_format_check(value, error);
}

static enum status take_identity(struct eventlog *log, struct slice value, struct error *error)
{
    return logstore_identity_read(value, &log->identity, error);
}

static enum status take_next(struct eventlog *log, struct slice value, struct error *error)
{
    return logstore_next_read(value, &log->next, error);
}

static enum status take_vault(struct eventlog *log, struct slice value, struct error *error)
{
    if (log->look && value.size == sizeof log->vault_id)
        memcpy(log->vault_id, value.data, sizeof log->vault_id);
    if (value.size == sizeof log->vault_id && memcmp(value.data, log->vault_id, sizeof log->vault_id) == 0)
        return STATUS_OK;
    return error_set(
        error, STATUS_FOREIGN,
        "it was written with another vault: one of the two was exchanged; put the right ones side by side");
}

static enum status take_import(struct eventlog *log, struct slice value, struct error *error)
{
    (void)error;
    log->import = value.size == 1 && value.data[0] == 1;
    return STATUS_OK;
}

static enum status read_default(struct eventlog *log, const char *key, row_fn take, struct error *error)
{
    struct rocks_value value = {.bytes = {NULL, 0}};
    bool found;
    enum status status = rocks_get(log->store, log->defaults, slice_of_text(key), &found, &value, error);
    if (status != STATUS_OK)
        return status;
    status = take(log, found ? value.bytes : slice_of(NULL, 0), error);
    if (found)
        rocks_value_close(&value);
    return status;
}

/* What was accepted as lost. */
static enum status read_losses(struct eventlog *log, struct error *error)
{
    struct rocks_iterator *iterator = rocks_iterator_open(log->store, log->defaults);
    for (rocks_iterator_seek(iterator, slice_of_text(LOGSTORE_LOST)); rocks_iterator_valid(iterator);
         rocks_iterator_next(iterator)) {
        struct slice key = rocks_iterator_key(iterator), next = rocks_iterator_value(iterator);
        if (key.size != LOGSTORE_LOSS_KEY_BYTES || memcmp(key.data, LOGSTORE_LOST, strlen(LOGSTORE_LOST)) != 0 ||
            next.size != 8)
            break;
        eventlog_add_loss(log, &(struct loss){get_be64(key.data + key.size - 8), get_be64(next.data)});
    }
    enum status status = rocks_iterator_status(iterator, error);
    rocks_iterator_close(iterator);
    return status;
}

static enum status read_first(struct eventlog *log, struct error *error)
{
    enum status status = read_default(log, "format", take_format, error);
    if (status == STATUS_OK)
        status = read_default(log, "identity", take_identity, error);
    if (status == STATUS_OK)
        status = read_default(log, "vault", take_vault, error);
    if (status == STATUS_OK)
        status = read_default(log, "next", take_next, error);
    if (status == STATUS_OK)
        status = read_default(log, "import", take_import, error);
    if (status == STATUS_OK)
        status = read_losses(log, error);
    return status;
}

static enum status mark_import(struct eventlog *log, struct error *error)
{
    log->import = true;
    rocks_batch_clear(log->batch);
    put_default(log, "import", "\1", 1);
    return rocks_write(log->store, log->batch, true, error);
}

static enum status open_store(struct eventlog *log, const char *path, const struct eventlog_options *options,
                              struct error *error)
{
    static const char *const families[] = {LOGSTORE_LEARNERS, LOGSTORE_SESSIONS};
    struct rocks_options rocks = {
        .mode = options->mode,
        .beside_writer = options->mode == ROCKS_READ_ONLY,
        .write_buffer_bytes = WRITE_BUFFER_BYTES,
        .cache_bytes = CACHE_BYTES,
        .max_wal_bytes = EVENTLOG_MAX_WAL_BYTES,
        .block_bytes = TABLE_BLOCK_BYTES,
        .compression_level = COMPRESSION_LEVEL,
        .first_keys = true,
        .sync_bytes = 64 << 10, /* a commit syncs beside it */
        .open_files =
            options->mode == ROCKS_READ_ONLY ? 0 : EVENTLOG_OPEN_FILES, /* the writer deletes what it merged */
    };
    enum status status = rocks_open(path, &rocks, families, ARRAY_COUNT(families), &log->store, error);
    if (status == STATUS_OK)
        status = find_families(log, error);
    /* What an earlier process wrote and did not live to sync is read back like the rest, and no later sync of the
     * write-ahead log reaches it: it is written out before anybody is told that it is stored. */
    if (status == STATUS_OK && rocks.mode == ROCKS_WRITE)
        status = rocks_flush(log->store, error);
    if (status == STATUS_OK)
        status = options->mode == ROCKS_CREATE ? write_first(log, error) : read_first(log, error);
    if (status == STATUS_OK && options->import && !log->import && options->mode != ROCKS_READ_CUT)
        status = mark_import(log, error);
    return status;
}

enum status eventlog_open(const char *path, const struct eventlog_options *options, struct eventlog **log,
                          struct error *error)
{
    struct eventlog *opened = mem_new(1, sizeof *opened);
    pthread_mutex_init(&opened->lock, NULL);
    opened->batch = rocks_batch_open();
    opened->segment_bytes = options->segment_bytes;
    memcpy(opened->vault_id, options->vault_id, sizeof opened->vault_id);
    opened->look = options->mode == ROCKS_READ_ONLY;
    opened->last_month = -1;
    enum status status = open_store(opened, path, options, error);
    if (status != STATUS_OK) {
        eventlog_close(opened);
        return error_prefix(error, "the event log %s", path);
    }
    *log = opened;
    return STATUS_OK;
}

void eventlog_close(struct eventlog *log)
{
    if (!log)
        return;
    rocks_batch_close(log->batch);
    if (log->store)
        rocks_close(log->store);
    pthread_mutex_destroy(&log->lock);
    free(log->segments);
    free(log->losses);
    free(log->record);
    free(log);
}

void eventlog_limit(struct eventlog *log, uint64_t segment_bytes)
{
    pthread_mutex_lock(&log->lock);
    log->segment_bytes = segment_bytes;
    pthread_mutex_unlock(&log->lock);
}

static uint64_t segment_bytes(struct eventlog *log)
{
    pthread_mutex_lock(&log->lock);
    uint64_t bytes = log->segment_bytes;
    pthread_mutex_unlock(&log->lock);
    return bytes;
}

enum status eventlog_flush(struct eventlog *log, struct error *error)
{
    enum status status = rocks_flush(log->store, error);
    return status == STATUS_OK ? status : error_prefix(error, "the event log");
}

struct logstore_identity eventlog_identity(const struct eventlog *log)
{
    return log->identity;
}

struct logstore_next eventlog_next(const struct eventlog *log)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)(uintptr_t)&log->lock;
    pthread_mutex_lock(lock);
    struct logstore_next next = log->next;
    pthread_mutex_unlock(lock);
    return next;
}

bool eventlog_import(const struct eventlog *log)
{
    return log->import;
}

bool eventlog_is_of(const struct eventlog *log, const uint8_t vault_id[LOGSTORE_VAULT_BYTES])
{
    return memcmp(log->vault_id, vault_id, sizeof log->vault_id) == 0;
}

/* ---- appending ---- */

int eventlog_month(int64_t time_ms)
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm utc;
    gmtime_r(&seconds, &utc);
    return utc.tm_year * 12 + utc.tm_mon;
}

/* The family that the next record goes to: the last segment, or a new one at the end of a month or at its size. */
static enum status current_segment(struct eventlog *log, int64_t now_ms, struct rocks_family **family,
                                   struct error *error)
{
    char name[LOGSTORE_SEGMENT_NAME_BYTES];
    int month = eventlog_month(now_ms);
    bool same_month = log->last_month == -1 || log->last_month == month;
    if (log->segment_count > 0 && same_month && log->last_bytes < segment_bytes(log)) {
        log->last_month = month;
        *family = log->segments[log->segment_count - 1].family;
        return STATUS_OK;
    }
    logstore_segment_name(log->next.offset, name);
    enum status status = rocks_family_make(log->store, name, family, error);
    if (status != STATUS_OK)
        return status;
    log->last_month = month;
    log->last_bytes = 0;
    return add_segment(log, log->next.offset, *family);
}

static enum status put_record(struct eventlog *log, const struct group *group, const struct logstore_next *next,
                              struct error *error)
{
    struct block_columns columns;
    struct rocks_family *family;
    struct record_header header = {
        .epoch = log->identity.epoch,
        .first_offset = log->next.offset,
        .vault_rows = next->vault_rows,
        .learners = next->learners,
    };
    uint8_t key[8];
    memcpy(header.log_id, log->identity.log_id, LOG_ID_BYTES);
    group_columns(group, &columns);
    enum status status = current_segment(log, group->received_ms, &family, error);
    if (status != STATUS_OK)
        return status;
    size_t bound = block_bound(&columns);
    if (bound > log->record_room) {
        log->record = mem_grow(log->record, bound, 1);
        log->record_room = bound;
    }
    size_t size = block_encode(&header, &columns, log->record);
    put_be64(key, header.first_offset);
    rocks_batch_put(log->batch, family, slice_of(key, sizeof key), slice_of(log->record, size));
    log->last_bytes += size;
    return STATUS_OK;
}

/* Numbers follow on each other in the order of the group's new learners. */
static uint32_t put_learners(struct eventlog *log, const struct group *group)
{
    uint32_t expected = log->next.learners;
    for (uint32_t i = 0; i < group->learner_count; i++) {
        const struct vault_row *row = &group->learners[i];
        uint8_t number_key[LOGSTORE_NUMBER_KEY_BYTES], lid_key[LOGSTORE_LID_KEY_BYTES], number[4];
        if (!row->new_number)
            continue;
        ensure(row->number == expected);
        expected++;
        logstore_number_key(row->number, number_key);
        logstore_lid_key(row->lid, lid_key);
        put_be32(number, row->number);
        rocks_batch_put(log->batch, log->learners, slice_of(number_key, sizeof number_key),
                        slice_of(row->lid, LID_BYTES));
        rocks_batch_put(log->batch, log->learners, slice_of(lid_key, sizeof lid_key), slice_of(number, sizeof number));
    }
    return expected;
}

static void put_sessions(struct eventlog *log, const struct group *group)
{
    for (uint32_t i = 0; i < group->expired_count; i++)
        rocks_batch_delete(log->batch, log->sessions, slice_of(group->expired[i].key, group->expired[i].key_size));
    for (uint32_t i = 0; i < group->row_count; i++)
        rocks_batch_put(log->batch, log->sessions, group->rows[i].key, group->rows[i].value);
}

enum status eventlog_commit(struct eventlog *log, const struct group *group, uint64_t vault_rows, struct error *error)
{
    enum status status = STATUS_OK;
    rocks_batch_clear(log->batch);
    struct logstore_next next = {
        .offset = log->next.offset + group->event_count,
        .learners = put_learners(log, group),
        .vault_rows = vault_rows,
    };
    if (group->event_count > 0)
        status = put_record(log, group, &next, error);
    if (status == STATUS_OK) {
        put_sessions(log, group);
        eventlog_put_next(log, &next);
        status = rocks_write(log->store, log->batch, true, error);
    }
    if (status != STATUS_OK)
        return error_prefix(error, "the event log");
    pthread_mutex_lock(&log->lock);
    log->next = next;
    pthread_mutex_unlock(&log->lock);
    return STATUS_OK;
}
