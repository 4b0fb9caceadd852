/* rocks.h - RocksDB, confined to this pair of files, with the settings that keep what was acknowledged.
 *
 * Every store is opened with: WAL recovery mode 0 (tolerates no damaged tail but one cut short; see docs/DESIGN.md), unless
 * its owner knows how far it must reach and asks for what stands before the damage (ROCKS_WRITE_CUT),
 * paranoid checks, no recycled logs, no flush during recovery, create_if_missing only where asked, a bounded WAL, and
 * its info log outside the store (Debian's build aborts when writing that log fails). A failed write means "unknown",
 * never "not stored": the caller closes the store, opens it again and looks.
 */
#ifndef JEJAK_COMMON_ROCKS_H
#define JEJAK_COMMON_ROCKS_H

#include "common/status.h"

struct rocks;
struct rocks_family; /* a column family; lives as long as its store is open and it is not dropped */
struct rocks_batch;
struct rocks_iterator;

enum rocks_mode {
    ROCKS_CREATE, /* a new store; refused where one stands */
    ROCKS_WRITE,  /* an existing store; refused where none stands */
    /* An existing store that nobody writes at the moment. Its write-ahead logs are synced first: what is read stays, also
     * where whoever wrote it died before it could sync. */
    ROCKS_READ_ONLY,
    /* An existing store as it was before the first damaged record of its write-ahead logs: a power cut leaves the end of
     * what was never synced half written. To look at, or for writing: then whatever is behind is gone for good. */
    ROCKS_READ_CUT,
    ROCKS_WRITE_CUT,
};

struct rocks_options {
    enum rocks_mode mode;
    /* ROCKS_READ_ONLY although somebody writes: the store as it is at this moment, synced or not. STATUS_IO or STATUS_CORRUPT
     * where files went while it was opened: try again. */
    bool beside_writer;
    bool default_only;         /* to be read, and of its families only "default" */
    size_t write_buffer_bytes; /* a memtable */
    size_t cache_bytes;        /* uncompressed blocks */
    size_t max_wal_bytes;
    size_t block_bytes;    /* of the table files */
    int compression_level; /* zstd */
    size_t sync_bytes;   /* of a file at a time on their way to the disk as it grows; 0: 1 MiB. Whoever waits for a sync
                              beside it waits for so many */
    size_t memory_bytes; /* of all memtables together; 0: write_buffer_bytes each, as many as there are families */
    /* What is written here can be made again: writes that are not synced pass the write-ahead log by. A crash leaves
     * the store as it was after some earlier write, of all families alike; closing it keeps everything. */
    bool remade;
    /* The index of a table file holds the first key of each block: an iterator reads no block only to see where it begins,
     * so that a damaged one bars nothing that lies before it in other files. */
    bool first_keys;
    int open_files;           /* table files that are open at a time; 0: all */
    bool plain_first_level;   /* files are compressed only when they are first merged */
    int first_level_files;    /* so many are merged at once; 0: RocksDB's own number, 4 */
    const char *plain_family; /* the name of one that is never compressed; NULL: none */
};

/* Every family that stands in the store is opened; `families` names those made with a new store (beside "default"). */
enum status rocks_open(const char *path, const struct rocks_options *options, const char *const *families,
                       size_t family_count, struct rocks **store, struct error *error) must_check;
void rocks_close(struct rocks *store);
/* Before a store is opened for writing: the number in its row "format" (u32 LE, family "default"; every store of ours has
 * one), seen without changing a byte. STATUS_NEWER or STATUS_CORRUPT where it is one that this program, which knows those
 * up to `known`, must not touch (format.h). STATUS_OK also where it cannot be told: opening it will tell why. */
enum status rocks_look_format(const char *path, uint32_t known, struct error *error) must_check;
/* Removes a store's files, damaged ones too; STATUS_BUSY where another program has it open. */
enum status rocks_destroy(const char *path, struct error *error) must_check;
/* Does a store stand in this folder (its CURRENT file)? */
bool rocks_exists(const char *path);

struct rocks_family *rocks_family(struct rocks *store, const char *name); /* NULL where there is none */
size_t rocks_family_count(const struct rocks *store);
struct rocks_family *rocks_family_at(struct rocks *store, size_t index);
const char *rocks_family_name(const struct rocks_family *family);
enum status rocks_family_make(struct rocks *store, const char *name, struct rocks_family **family,
                              struct error *error) must_check;
enum status rocks_family_drop(struct rocks *store, struct rocks_family *family, struct error *error) must_check;

struct rocks_batch *rocks_batch_open(void);
void rocks_batch_close(struct rocks_batch *batch);
void rocks_batch_clear(struct rocks_batch *batch);
void rocks_batch_put(struct rocks_batch *batch, struct rocks_family *family, struct slice key, struct slice value);
void rocks_batch_delete(struct rocks_batch *batch, struct rocks_family *family, struct slice key);
size_t rocks_batch_bytes(const struct rocks_batch *batch);
size_t rocks_batch_count(const struct rocks_batch *batch);
/* sync: returns only after the write-ahead log is on stable storage. */
enum status rocks_write(struct rocks *store, struct rocks_batch *batch, bool sync, struct error *error) must_check;

/* *found tells whether the key stands there. The value borrows; give it back with rocks_value_close(). */
struct rocks_value {
    struct slice bytes;
    void *pin;
};
enum status rocks_get(struct rocks *store, struct rocks_family *family, struct slice key, bool *found,
                      struct rocks_value *value, struct error *error) must_check;
void rocks_value_close(struct rocks_value *value);

/* A consistent view from when it was opened. Keys and values borrow until the next step. */
struct rocks_iterator *rocks_iterator_open(struct rocks *store, struct rocks_family *family);
/* Over first <= key < end only, and standing on the first of them: keys behind the end, and what was deleted there, are
 * never looked at. */
struct rocks_iterator *rocks_iterator_open_range(struct rocks *store, struct rocks_family *family, struct slice first,
                                                 struct slice end);
void rocks_iterator_close(struct rocks_iterator *iterator);
void rocks_iterator_seek(struct rocks_iterator *iterator, struct slice key);        /* the first key >= this one */
void rocks_iterator_seek_before(struct rocks_iterator *iterator, struct slice key); /* the last key <= this one */
void rocks_iterator_last(struct rocks_iterator *iterator);
void rocks_iterator_next(struct rocks_iterator *iterator);
void rocks_iterator_previous(struct rocks_iterator *iterator);
bool rocks_iterator_valid(const struct rocks_iterator *iterator);
struct slice rocks_iterator_key(const struct rocks_iterator *iterator);
struct slice rocks_iterator_value(const struct rocks_iterator *iterator);
/* Why it is not valid: the end (STATUS_OK) or a failure. */
enum status rocks_iterator_status(const struct rocks_iterator *iterator, struct error *error) must_check;

enum status rocks_flush(struct rocks *store, struct error *error) must_check;   /* all families */
enum status rocks_compact(struct rocks *store, struct error *error) must_check; /* all families, wholly */
/* Bytes of the live table files, WAL not counted. */
uint64_t rocks_table_bytes(struct rocks *store);
uint64_t rocks_family_bytes(struct rocks *store, struct rocks_family *family); /* the same of one */
uint64_t rocks_memory_bytes(struct rocks *store);                              /* memtables, table readers and cache */

#endif
