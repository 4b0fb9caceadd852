/* postgres - a table without an index, a transaction a batch, over one connection.
 *
 *     copy       COPY FROM STDIN, binary
 *     unnest     one prepared INSERT of six arrays
 *
 * Durable: synchronous_commit=on: the write-ahead log is fsynced before a commit returns. Relaxed: off. */
#include "bench/peers/peer.h"

#include <libpq-fe.h>
#include <math.h>
#include <stdlib.h>

enum {
    COLUMNS = 6
};

struct postgres {
    PGconn *connection;
    bool unnest;
};

static bool is_unnest(const struct peer_settings *settings)
{
    return settings->mode && strcmp(settings->mode, "unnest") == 0;
}

static enum status failed(struct postgres *postgres, struct error *error)
{
    return error_set(error, STATUS_SYSTEM, "postgres: %s", PQerrorMessage(postgres->connection));
}

static enum status done(struct postgres *postgres, PGresult *result, ExecStatusType wanted, struct error *error)
{
    bool good = PQresultStatus(result) == wanted;
    PQclear(result);
    return good ? STATUS_OK : failed(postgres, error);
}

static enum status execute(struct postgres *postgres, const char *sql, struct error *error)
{
    return done(postgres, PQexec(postgres->connection, sql), PGRES_COMMAND_OK, error);
}

static enum status postgres_open(const struct peer_settings *settings, void **state, struct error *error)
{
    struct postgres *postgres = mem_new(1, sizeof *postgres);
    *state = postgres;
    postgres->unnest = is_unnest(settings);
    postgres->connection = PQconnectdb(settings->at);
    if (PQstatus(postgres->connection) != CONNECTION_OK)
        return failed(postgres, error);
    enum status status = execute(postgres,
                                 "CREATE TABLE events (time bigint, learner text, module text, part text,"
                                 " kind smallint, value integer)",
                                 error);
    if (status == STATUS_OK)
        status = execute(postgres, settings->durable ? "SET synchronous_commit = on" : "SET synchronous_commit = off",
                         error);
    if (status != STATUS_OK || !postgres->unnest)
        return status;
    return done(postgres,
                PQprepare(postgres->connection, "put",
                          "INSERT INTO events SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[],"
                          " $5::smallint[], $6::integer[])",
                          COLUMNS, NULL),
                PGRES_COMMAND_OK, error);
}

/* ---- COPY: a header, rows of fields with their sizes, a trailer; big-endian ---- */

static void add_be16(struct peer_bytes *out, uint16_t value)
{
    uint16_t swapped = __builtin_bswap16(value);
    peer_bytes_add(out, &swapped, sizeof swapped);
}

static void add_be32(struct peer_bytes *out, uint32_t value)
{
    uint32_t swapped = __builtin_bswap32(value);
    peer_bytes_add(out, &swapped, sizeof swapped);
}

static void add_text(struct peer_bytes *out, const char *text, size_t size)
{
    add_be32(out, (uint32_t)size);
    peer_bytes_add(out, text, size);
}

static void encode_row(const struct peer_load *load, const struct peer_event *event, struct peer_bytes *out)
{
    const struct peer_content *content = &load->contents[event->content];
    add_be16(out, COLUMNS);
    add_be32(out, 8);
    uint64_t time = __builtin_bswap64((uint64_t)event->time_ms);
    peer_bytes_add(out, &time, sizeof time);
    add_text(out, event->learner, event->learner_size);
    add_text(out, content->text, content->module_size);
    add_text(out, content->text + content->part, (size_t)content->size - content->part);
    add_be32(out, 2);
    add_be16(out, event->kind);
    add_be32(out, 4);
    add_be32(out, event->value);
}

static void encode_copy(const struct peer_load *load, const struct peer_event *events, uint64_t count,
                        struct peer_bytes *out)
{
    static const char header[19] = "PGCOPY\n\377\r\n";
    peer_bytes_add(out, header, sizeof header);
    for (uint64_t i = 0; i < count; i++)
        encode_row(load, &events[i], out);
    add_be16(out, UINT16_MAX);
}

/* ---- unnest: six array literals, each with a NUL; the course's texts need no quotes, but an empty one does ---- */

static void add_element(struct peer_bytes *out, int column, const struct peer_load *load,
                        const struct peer_event *event)
{
    const struct peer_content *content = &load->contents[event->content];
    char text[PEER_CONTENT_BYTES + 3];
    int size = 0;
    switch (column) {
    case 0:
        size = snprintf(text, sizeof text, "%lld", (long long)event->time_ms);
        break;
    case 1:
        size = snprintf(text, sizeof text, "%.*s", event->learner_size, event->learner);
        break;
    case 2:
        size = snprintf(text, sizeof text, "%.*s", content->module_size, content->text);
        break;
    case 3:
        size = snprintf(text, sizeof text, "\"%s\"", content->text + content->part);
        break;
    case 4:
        size = snprintf(text, sizeof text, "%u", event->kind);
        break;
    default:
        size = snprintf(text, sizeof text, "%u", event->value);
    }
    peer_bytes_add(out, text, (size_t)size);
}

static void encode_arrays(const struct peer_load *load, const struct peer_event *events, uint64_t count,
                          struct peer_bytes *out)
{
    for (int column = 0; column < COLUMNS; column++) {
        for (uint64_t i = 0; i < count; i++) {
            peer_bytes_add(out, i == 0 ? "{" : ",", 1);
            add_element(out, column, load, &events[i]);
        }
        peer_bytes_add(out, "}", 2);
    }
}

static void postgres_encode(const struct peer_settings *settings, const struct peer_load *load,
                            const struct peer_event *events, uint64_t count, struct peer_bytes *out)
{
    if (is_unnest(settings))
        encode_arrays(load, events, count, out);
    else
        encode_copy(load, events, count, out);
}

static enum status put_arrays(struct postgres *postgres, struct slice bytes, struct error *error)
{
    const char *values[COLUMNS], *at = (const char *)bytes.data;
    for (int column = 0; column < COLUMNS; column++) {
        values[column] = at;
        at += strlen(at) + 1;
    }
    return done(postgres, PQexecPrepared(postgres->connection, "put", COLUMNS, values, NULL, NULL, 0), PGRES_COMMAND_OK,
                error);
}

static enum status put_copy(struct postgres *postgres, struct slice bytes, struct error *error)
{
    enum {
        PIECE = 1 << 20
    };
    enum status status =
        done(postgres, PQexec(postgres->connection, "COPY events FROM STDIN (FORMAT binary)"), PGRES_COPY_IN, error);
    for (size_t at = 0; status == STATUS_OK && at < bytes.size; at += PIECE) {
        size_t left = bytes.size - at;
        if (PQputCopyData(postgres->connection, (const char *)bytes.data + at, (int)(left < PIECE ? left : PIECE)) != 1)
            status = failed(postgres, error);
    }
    if (status == STATUS_OK && PQputCopyEnd(postgres->connection, NULL) != 1)
        status = failed(postgres, error);
    for (PGresult *result; status == STATUS_OK && (result = PQgetResult(postgres->connection));)
        status = done(postgres, result, PGRES_COMMAND_OK, error);
    return status;
}

static enum status postgres_put(void *state, const struct peer_load *load, const struct peer_batch *batch,
                                struct error *error)
{
    (void)load;
    struct postgres *postgres = state;
    return postgres->unnest ? put_arrays(postgres, batch->bytes, error) : put_copy(postgres, batch->bytes, error);
}

static enum status number(struct postgres *postgres, const char *sql, uint64_t *value, struct error *error)
{
    PGresult *result = PQexec(postgres->connection, sql);
    bool good = PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1;
    if (good)
        *value = strtoull(PQgetvalue(result, 0, 0), NULL, 10);
    PQclear(result);
    return good ? STATUS_OK : failed(postgres, error);
}

static enum status postgres_settle(void *state, uint64_t events, uint64_t *bytes, struct error *error)
{
    struct postgres *postgres = state;
    uint64_t there = 0;
    enum status status = number(postgres, "SELECT count(*) FROM events", &there, error);
    if (status == STATUS_OK && there != events)
        return error_set(error, STATUS_DATA, "postgres holds %llu events of %llu", (unsigned long long)there,
                         (unsigned long long)events);
    if (status == STATUS_OK)
        status = execute(postgres, "VACUUM ANALYZE events", error);
    return status == STATUS_OK ? number(postgres, "SELECT pg_total_relation_size('events')", bytes, error) : status;
}

static const char question[] =
    "WITH active AS (SELECT module, learner, count(*) FILTER (WHERE kind = 0) AS opens,"
    "  sum(least(value, 1800000)) FILTER (WHERE kind = 1) AS dwell FROM events"
    "  WHERE kind <= 1 AND time < $2 AND time + CASE WHEN kind = 1 THEN least(value, 1800000) ELSE 1 END > $1"
    "  GROUP BY module, learner)"
    " SELECT module, count(*), sum(opens), percentile_cont(0.5) WITHIN GROUP (ORDER BY dwell) FROM active"
    " GROUP BY module";

static enum status postgres_ask(void *state, int64_t from_ms, int64_t to_ms, struct peer_answers *answers,
                                struct error *error)
{
    struct postgres *postgres = state;
    char from[24], to[24];
    snprintf(from, sizeof from, "%lld", (long long)from_ms);
    snprintf(to, sizeof to, "%lld", (long long)to_ms);
    const char *values[] = {from, to};
    static const Oid bigint[] = {20, 20};
    PGresult *result = PQexecParams(postgres->connection, question, 2, bigint, values, NULL, NULL, 0);
    enum status status = PQresultStatus(result) == PGRES_TUPLES_OK ? STATUS_OK : failed(postgres, error);
    for (int i = 0; status == STATUS_OK && i < PQntuples(result); i++) {
        struct peer_answer *answer = peer_answer(answers, PQgetvalue(result, i, 0), (size_t)PQgetlength(result, i, 0));
        if (!answer) {
            status = error_set(error, STATUS_DATA, "postgres: more than %u modules", PEER_MAX_MODULES);
            break;
        }
        answer->learners = strtoull(PQgetvalue(result, i, 1), NULL, 10);
        answer->opens = strtoull(PQgetvalue(result, i, 2), NULL, 10);
        answer->median_ms = PQgetisnull(result, i, 3) ? NAN : strtod(PQgetvalue(result, i, 3), NULL);
    }
    PQclear(result);
    return status;
}

static void postgres_close(void *state)
{
    struct postgres *postgres = state;
    PQfinish(postgres->connection);
    free(postgres);
}

int main(int argc, char **argv)
{
    static const struct peer peer = {.name = "postgres",
                                     .at = "a connection string of libpq",
                                     .modes = "copy unnest",
                                     .open = postgres_open,
                                     .encode = postgres_encode,
                                     .put = postgres_put,
                                     .settle = postgres_settle,
                                     .ask = postgres_ask,
                                     .close = postgres_close};
    return peer_main(&peer, argc, argv);
}
