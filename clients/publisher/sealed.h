/* sealed.h - sealed records: how raw learner ids stand on the publisher's own disk (spool.h says what they mean).
 *
 * A file of records is a sequence of runs; a run is what one process appended. Every record is
 *
 *      0  4  size      of the body, u32 little-endian
 *      4  1  type      enum sealed_type
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
 *   newer    the head is whole (its check fits) and of a type that this program does not know: a newer one wrote it.
 *            Whoever changes what stands in a record, or how it is sealed, gives it a new type
 *   damaged  anything else
 */
#ifndef JEJAK_PUBLISHER_SEALED_H
#define JEJAK_PUBLISHER_SEALED_H

#include "common/base.h"

enum {
    SEALED_HEAD_BYTES = 8,
    SEALED_TAG_BYTES = 16,
    SEALED_RUN_BYTES = 16,
    SEALED_KEY_BYTES = 32,
    SEALED_TEXT_MAX = 1024,
    SEALED_MAX_BYTES = SEALED_HEAD_BYTES + SEALED_TEXT_MAX + SEALED_TAG_BYTES,
};

enum sealed_type { /* stored: numbers never change */
    SEALED_RUN = 1,
    SEALED_STATE = 2,
    SEALED_EVENT = 3,
    SEALED_SEAL = 4,
    SEALED_SETTLED = 5,
    SEALED_NOTE = 6,
    SEALED_TYPES = SEALED_NOTE, /* known ones: 1 to this */
};

struct sealed_run {
    uint8_t key[SEALED_KEY_BYTES];
    uint8_t run[SEALED_RUN_BYTES];
    uint64_t ordinal; /* of the next record */
};

void sealed_key(const uint8_t secret[32], uint8_t key[SEALED_KEY_BYTES]);

/* Starts a run: writes its first record. Returns the bytes written. */
size_t sealed_run_start(struct sealed_run *run, uint8_t bytes[SEALED_MAX_BYTES]);
/* Seals one record; text of at most SEALED_TEXT_MAX bytes. Returns the bytes written. */
size_t sealed_put(struct sealed_run *run, enum sealed_type type, struct slice text, uint8_t bytes[SEALED_MAX_BYTES]);

enum sealed_result {
    SEALED_OPENED,
    SEALED_END,
    SEALED_CUT,
    SEALED_FOREIGN,
    SEALED_NEWER, /* record->type is what stands there */
    SEALED_DAMAGED,
};
struct sealed {
    enum sealed_type type;
    size_t size; /* of the text */
    uint8_t text[SEALED_TEXT_MAX];
};
/* Opens the record at the beginning of `file` (all bytes that are left) and moves `file` behind it; a SEALED_RUN starts
 * a new run. Everything but SEALED_OPENED leaves `file` where it is. */
enum sealed_result sealed_open(struct sealed_run *run, struct slice *file, struct sealed *record);

#endif
