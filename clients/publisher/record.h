/* record.h - sealed records: how raw learner ids stand on the publisher's own disk (spool.h says what they mean).
 *
 * A file of records is a sequence of runs; a run is what one process appended. Every record is
 *
 *      0  4  size      of the body, u32 little-endian
 *      4  1  type      enum record_type
 *      5  3  check     low 24 bits of XXH3-64(bytes 0 to 4), seeded with the record's ordinal in its run
 *      8  .  body      encrypted text of size - 16 bytes, then 16 bytes of Poly1305 tag
 *
 * but for the first record of a run, whose body is
 *
 *      8 16  run       random
 *     24 16  tag       of nothing
 *
 * Bodies are sealed with XChaCha20-Poly1305 (libsodium; draft-irtf-cfrg-xchacha-03). The nonce is run (16 bytes) and
 * ordinal (u64), so it never repeats under a key; the additional data are bytes 0 to 7. A record that was moved,
 * repeated or taken from another run does not open. The key is BLAKE2b-256("jejak spool v1") keyed with the publisher's
 * secret (crypto_generichash).
 *
 * What a reader makes of bytes that are not a record:
 *   cut      the end of the file is short of what the head says, or ends in zeros: a write that a crash cut off. The
 *            bytes before are whole, whatever the crash was
 *   foreign  the first record of a run does not open: another key
 *   damaged  anything else
 */
#ifndef JEJAK_PUBLISHER_RECORD_H
#define JEJAK_PUBLISHER_RECORD_H

#include "common/base.h"

enum {
    RECORD_HEAD_BYTES = 8,
    RECORD_TAG_BYTES = 16,
    RECORD_RUN_BYTES = 16,
    RECORD_KEY_BYTES = 32,
    RECORD_TEXT_MAX = 1024,
    RECORD_MAX_BYTES = RECORD_HEAD_BYTES + RECORD_TEXT_MAX + RECORD_TAG_BYTES,
};

enum record_type { /* stored: numbers never change */
    RECORD_RUN = 1,
    RECORD_STATE = 2,
    RECORD_EVENT = 3,
    RECORD_SEAL = 4,
    RECORD_SETTLED = 5,
    RECORD_NOTE = 6,
};

struct record_run {
    uint8_t key[RECORD_KEY_BYTES];
    uint8_t run[RECORD_RUN_BYTES];
    uint64_t ordinal; /* of the next record */
};

void record_key(const uint8_t secret[32], uint8_t key[RECORD_KEY_BYTES]);

/* Starts a run: writes its first record. Returns the bytes written. */
size_t record_run_start(struct record_run *run, uint8_t bytes[RECORD_MAX_BYTES]);
/* Seals one record; text of at most RECORD_TEXT_MAX bytes. Returns the bytes written. */
size_t record_seal(struct record_run *run, enum record_type type, struct slice text, uint8_t bytes[RECORD_MAX_BYTES]);

enum record_result {
    RECORD_OPENED,
    RECORD_END,
    RECORD_CUT,
    RECORD_FOREIGN,
    RECORD_DAMAGED,
};
struct record {
    enum record_type type;
    size_t size; /* of the text */
    uint8_t text[RECORD_TEXT_MAX];
};
/* Opens the record at the beginning of `file` (all bytes that are left) and moves `file` behind it; a RECORD_RUN starts
 * a new run. Everything but RECORD_OPENED leaves `file` where it is. */
enum record_result record_open(struct record_run *run, struct slice *file, struct record *record);

#endif
