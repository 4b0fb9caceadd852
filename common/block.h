/* block.h - the records of the event log, as they are stored and as readers receive them.
 *
 * A record is a header, a body and a checksum; all integers little-endian; version 1.
 *
 *     0        4     6    7    8               24      28      32              40
 *     | "JREC" | ver | kd | 0  | log id (16)   | epoch | span  | first offset  |
 *     40           48         52       56       60      64                 72
 *     | vault rows | learners | events | body   | 0 (4) | least time (i64) |
 *     72                80                    88         96                96+body          +8
 *     | greatest time   | received ms (i64)   | 0 (8)    | body             | XXH3-64 of all before it |
 *
 *     ver        1; a record of a greater version is refused by name (STATUS_NEWER)
 *     kd         enum record_kind
 *     log id     random, made with the log; epoch: renewed by a restore or an accepted loss
 *     span       offsets that the record covers: one for each event at commit, one for a control record.
 *                An erasure leaves holes: events < span then, and the holes column names the absent ones
 *     vault rows how many rows the vault ever had when this was written (an older vault is refused)
 *     learners   how many learner numbers the log ever gave out, this record's included
 *     times      least and greatest event time, Unix ms UTC (control records: the record's own time, both)
 *     received   when the first event arrived at the collector, Unix ms UTC
 *
 * Body of a control record: forget, restrict, lift: lid (16 bytes); cut: time (i64, Unix ms UTC): every event before it
 * is expired.
 *
 * A lost record is never stored: whoever reads the log makes it in place of what is damaged or missing (logread.h). It has
 * no body; its span is what is missing, its times are those between which that was received, as far as its neighbours tell
 * (least 0: nothing is known), all of its other counts are 0.
 *
 * Body of an event block: nine column entries of 8 bytes { encoding u8, width u8, 0 u16, size u32 }, then the columns
 * in this order, each `size` bytes:
 *
 *     paths       the block's dictionary of content paths: { length u8, bytes } each
 *     publishers  the block's dictionary of publisher names, 1 to 64 bytes: { length u8, bytes } each
 *     runs        three varints a run: publisher index, events, zigzag(received - received of the run before);
 *                 the first run's is relative to the header's
 *     kinds       enum kind, u8 an event
 *     learners    learner number, planes of at most 4 bytes
 *     contents    index into paths, planes of at most 4 bytes
 *     times       planes of at most 8 bytes; encoding 0: time - least time;
 *                 encoding 1: zigzag(time - time of the event before), the first of least time
 *     values      planes of at most 4 bytes; only of the events whose kind has a value, in order
 *     holes       varints: absent offsets relative to first offset, the first as it is, then differences; empty: none
 *
 * Planes: an array of n unsigned integers of `width` bytes each, stored as `width` runs of n bytes, least significant
 * byte first, so that bytes of alike meaning stand together (they compress, and split and join as vectors). Width 0
 * stores nothing: all values are 0. Columns that are no planes have width 0; encodings that are not named are 0.
 * Varints are LEB128 of at most 10 bytes, 64 bits.
 *
 * Why learners are numbers here and not 16-byte lids: see docs/DESIGN.md, "Learner numbers".
 */
#ifndef JEJAK_COMMON_BLOCK_H
#define JEJAK_COMMON_BLOCK_H

#include "common/event.h"
#include "common/status.h"

enum {
    RECORD_VERSION = 1,
    RECORD_HEADER_BYTES = 96,
    RECORD_CHECKSUM_BYTES = 8,
    LOG_ID_BYTES = 16,
    LID_BYTES = 16,
    PUBLISHER_NAME_MAX = 64,
    BLOCK_MAX_EVENTS = 1 << 20,
    BLOCK_MAX_PATHS = 1 << 20,
    BLOCK_MAX_BYTES = 64 << 20,
};

enum record_kind {
    RECORD_EVENTS = 1,
    RECORD_FORGET = 2,   /* everything before this of this lid is gone */
    RECORD_RESTRICT = 3, /* the lid enters no figure until lifted */
    RECORD_LIFT = 4,
    RECORD_CUT = 5,  /* every event with a time before the cut is gone */
    RECORD_LOST = 6, /* what these offsets held is damaged or missing; never stored */
};

struct record_header {
    enum record_kind kind;
    uint8_t log_id[LOG_ID_BYTES];
    uint32_t epoch;
    uint32_t span;
    uint64_t first_offset;
    uint64_t vault_rows;
    uint32_t learners;
    uint32_t events;
    uint32_t body_size;
    int64_t least_ms;
    int64_t greatest_ms;
    int64_t received_ms;
};

struct block_run {
    uint32_t publisher; /* index into publishers */
    uint32_t events;
    int64_t received_ms;
};

/* The events of a block as columns of `count` each. Borrowed by block_encode(); filled by block_decode(), where they
 * point into the block_buffer and, for paths and publishers, into the record's own bytes. */
struct block_columns {
    uint32_t count;
    uint32_t path_count;
    uint32_t publisher_count;
    uint32_t run_count;
    uint32_t hole_count;
    const uint8_t *kind;     /* enum kind */
    const uint32_t *learner; /* learner numbers, < header.learners */
    const uint32_t *content; /* index into paths, < path_count */
    const int64_t *time_ms;
    const uint32_t *value; /* 0 where the kind has none */
    const struct slice *paths;
    const struct slice *publishers;
    const struct block_run *runs;
    const uint32_t *holes; /* absent offsets relative to first_offset, ascending */
};

/* The greatest size that block_encode() can write for these columns. */
size_t block_bound(const struct block_columns *columns);

/* Writes the whole record. header: log_id, epoch, first_offset, vault_rows, learners as given; the rest (kind, span =
 * count + hole_count, events, body_size, times, received) is filled in from the columns. count >= 1, runs sum up to
 * count. `out` has block_bound() bytes. Returns the record's size. */
size_t block_encode(struct record_header *header, const struct block_columns *columns, uint8_t *out);

/* Control records: forget, restrict, lift with a lid; cut with a time. Header as for block_encode(); least_ms is the
 * record's own time. `out` has CONTROL_RECORD_MAX bytes. Returns the record's size. */
enum {
    CONTROL_RECORD_MAX = RECORD_HEADER_BYTES + 16 + RECORD_CHECKSUM_BYTES
};
size_t record_encode_lid(struct record_header *header, enum record_kind kind, const uint8_t lid[LID_BYTES],
                         int64_t now_ms, uint8_t *out);
/* A lost record over header->span offsets from first_offset on; least_ms, greatest_ms: see above. Into CONTROL_RECORD_MAX
 * bytes. */
size_t record_encode_lost(struct record_header *header, uint8_t *out);
size_t record_encode_cut(struct record_header *header, int64_t cut_ms, int64_t now_ms, uint8_t *out);

/* Reads and checks a record's frame: magic, version, sizes, checksum. STATUS_CORRUPT with what is wrong; STATUS_NEWER.
 */
enum status record_open(struct slice record, struct record_header *header, struct error *error) must_check;
/* The lid or the cut of a control record that record_open() accepted. */
const uint8_t *record_lid(struct slice record);
int64_t record_cut(struct slice record);

/* Memory that block_decode() reuses from block to block. Zero it before the first use. */
struct block_buffer {
    uint32_t event_room, path_room, publisher_room, run_room, hole_room;
    uint8_t *kind;
    uint32_t *learner, *content, *value;
    int64_t *time_ms;
    struct slice *paths, *publishers;
    struct block_run *runs;
    uint32_t *holes;
};
void block_buffer_close(struct block_buffer *buffer);

/* Decodes an event block that record_open() accepted. Every index, count and length is checked against what the record
 * holds: STATUS_CORRUPT otherwise. The columns live until the buffer's next use and as long as the record's bytes. */
enum status block_decode(struct slice record, const struct record_header *header, struct block_buffer *buffer,
                         struct block_columns *columns, struct error *error) must_check;

#endif
