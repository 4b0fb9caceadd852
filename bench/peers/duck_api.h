/* duck_api.h - what duck*.c use of DuckDB's C interface, whose package has no header. For nobody else. */
#ifndef JEJAK_BENCH_PEERS_DUCK_API_H
#define JEJAK_BENCH_PEERS_DUCK_API_H

#include <stdint.h>

enum {
    DUCKDB_SUCCESS = 0,
    /* enum duckdb_type */
    DUCKDB_BIGINT = 5,
    DUCKDB_UTINYINT = 6,
    DUCKDB_UINTEGER = 8,
    DUCKDB_VARCHAR = 17,
};
typedef struct duckdb_database_ *duckdb_database;
typedef struct duckdb_connection_ *duckdb_connection;
typedef struct duckdb_appender_ *duckdb_appender;
typedef struct duckdb_chunk_ *duckdb_data_chunk;
typedef struct duckdb_vector_ *duckdb_vector;
typedef struct duckdb_type_ *duckdb_logical_type;
typedef struct {
    uint64_t deprecated[5];
    void *internal;
} duckdb_result;
typedef union {
    struct {
        uint32_t size;
        char text[12]; /* up to so many bytes */
    } inlined;
    struct {
        uint32_t size;
        char prefix[4];
        const char *text;
    } pointer;
} duckdb_string_t;

const char *duckdb_library_version(void);
int duckdb_open(const char *path, duckdb_database *database);
void duckdb_close(duckdb_database *database);
int duckdb_connect(duckdb_database database, duckdb_connection *connection);
void duckdb_disconnect(duckdb_connection *connection);
int duckdb_query(duckdb_connection connection, const char *sql, duckdb_result *result);
void duckdb_destroy_result(duckdb_result *result);
const char *duckdb_result_error(duckdb_result *result);

duckdb_data_chunk duckdb_fetch_chunk(duckdb_result result);
uint64_t duckdb_vector_size(void);
duckdb_data_chunk duckdb_create_data_chunk(duckdb_logical_type *types, uint64_t columns);
void duckdb_destroy_data_chunk(duckdb_data_chunk *chunk);
void duckdb_data_chunk_reset(duckdb_data_chunk chunk);
uint64_t duckdb_data_chunk_get_size(duckdb_data_chunk chunk);
void duckdb_data_chunk_set_size(duckdb_data_chunk chunk, uint64_t rows);
duckdb_vector duckdb_data_chunk_get_vector(duckdb_data_chunk chunk, uint64_t column);
void *duckdb_vector_get_data(duckdb_vector vector);
uint64_t *duckdb_vector_get_validity(duckdb_vector vector);
void duckdb_vector_assign_string_element_len(duckdb_vector vector, uint64_t row, const char *text, uint64_t size);
duckdb_logical_type duckdb_create_logical_type(int type);
void duckdb_destroy_logical_type(duckdb_logical_type *type);

int duckdb_appender_create(duckdb_connection connection, const char *schema, const char *table,
                           duckdb_appender *appender);
int duckdb_append_data_chunk(duckdb_appender appender, duckdb_data_chunk chunk);
int duckdb_appender_flush(duckdb_appender appender);
int duckdb_appender_destroy(duckdb_appender *appender);
const char *duckdb_appender_error(duckdb_appender appender);

#endif
