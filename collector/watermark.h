/* watermark.h - how far the log was ever acknowledged: a small file outside the store.
 *
 * RocksDB can open without an error after its write-ahead log lost a tail or was deleted (docs/DESIGN.md). So after
 * each commit, and before its answers, the durable offset is written here and synced; at start the log must reach it.
 *
 * Two slots of 64 bytes, written in turn, so that a torn write leaves the other one:
 *
 *     0      4      8          24      28      32        40           48         56       64
 *     "JWMK" | ver=1 | log id (16) | epoch | 0 (4) | offset | vault rows | sequence | XXH3-64 of the 56 before it
 */
#ifndef JEJAK_COLLECTOR_WATERMARK_H
#define JEJAK_COLLECTOR_WATERMARK_H

#include "common/block.h"

struct watermark;

struct watermark_mark {
    uint8_t log_id[LOG_ID_BYTES];
    uint32_t epoch;
    uint64_t offset; /* every offset below it is on stable storage */
    uint64_t vault_rows;
};

enum {
    WATERMARK_SLOT_BYTES = 64,
    WATERMARK_SLOTS = 2,
};

/* Opens an existing file and reads the greatest valid mark: STATUS_NO_INPUT where there is none, STATUS_CORRUPT where
 * no slot is whole, STATUS_NEWER. watermark_make() makes a new file with a first mark; refused where one stands. */
enum status watermark_open(const char *path, struct watermark **watermark, struct watermark_mark *mark,
                           struct error *error) must_check;
enum status watermark_make(const char *path, const struct watermark_mark *mark, struct watermark **watermark,
                           struct error *error) must_check;
/* Only reads the greatest mark. */
enum status watermark_look(const char *path, struct watermark_mark *mark, struct error *error) must_check;
/* Returns after the mark is on stable storage. */
enum status watermark_write(struct watermark *watermark, const struct watermark_mark *mark,
                            struct error *error) must_check;
void watermark_close(struct watermark *watermark);

#endif
