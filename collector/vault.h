/* vault.h - who is who: the only place that maps a person to a lid. A RocksDB of its own, apart from the log.
 *
 *     family "default"   "format" u32 LE;  "tenant" 16 random bytes;  "rows" be64: rows ever made (never counts down);
 *                        "key" BLAKE2b-128("jejak key v1") keyed with keys/pseudonym.key: another key is refused
 *     family "persons"   P (32) -> lid (16)
 *     family "known"     keyed hash of the raw id (lookup.h) -> be32 learner number, lid (16)
 *
 * P = k * H: H is the ristretto255 point that libsodium's crypto_core_ristretto255_from_hash maps
 * BLAKE2b-512("jejak person v1", tenant, id) to (RFC 9496, element derivation), k the scalar of keys/pseudonym.key.
 * Being a group element, P moves to another key by multiplication, without raw ids.
 *
 * `persons` is the truth, and synced before anything is stored under a lid. `known` saves the group operation for
 * learners seen before, across restarts; its rows may be ahead of the log, or behind it after a power cut: they count only
 * where the log binds the same lid to the same number, and whoever has none is met again.
 */
#ifndef JEJAK_COLLECTOR_VAULT_H
#define JEJAK_COLLECTOR_VAULT_H

#include "collector/lookup.h"
#include "common/block.h"
#include "common/keyfile.h"
#include "common/rocks.h"

struct vault;

enum {
    VAULT_OPEN_FILES = 32, /* table files, at a time */
    VAULT_FORMAT = 1,
    VAULT_PERSON_BYTES = 32,
    VAULT_TENANT_BYTES = 16,
    VAULT_ID_BYTES = 16,
};

/* A learner met for the first time by this log, on its way to stable storage. */
struct vault_row {
    bool new_person; /* a row of `persons` is to be written; else only `known` */
    uint8_t person[VAULT_PERSON_BYTES];
    uint8_t lid[LID_BYTES];
    struct lookup_hash hash;
    uint32_t number;
    bool new_number; /* the log binds number to lid with the next record; else it did so before */
};

/* mode: ROCKS_CREATE is a first start. key: the bytes of keys/pseudonym.key. */
enum status vault_open(const char *path, enum rocks_mode mode, const uint8_t key[KEY_BYTES], struct vault **vault,
                       struct error *error) must_check;
/* Reads only, without the key, also beside a writer (rocks.h, beside_writer): for vault_persons(), vault_known(). */
enum status vault_look(const char *path, struct vault **vault, struct error *error) must_check;
void vault_close(struct vault *vault);
/* Which vault this is: BLAKE2b-128("jejak vault v1", tenant). The log keeps it, and is refused with another. */
void vault_identity(const struct vault *vault, uint8_t id[VAULT_ID_BYTES]);
enum status vault_flush(struct vault *vault, struct error *error) must_check; /* as eventlog_flush() */
uint64_t vault_rows(const struct vault *vault); /* rows ever made that are on stable storage; any thread */

/* The lid of an id: from `persons`, or a new random one (row->new_person). Costs a group operation, about 100 us. Fills
 * person, lid and new_person. Not for an id whose row is still on its way: lookup.h knows those. */
enum status vault_resolve(struct vault *vault, struct slice id, struct vault_row *row, struct error *error) must_check;

/* Writes the `persons` rows that are new, and syncs: to be done before anything is stored under their lids. One actor's
 * call (resolver.h). On failure: unknown, as with every write. */
enum status vault_add(struct vault *vault, const struct vault_row *rows, size_t count, struct error *error) must_check;
/* Writes the `known` rows, without a sync: whoever is forgotten in a power cut is met again. One actor's call (commit.h),
 * which may be another's than vault_add()'s. */
enum status vault_remember(struct vault *vault, const struct vault_row *rows, size_t count,
                           struct error *error) must_check;

/* What a row of `persons` and of `known` says; the lid borrows from the value. STATUS_CORRUPT. */
struct vault_known {
    struct lookup_hash hash;
    uint32_t number;
    const uint8_t *lid;
};
enum status vault_person_row(struct slice key, struct slice value, const uint8_t **lid, struct error *error) must_check;
enum status vault_known_row(struct slice key, struct slice value, struct vault_known *known,
                            struct error *error) must_check;

/* Calls `each` for every row of `persons`: the lids. */
typedef void (*vault_person_fn)(const uint8_t lid[LID_BYTES], void *argument);
enum status vault_persons(struct vault *vault, vault_person_fn each, void *argument, struct error *error) must_check;
/* Calls `each` for every row of `known`. */
typedef void (*vault_known_fn)(struct lookup_hash hash, uint32_t number, const uint8_t lid[LID_BYTES], void *argument);
enum status vault_known(struct vault *vault, vault_known_fn each, void *argument, struct error *error) must_check;

#endif
