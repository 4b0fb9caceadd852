/* stores.h - the disk's side of common/rocks.h in memory: what a store holds, and what a kill or a power cut leaves.
 *
 * As RocksDB keeps it: `base` is what stands in table files, and safe; what was written since is a list of batches, each
 * in the write-ahead log of the process that wrote it. A synced write makes its whole log so far safe, and no log of an
 * earlier process: whoever opens a store reads those logs and does not sync them. A flush makes everything safe. A
 * killed process loses nothing but what passed the log by (rocks_options.remade); a power cut leaves of every log what
 * was synced and a prefix of the rest. A write that fails may have happened, and nothing more is written through that
 * handle.
 */
#ifndef JEJAK_TESTS_SIMULATOR_STORES_H
#define JEJAK_TESTS_SIMULATOR_STORES_H

#include "common/rocks.h"
#include "tests/simulator/rows.h"
#include "tests/simulator/world.h"

struct store_family {
    char *name;
    struct rows *now, *base;
    struct rows *before; /* the base before the last sync: what a disk that lies goes back to */
    bool dropped;
};

struct change {
    struct store_family *family;
    bool deletes;
    struct slice key, value; /* in the batch's own memory */
};
struct batch {
    struct change *changes;
    size_t count, room, bytes;
};
struct logged {
    struct batch batch;
    uint64_t log; /* which write-ahead log */
    bool synced;
    bool memory; /* passed the log by */
};

struct disk_store {
    char *path;
    unsigned machine;
    struct process *holder; /* who has it open for writing */
    uint64_t log;           /* the number of the newest write-ahead log */
    bool remade;
    struct store_family **families;
    size_t family_count;
    struct logged *logged;
    size_t logged_count, logged_room;
};

struct disk_store *disk_store_at(const char *path); /* NULL: none */
struct disk_store *disk_store_make(const char *path);
void disk_store_destroy(struct disk_store *store);
struct store_family *store_family_named(struct disk_store *store, const char *name); /* NULL: none */
struct store_family *store_family_add(struct disk_store *store, const char *name);

void batch_add(struct batch *batch, struct store_family *family, struct slice key, const struct slice *value);
void batch_clear(struct batch *batch);
void batch_free(struct batch *batch);

/* Applies a copy of the batch: seen from now on, safe after store_sync() or store_flush(). */
void store_apply(struct disk_store *store, const struct batch *batch, bool memory);
void store_sync(struct disk_store *store);
void store_sync_logs(struct disk_store *store); /* those of earlier processes, too */
void store_flush_all(struct disk_store *store);
void store_forget_memory(struct disk_store *store); /* what passed the log by and was not flushed, or some of it */

#endif
