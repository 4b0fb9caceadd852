/* duckdb - a table in a database of its own, in this process, the appender with whole chunks, a transaction a batch.
 *
 * Durable, always: a commit fsyncs the write-ahead log, or, for a batch of a row group (122,880) and more, the file. */
#include "bench/peers/duck.h"

#include <unistd.h>

static enum status duckdb_peer_open(const struct peer_settings *settings, void **state, struct error *error)
{
    struct duck *duck;
    if (!settings->durable)
        return error_set(error, STATUS_USAGE, "DuckDB syncs each commit: no --relaxed");
    enum status status = duck_open(settings->at, (unsigned)sysconf(_SC_NPROCESSORS_ONLN), &duck, error);
    if (status != STATUS_OK)
        return status;
    *state = duck;
    return duck_make_table(duck, error);
}

static enum status duckdb_peer_put(void *state, const struct peer_load *load, const struct peer_batch *batch,
                                   struct error *error)
{
    return duck_append(state, load, batch->events, batch->count, error);
}

static enum status duckdb_peer_settle(void *state, uint64_t events, uint64_t *bytes, struct error *error)
{
    uint64_t there = 0;
    enum status status = duck_number(state, "SELECT count(*) FROM events", &there, error);
    if (status == STATUS_OK && there != events)
        return error_set(error, STATUS_DATA, "duckdb holds %llu events of %llu", (unsigned long long)there,
                         (unsigned long long)events);
    if (status == STATUS_OK)
        status = duck_execute(state, "CHECKPOINT", error);
    return status == STATUS_OK
               ? duck_number(state, "SELECT (total_blocks * block_size)::BIGINT FROM pragma_database_size()", bytes,
                             error)
               : status;
}

static enum status duckdb_peer_ask(void *state, int64_t from_ms, int64_t to_ms, struct peer_answers *answers,
                                   struct error *error)
{
    return duck_ask(state, from_ms, to_ms, answers, error);
}

static void duckdb_peer_close(void *state)
{
    duck_close(state);
}

int main(int argc, char **argv)
{
    static const struct peer peer = {.name = "duckdb",
                                     .at = "an empty folder",
                                     .open = duckdb_peer_open,
                                     .put = duckdb_peer_put,
                                     .settle = duckdb_peer_settle,
                                     .ask = duckdb_peer_ask,
                                     .close = duckdb_peer_close};
    return peer_main(&peer, argc, argv);
}
