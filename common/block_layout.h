/* block_layout.h - what the writer and the reader of event blocks share (block.h draws it). Private to record.c,
 * block_encode.c and block_decode.c. */
#ifndef JEJAK_COMMON_BLOCK_LAYOUT_H
#define JEJAK_COMMON_BLOCK_LAYOUT_H

#include "common/block.h"

enum {
    COLUMN_PATHS,
    COLUMN_PUBLISHERS,
    COLUMN_RUNS,
    COLUMN_KINDS,
    COLUMN_LEARNERS,
    COLUMN_CONTENTS,
    COLUMN_TIMES,
    COLUMN_VALUES,
    COLUMN_HOLES,
    COLUMN_COUNT,

    COLUMN_ENTRY_BYTES = 8,
    DIRECTORY_BYTES = COLUMN_COUNT * COLUMN_ENTRY_BYTES,
    VARINT_MAX_BYTES = 10,

    TIMES_FROM_LEAST = 0,
    TIMES_DELTAS = 1,
};

/* Writes the header and, after the body that stands there already, the checksum. Returns the record's size. */
size_t record_seal(const struct record_header *header, uint8_t *out);
/* STATUS_CORRUPT, by the record's offset. */
enum status record_corrupt(struct error *error, const struct record_header *header, const char *what) must_check;

#endif
