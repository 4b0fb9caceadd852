/* Defences switched off, where that cannot be done on the disk's side (rocks.c, calls.c). */
#include "tests/simulator/actors.h"

#include "collector/store.h"
#include "common/logstore.h"
#include "tests/simulator/files.h"
#include "tests/simulator/stores.h"

static struct rows *sessions; /* as they were with the last write that did not fail */

void mutants_free(void)
{
    rows_release(sessions);
    sessions = NULL;
}

static void keep_sessions(void)
{
    struct disk_store *log = disk_store_at(FILES_ROOT "/server/data/log");
    struct rows *now = store_family_named(log, LOGSTORE_SESSIONS)->now;
    rows_release(sessions);
    sessions = rows_hold(now);
}

enum status __real_watermark_open(const char *path, struct watermark **watermark, struct watermark_mark *mark,
                                  struct error *error);
enum status __wrap_watermark_open(const char *path, struct watermark **watermark, struct watermark_mark *mark,
                                  struct error *error);
enum status __wrap_watermark_open(const char *path, struct watermark **watermark, struct watermark_mark *mark,
                                  struct error *error)
{
    enum status status = __real_watermark_open(path, watermark, mark, error);
    if (status == STATUS_OK && world.mutant == MUTANT_NO_WATERMARK)
        mark->offset = 0;
    return status;
}

enum status __real_store_commit(struct store *store, const struct group *group, struct error *error);
enum status __wrap_store_commit(struct store *store, const struct group *group, struct error *error);
enum status __wrap_store_commit(struct store *store, const struct group *group, struct error *error)
{
    enum status status = __real_store_commit(store, group, error);
    if (status == STATUS_OK && world.mutant == MUTANT_FAILED_IS_LOST)
        keep_sessions();
    return status;
}

enum status __real_eventlog_rows(struct eventlog *log, enum eventlog_table table, eventlog_row_fn each, void *argument,
                                 struct error *error);
enum status __wrap_eventlog_rows(struct eventlog *log, enum eventlog_table table, eventlog_row_fn each, void *argument,
                                 struct error *error);
enum status __wrap_eventlog_rows(struct eventlog *log, enum eventlog_table table, eventlog_row_fn each, void *argument,
                                 struct error *error)
{
    if (world.mutant != MUTANT_FAILED_IS_LOST || table != EVENTLOG_SESSIONS || !sessions)
        return __real_eventlog_rows(log, table, each, argument, error);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < sessions->count && status == STATUS_OK; i++)
        status = each(rows_key(sessions, i), rows_value(sessions, i), argument, error);
    return status;
}
