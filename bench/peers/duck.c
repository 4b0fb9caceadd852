#include "bench/peers/duck.h"

#include "bench/peers/duck_api.h"

#include <math.h>
#include <stdlib.h>

enum {
    COLUMNS = 6
};

struct duck {
    duckdb_database database;
    duckdb_connection connection;
    duckdb_appender appender;
    duckdb_data_chunk chunk;
};

const char *duck_version(void)
{
    return duckdb_library_version();
}

void duck_close(struct duck *duck)
{
    if (!duck)
        return;
    if (duck->appender)
        duckdb_appender_destroy(&duck->appender);
    if (duck->chunk)
        duckdb_destroy_data_chunk(&duck->chunk);
    if (duck->connection)
        duckdb_disconnect(&duck->connection);
    if (duck->database)
        duckdb_close(&duck->database);
    free(duck);
}

static enum status query(struct duck *duck, const char *sql, duckdb_result *result, struct error *error)
{
    if (duckdb_query(duck->connection, sql, result) == DUCKDB_SUCCESS)
        return STATUS_OK;
    enum status status = error_set(error, STATUS_DATA, "duckdb: %s", duckdb_result_error(result));
    duckdb_destroy_result(result);
    return status;
}

enum status duck_execute(struct duck *duck, const char *sql, struct error *error)
{
    duckdb_result result;
    enum status status = query(duck, sql, &result, error);
    if (status == STATUS_OK)
        duckdb_destroy_result(&result);
    return status;
}

enum status duck_open(const char *folder, unsigned threads, struct duck **duck, struct error *error)
{
    struct duck *made = mem_new(1, sizeof *made);
    char *path = mem_text("%s/events.duckdb", folder);
    int opened = duckdb_open(path, &made->database);
    free(path);
    enum status status = STATUS_OK;
    if (opened != DUCKDB_SUCCESS || duckdb_connect(made->database, &made->connection) != DUCKDB_SUCCESS)
        status = error_set(error, STATUS_CANNOT_MAKE, "%s/events.duckdb: duckdb cannot open it", folder);
    char *sql = mem_text("SET threads = %u; SET temp_directory = '%s/spill'", threads, folder);
    if (status == STATUS_OK)
        status = duck_execute(made, sql, error);
    free(sql);
    if (status == STATUS_OK)
        *duck = made;
    else
        duck_close(made);
    return status;
}

enum status duck_number(struct duck *duck, const char *sql, uint64_t *number, struct error *error)
{
    duckdb_result result;
    enum status status = query(duck, sql, &result, error);
    if (status != STATUS_OK)
        return status;
    duckdb_data_chunk chunk = duckdb_fetch_chunk(result);
    if (chunk && duckdb_data_chunk_get_size(chunk) == 1)
        *number = *(const uint64_t *)duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
    else
        status = error_set(error, STATUS_DATA, "duckdb: no number comes of %s", sql);
    duckdb_destroy_data_chunk(&chunk);
    duckdb_destroy_result(&result);
    return status;
}

/* ---- filling ---- */

enum status duck_make_table(struct duck *duck, struct error *error)
{
    static const int types[COLUMNS] = {DUCKDB_BIGINT,  DUCKDB_VARCHAR,  DUCKDB_VARCHAR,
                                       DUCKDB_VARCHAR, DUCKDB_UTINYINT, DUCKDB_UINTEGER};
    enum status status = duck_execute(duck,
                                      "CREATE TABLE events (time BIGINT, learner VARCHAR, module VARCHAR, part VARCHAR,"
                                      " kind UTINYINT, value UINTEGER)",
                                      error);
    if (status != STATUS_OK)
        return status;
    duckdb_logical_type made[COLUMNS];
    for (int i = 0; i < COLUMNS; i++)
        made[i] = duckdb_create_logical_type(types[i]);
    duck->chunk = duckdb_create_data_chunk(made, COLUMNS);
    for (int i = 0; i < COLUMNS; i++)
        duckdb_destroy_logical_type(&made[i]);
    if (duckdb_appender_create(duck->connection, NULL, "events", &duck->appender) != DUCKDB_SUCCESS)
        return error_set(error, STATUS_DATA, "duckdb: no appender");
    return STATUS_OK;
}

static void fill_chunk(struct duck *duck, const struct peer_load *load, const struct peer_event *events, uint64_t count)
{
    duckdb_vector vectors[COLUMNS];
    void *data[COLUMNS];
    duckdb_data_chunk_reset(duck->chunk);
    for (unsigned i = 0; i < COLUMNS; i++) {
        vectors[i] = duckdb_data_chunk_get_vector(duck->chunk, i);
        data[i] = duckdb_vector_get_data(vectors[i]);
    }
    for (uint64_t i = 0; i < count; i++) {
        const struct peer_event *event = &events[i];
        const struct peer_content *content = &load->contents[event->content];
        ((int64_t *)data[0])[i] = event->time_ms;
        duckdb_vector_assign_string_element_len(vectors[1], i, event->learner, event->learner_size);
        duckdb_vector_assign_string_element_len(vectors[2], i, content->text, content->module_size);
        duckdb_vector_assign_string_element_len(vectors[3], i, content->text + content->part,
                                                (uint64_t)content->size - content->part);
        ((uint8_t *)data[4])[i] = event->kind;
        ((uint32_t *)data[5])[i] = event->value;
    }
    duckdb_data_chunk_set_size(duck->chunk, count);
}

enum status duck_append(struct duck *duck, const struct peer_load *load, const struct peer_event *events,
                        uint64_t count, struct error *error)
{
    uint64_t most = duckdb_vector_size();
    for (uint64_t first = 0; first < count; first += most) {
        uint64_t left = count - first;
        fill_chunk(duck, load, events + first, left < most ? left : most);
        if (duckdb_append_data_chunk(duck->appender, duck->chunk) != DUCKDB_SUCCESS)
            return error_set(error, STATUS_DATA, "duckdb: %s", duckdb_appender_error(duck->appender));
    }
    if (duckdb_appender_flush(duck->appender) != DUCKDB_SUCCESS)
        return error_set(error, STATUS_DATA, "duckdb: %s", duckdb_appender_error(duck->appender));
    return STATUS_OK;
}

/* ---- asking ---- */

/* The times stand twice: as the question has them, and as a bound on the column alone, which lets whole stretches of the
 * table be passed over. */
static const char question[] =
    "SELECT module, count(*)::BIGINT, sum(opens)::BIGINT, quantile_cont(dwell, 0.5)::DOUBLE FROM ("
    " SELECT module, learner, count(*) FILTER (WHERE kind = 0) AS opens,"
    "  sum(least(value, 1800000)) FILTER (WHERE kind = 1) AS dwell FROM events"
    "  WHERE kind <= 1 AND time >= %lld - 1800000 AND time < %lld"
    "  AND time + CASE WHEN kind = 1 THEN least(value, 1800000) ELSE 1 END > %lld"
    "  GROUP BY module, learner) GROUP BY module";

static enum status read_chunk(duckdb_data_chunk chunk, struct peer_answers *answers, struct error *error)
{
    duckdb_vector medians = duckdb_data_chunk_get_vector(chunk, 3);
    const duckdb_string_t *modules = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 0));
    const int64_t *learners = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 1));
    const int64_t *opens = duckdb_vector_get_data(duckdb_data_chunk_get_vector(chunk, 2));
    const double *median = duckdb_vector_get_data(medians);
    const uint64_t *valid = duckdb_vector_get_validity(medians);
    for (uint64_t i = 0; i < duckdb_data_chunk_get_size(chunk); i++) {
        uint32_t size = modules[i].inlined.size;
        const char *text = size <= sizeof modules[i].inlined.text ? modules[i].inlined.text : modules[i].pointer.text;
        struct peer_answer *answer = peer_answer(answers, text, size);
        if (!answer)
            return error_set(error, STATUS_DATA, "duckdb: more than %u modules, or a long name", PEER_MAX_MODULES);
        answer->learners = (uint64_t)learners[i];
        answer->opens = (uint64_t)opens[i];
        answer->median_ms = !valid || (valid[i / 64] >> (i % 64) & 1) ? median[i] : (double)NAN;
    }
    return STATUS_OK;
}

enum status duck_answers(struct duck *duck, const char *sql, struct peer_answers *answers, struct error *error)
{
    duckdb_result result;
    enum status status = query(duck, sql, &result, error);
    if (status != STATUS_OK)
        return status;
    for (duckdb_data_chunk chunk; status == STATUS_OK && (chunk = duckdb_fetch_chunk(result));) {
        status = read_chunk(chunk, answers, error);
        duckdb_destroy_data_chunk(&chunk);
    }
    duckdb_destroy_result(&result);
    return status;
}

enum status duck_ask(struct duck *duck, int64_t from_ms, int64_t to_ms, struct peer_answers *answers,
                     struct error *error)
{
    char sql[sizeof question + 64];
    snprintf(sql, sizeof sql, question, (long long)from_ms, (long long)to_ms, (long long)from_ms);
    return duck_answers(duck, sql, answers, error);
}
