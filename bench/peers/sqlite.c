/* sqlite - a table in one file, through the library, prepared statements, a transaction a batch.
 *
 * Durable: WAL, synchronous=FULL: fsync of the log at each commit. Relaxed: synchronous=OFF. No index: faster to fill,
 * and the question reads everything anyway. */
#include "bench/peers/peer.h"

#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>

struct sqlite {
    sqlite3 *db;
    sqlite3_stmt *insert;
};

static enum status failed(struct sqlite *sqlite, struct error *error)
{
    return error_set(error, STATUS_SYSTEM, "sqlite: %s", sqlite3_errmsg(sqlite->db));
}

static enum status execute(struct sqlite *sqlite, const char *sql, struct error *error)
{
    return sqlite3_exec(sqlite->db, sql, NULL, NULL, NULL) == SQLITE_OK ? STATUS_OK : failed(sqlite, error);
}

static enum status sqlite_open(const struct peer_settings *settings, void **state, struct error *error)
{
    struct sqlite *sqlite = mem_new(1, sizeof *sqlite);
    *state = sqlite;
    char *path = mem_text("%s/events.sqlite", settings->at);
    int result = sqlite3_open(path, &sqlite->db);
    free(path);
    if (result != SQLITE_OK)
        return failed(sqlite, error);
    enum status status = execute(sqlite,
                                 "PRAGMA journal_mode=WAL; PRAGMA cache_size=-1000000; PRAGMA mmap_size=8589934592;"
                                 "PRAGMA wal_autocheckpoint=16384; PRAGMA temp_store=MEMORY; PRAGMA threads=2;"
                                 "CREATE TABLE events (time INTEGER, learner TEXT, module TEXT, part TEXT,"
                                 " kind INTEGER, value INTEGER);",
                                 error);
    if (status == STATUS_OK)
        status = execute(sqlite, settings->durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=OFF", error);
    if (status != STATUS_OK)
        return status;
    result = sqlite3_prepare_v2(sqlite->db, "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?)", -1, &sqlite->insert, NULL);
    return result == SQLITE_OK ? STATUS_OK : failed(sqlite, error);
}

static enum status insert(struct sqlite *sqlite, const struct peer_load *load, const struct peer_event *event,
                          struct error *error)
{
    const struct peer_content *content = &load->contents[event->content];
    sqlite3_bind_int64(sqlite->insert, 1, event->time_ms);
    sqlite3_bind_text(sqlite->insert, 2, event->learner, event->learner_size, SQLITE_STATIC);
    sqlite3_bind_text(sqlite->insert, 3, content->text, content->module_size, SQLITE_STATIC);
    sqlite3_bind_text(sqlite->insert, 4, content->text + content->part, content->size - content->part, SQLITE_STATIC);
    sqlite3_bind_int(sqlite->insert, 5, event->kind);
    sqlite3_bind_int64(sqlite->insert, 6, event->value);
    int result = sqlite3_step(sqlite->insert);
    sqlite3_reset(sqlite->insert);
    return result == SQLITE_DONE ? STATUS_OK : failed(sqlite, error);
}

static enum status sqlite_put(void *state, const struct peer_load *load, const struct peer_batch *batch,
                              struct error *error)
{
    struct sqlite *sqlite = state;
    enum status status = execute(sqlite, "BEGIN", error);
    for (uint64_t i = 0; status == STATUS_OK && i < batch->count; i++)
        status = insert(sqlite, load, &batch->events[i], error);
    return status == STATUS_OK ? execute(sqlite, "COMMIT", error) : status;
}

static enum status number(struct sqlite *sqlite, const char *sql, uint64_t *value, struct error *error)
{
    sqlite3_stmt *ask;
    if (sqlite3_prepare_v2(sqlite->db, sql, -1, &ask, NULL) != SQLITE_OK)
        return failed(sqlite, error);
    bool got = sqlite3_step(ask) == SQLITE_ROW;
    if (got)
        *value = (uint64_t)sqlite3_column_int64(ask, 0);
    sqlite3_finalize(ask);
    return got ? STATUS_OK : failed(sqlite, error);
}

static enum status sqlite_settle(void *state, uint64_t events, uint64_t *bytes, struct error *error)
{
    struct sqlite *sqlite = state;
    uint64_t there = 0;
    enum status status = number(sqlite, "SELECT count(*) FROM events", &there, error);
    if (status == STATUS_OK && there != events)
        return error_set(error, STATUS_DATA, "sqlite holds %llu events of %llu", (unsigned long long)there,
                         (unsigned long long)events);
    if (status == STATUS_OK)
        status = execute(sqlite, "PRAGMA wal_checkpoint(TRUNCATE)", error);
    if (status == STATUS_OK)
        status = number(sqlite, "SELECT page_count * page_size FROM pragma_page_count, pragma_page_size", bytes, error);
    return status;
}

static const char question[] =
    "WITH active AS MATERIALIZED (SELECT module, learner, sum(kind = 0) AS opens,"
    "  sum(min(value, 1800000)) FILTER (WHERE kind = 1) AS dwell FROM events"
    "  WHERE kind <= 1 AND time < ?2 AND time + iif(kind = 1, min(value, 1800000), 1) > ?1 GROUP BY module, learner),"
    " ranked AS (SELECT module, learner, opens, dwell, row_number() OVER (PARTITION BY module ORDER BY dwell) AS at,"
    "  count(*) OVER (PARTITION BY module) AS learners, count(dwell) OVER (PARTITION BY module) AS many FROM active)"
    /* those without dwell come first */
    " SELECT module, count(*), sum(opens),"
    "  avg(dwell) FILTER (WHERE at - (learners - many) IN ((many + 1) / 2, (many + 2) / 2))"
    " FROM ranked GROUP BY module";

static enum status sqlite_ask(void *state, int64_t from_ms, int64_t to_ms, struct peer_answers *answers,
                              struct error *error)
{
    struct sqlite *sqlite = state;
    sqlite3_stmt *ask;
    if (sqlite3_prepare_v2(sqlite->db, question, -1, &ask, NULL) != SQLITE_OK)
        return failed(sqlite, error);
    sqlite3_bind_int64(ask, 1, from_ms);
    sqlite3_bind_int64(ask, 2, to_ms);
    int result;
    while ((result = sqlite3_step(ask)) == SQLITE_ROW) {
        struct peer_answer *answer =
            peer_answer(answers, (const char *)sqlite3_column_text(ask, 0), (size_t)sqlite3_column_bytes(ask, 0));
        if (!answer)
            break;
        answer->learners = (uint64_t)sqlite3_column_int64(ask, 1);
        answer->opens = (uint64_t)sqlite3_column_int64(ask, 2);
        answer->median_ms = sqlite3_column_type(ask, 3) == SQLITE_NULL ? NAN : sqlite3_column_double(ask, 3);
    }
    enum status status = result == SQLITE_DONE ? STATUS_OK : failed(sqlite, error);
    sqlite3_finalize(ask);
    return status;
}

static void sqlite_close(void *state)
{
    struct sqlite *sqlite = state;
    sqlite3_finalize(sqlite->insert);
    sqlite3_close(sqlite->db);
    free(sqlite);
}

int main(int argc, char **argv)
{
    static const struct peer peer = {.name = "sqlite",
                                     .at = "an empty folder",
                                     .open = sqlite_open,
                                     .put = sqlite_put,
                                     .settle = sqlite_settle,
                                     .ask = sqlite_ask,
                                     .close = sqlite_close};
    return peer_main(&peer, argc, argv);
}
