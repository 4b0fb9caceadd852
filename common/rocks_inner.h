/* rocks_inner.h - what rocks.c (stores, families) and rocks_data.c (batches, reads, iterators) share. Nobody else
 * includes it: it is where RocksDB's own header comes in. */
#ifndef JEJAK_COMMON_ROCKS_INNER_H
#define JEJAK_COMMON_ROCKS_INNER_H

#include "common/rocks.h"

#include <pthread.h>
#include <rocksdb/c.h>

struct rocks_family {
    char *name;
    rocksdb_column_family_handle_t *handle;
};

struct rocks {
    char *path;     /* absolute */
    char *log_path; /* folder of the info log, NULL where it lies in the store's own */
    rocksdb_t *db;
    rocksdb_options_t *options; /* of the store and of every family but one */
    rocksdb_options_t *plain;   /* of the family that is never compressed; NULL: there is none */
    char *plain_family;
    rocksdb_block_based_table_options_t *table;
    rocksdb_cache_t *cache;
    rocksdb_readoptions_t *read;
    rocksdb_writeoptions_t *write, *write_synced;
    pthread_mutex_t lock; /* guards the table below: one thread makes and drops families while another looks them up */
    struct rocks_family **families;
    size_t family_count;
};

/* Turns RocksDB's message (which it frees) into a status and a text: "PATH: what: message". */
enum status rocks_failed(const struct rocks *store, const char *what, char *message, struct error *error);

/* rocks_sync.c: every write-ahead log in the store's folder gets to stable storage. */
enum status rocks_sync_logs(const char *path, struct error *error) must_check;

#endif
