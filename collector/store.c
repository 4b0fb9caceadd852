#include "collector/store.h"

#include "collector/ballast.h"

#include "common/logline.h"

#include <stdlib.h>
#include <unistd.h>

enum store_presence store_presence(const struct config *config, char **missing)
{
    bool log = rocks_exists(config_text(config, CONFIG_LOG)), vault = rocks_exists(config_text(config, CONFIG_VAULT));
    bool watermark = access(config_text(config, CONFIG_WATERMARK), F_OK) == 0;
    *missing = NULL;
    if (log && vault && watermark)
        return STORE_WHOLE;
    if (!log && !vault && !watermark)
        return STORE_NONE;
    *missing = mem_text("event log %s: %s; vault %s: %s; watermark %s: %s", config_text(config, CONFIG_LOG),
                        log ? "there" : "MISSING", config_text(config, CONFIG_VAULT), vault ? "there" : "MISSING",
                        config_text(config, CONFIG_WATERMARK), watermark ? "there" : "MISSING");
    return STORE_PARTS;
}

static struct watermark_mark mark_of(const struct store *store)
{
    struct logstore_identity identity = eventlog_identity(store->log);
    struct logstore_next next = eventlog_next(store->log);
    struct watermark_mark mark = {.epoch = identity.epoch, .offset = next.offset, .vault_rows = next.vault_rows};
    memcpy(mark.log_id, identity.log_id, LOG_ID_BYTES);
    return mark;
}

static enum status accept_loss(struct store *store, const struct error *loss, struct error *error)
{
    log_alarm("a loss was accepted; readers must rebuild", LOG_TEXT("loss", loss->text));
    return eventlog_accept_loss(store->log, vault_rows(store->vault), error);
}

static enum status check_reach(const struct store *store, const struct watermark_mark *mark, struct error *error)
{
    struct logstore_next next = eventlog_next(store->log);
    if (next.offset < mark->offset)
        return error_set(
            error, STATUS_LOSS,
            "offsets %llu to %llu were acknowledged and are missing from the event log; restore a backup, or "
            "start once with --accept-loss to go on without them",
            (unsigned long long)next.offset, (unsigned long long)mark->offset - 1);
    if (vault_rows(store->vault) < next.vault_rows)
        return error_set(
            error, STATUS_LOSS,
            "the vault has %llu rows, the event log was written with %llu: the vault is older than its log; "
            "restore the vault's latest backup, or start once with --accept-loss",
            (unsigned long long)vault_rows(store->vault), (unsigned long long)next.vault_rows);
    enum status status = eventlog_check_tail(store->log, error);
    if (status == STATUS_CORRUPT) {
        struct error damage = *error;
        error_set(error, status,
                  "%s; restore a backup, or start once with --accept-loss to go on without what is damaged",
                  damage.text);
    }
    return status;
}

/* The epoch may be ahead of the watermark by a renewal that was interrupted; never behind. */
static enum status check_belongs(const struct store *store, const struct watermark_mark *mark, struct error *error)
{
    struct logstore_identity identity = eventlog_identity(store->log);
    if (memcmp(identity.log_id, mark->log_id, LOG_ID_BYTES) == 0 && identity.epoch >= mark->epoch)
        return STATUS_OK;
    return error_set(error, STATUS_FOREIGN,
                     "the watermark belongs to another event log (or a later one): a store was "
                     "exchanged or taken from an old copy; put the right ones side by side");
}

static enum status open_existing(const struct config *config, const struct store_options *options, struct store *store,
                                 struct error *error)
{
    struct watermark_mark mark;
    enum status status = watermark_open(config_text(config, CONFIG_WATERMARK), &store->watermark, &mark, error);
    if (status == STATUS_OK && check_belongs(store, &mark, error) != STATUS_OK)
        status = error_prefix(error, "%s", config_text(config, CONFIG_WATERMARK));
    if (status != STATUS_OK)
        return status;
    status = check_reach(store, &mark, error);
    if ((status == STATUS_LOSS || status == STATUS_CORRUPT) && options->accept_loss) {
        struct error loss = *error;
        status = accept_loss(store, &loss, error);
    }
    if (status != STATUS_OK)
        status = error_prefix(error, "%s", config_text(config, CONFIG_LOG));
    if (status != STATUS_OK)
        return status;
    mark = mark_of(store);
    return watermark_write(store->watermark, &mark, error);
}

static enum status make_watermark(const struct config *config, struct store *store, struct error *error)
{
    struct watermark_mark mark = mark_of(store);
    return watermark_make(config_text(config, CONFIG_WATERMARK), &mark, &store->watermark, error);
}

static enum status open_stores(const struct config *config, const struct store_options *options, enum rocks_mode mode,
                               struct store *store, struct error *error)
{
    _Static_assert((int)LOGSTORE_VAULT_BYTES == (int)VAULT_ID_BYTES, "the log keeps the vault's id");
    struct eventlog_options log_options = {
        .mode = mode,
        .import = config_switch(config, CONFIG_IMPORT),
        .segment_bytes = (uint64_t)config_whole(config, CONFIG_SEGMENT_BYTES),
    };
    enum status status =
        vault_open(config_text(config, CONFIG_VAULT), mode, options->pseudonym_key, &store->vault, error);
    if (status != STATUS_OK)
        return status;
    vault_identity(store->vault, log_options.vault_id);
    return eventlog_open(config_text(config, CONFIG_LOG), &log_options, &store->log, error);
}

/* STATUS_OK: log and vault hold all that was acknowledged before the damage in their write-ahead logs; STATUS_LOSS: not
 * all of it. Changes nothing. */
static enum status look_before_damage(const struct config *config, const struct store_options *options,
                                      struct error *error)
{
    struct store seen = {0};
    struct watermark_mark mark;
    enum status status = open_stores(config, options, ROCKS_READ_CUT, &seen, error);
    if (status == STATUS_OK)
        status = watermark_open(config_text(config, CONFIG_WATERMARK), &seen.watermark, &mark, error);
    if (status == STATUS_OK)
        status = check_reach(&seen, &mark, error);
    store_close(&seen);
    return status;
}

/* A damaged end of a write-ahead log is what a power cut leaves of writes that were never synced. It is let go where
 * everything acknowledged stands before it, or where the loss is accepted; else nothing is touched. */
static enum status open_before_damage(const struct config *config, const struct store_options *options,
                                      struct store *store, struct error *error)
{
    struct error seen;
    enum status status = look_before_damage(config, options, &seen);
    if (status == STATUS_LOSS && !options->accept_loss)
        return error_set(error, STATUS_LOSS, "%s: a write-ahead log is damaged, and before the damage %s",
                         config_home(config), seen.text);
    if (status != STATUS_OK && status != STATUS_LOSS)
        return error->status; /* the damage is elsewhere */
    log_warning("the damaged end of a write-ahead log is let go", LOG_TEXT("damage", error->text));
    return open_stores(config, options, ROCKS_WRITE_CUT, store, error);
}

/* Nothing is written to stores that a newer program wrote. */
static enum status look_formats(const struct config *config, struct error *error)
{
    const char *vault = config_text(config, CONFIG_VAULT), *log = config_text(config, CONFIG_LOG);
    if (rocks_look_format(vault, VAULT_FORMAT, error) != STATUS_OK)
        return error_prefix(error, "the vault %s", vault);
    if (rocks_look_format(log, LOGSTORE_FORMAT, error) != STATUS_OK)
        return error_prefix(error, "the event log %s", log);
    return STATUS_OK;
}

static enum status open_all(const struct config *config, const struct store_options *options, struct store *store,
                            struct error *error)
{
    struct store opened = {0};
    enum status status = open_stores(config, options, options->create ? ROCKS_CREATE : ROCKS_WRITE, &opened, error);
    if (status == STATUS_CORRUPT && !options->create) {
        store_close(&opened);
        status = open_before_damage(config, options, &opened, error);
    }
    if (status == STATUS_OK)
        status =
            options->create ? make_watermark(config, &opened, error) : open_existing(config, options, &opened, error);
    if (status != STATUS_OK)
        store_close(&opened);
    else
        *store = opened;
    return status;
}

enum status store_open(const struct config *config, const struct store_options *options, struct store *store,
                       struct error *error)
{
    enum status status = options->create ? STATUS_OK : look_formats(config, error);
    if (status == STATUS_OK)
        status = open_all(config, options, store, error);
    if (status == STATUS_FULL && !options->create && ballast_give_up(config))
        status = open_all(config, options, store, error);
    return status;
}

enum status store_flush(struct store *store, struct error *error)
{
    enum status status = vault_flush(store->vault, error);
    return status == STATUS_OK ? eventlog_flush(store->log, error) : status;
}

void store_close(struct store *store)
{
    eventlog_close(store->log);
    vault_close(store->vault);
    watermark_close(store->watermark);
    *store = (struct store){0};
}

enum status store_commit(struct store *store, const struct group *group, struct error *error)
{
    enum status status = STATUS_OK;
    if (group->learner_count > 0)
        status = vault_remember(store->vault, group->learners, group->learner_count, error);
    if (status == STATUS_OK)
        status = eventlog_commit(store->log, group, vault_rows(store->vault), error);
    if (status != STATUS_OK)
        return status;
    struct watermark_mark mark = mark_of(store);
    return watermark_write(store->watermark, &mark, error);
}
