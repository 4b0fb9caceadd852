/* logstore.h - names and keys of the event log's RocksDB, for its one writer and for readers that open it offline.
 *
 *     family "default"
 *         "format"    u32 LE: LOGSTORE_FORMAT
 *         "identity"  log id (16), epoch u32 LE
 *         "vault"     whose learners these are (16): the vault's id (collector/vault.h); nothing of its content
 *         "import"    u8: 1 where events of any age were let in; retention never touches this store
 *         "next"      be64 next offset, be32 learner numbers given, be64 rows the vault had
 *         "lost", be64 first offset -> be64 next offset: damaged or missing, and accepted as lost
 *     family "segment." + 16 hex digits of its first offset
 *         be64 first offset of the record -> record (block.h)
 *     family "learners"
 *         'n', be32 number -> lid (16; zeros once erased)
 *         'l', lid         -> be32 number
 *     family "sessions"
 *         publisher name, 0, session (16) -> collector/session.h
 */
#ifndef JEJAK_COMMON_LOGSTORE_H
#define JEJAK_COMMON_LOGSTORE_H

#include "common/block.h"

enum {
    LOGSTORE_FORMAT = 1,
    LOGSTORE_SEGMENT_NAME_BYTES = 8 + 16 + 1, /* with the NUL */
    LOGSTORE_NEXT_BYTES = 8 + 4 + 8,
    LOGSTORE_IDENTITY_BYTES = LOG_ID_BYTES + 4,
    LOGSTORE_VAULT_BYTES = 16,
    LOGSTORE_NUMBER_KEY_BYTES = 1 + 4,
    LOGSTORE_LID_KEY_BYTES = 1 + LID_BYTES,
    LOGSTORE_LOSS_KEY_BYTES = 4 + 8,
};
#define LOGSTORE_LEARNERS "learners"
#define LOGSTORE_SESSIONS "sessions"
#define LOGSTORE_LOST     "lost"

struct logstore_identity {
    uint8_t log_id[LOG_ID_BYTES];
    uint32_t epoch;
};

/* How far the log goes: what "next" holds. */
struct logstore_next {
    uint64_t offset;
    uint32_t learners;
    uint64_t vault_rows;
};

void logstore_segment_name(uint64_t first_offset, char name[LOGSTORE_SEGMENT_NAME_BYTES]);
bool logstore_segment_parse(const char *name, uint64_t *first_offset); /* false: not a segment's name */

void logstore_next_write(const struct logstore_next *next, uint8_t bytes[LOGSTORE_NEXT_BYTES]);
enum status logstore_next_read(struct slice bytes, struct logstore_next *next, struct error *error) must_check;
void logstore_identity_write(const struct logstore_identity *identity, uint8_t bytes[LOGSTORE_IDENTITY_BYTES]);
enum status logstore_identity_read(struct slice bytes, struct logstore_identity *identity,
                                   struct error *error) must_check;
/* format.h; STATUS_CORRUPT also for no format at all. */
enum status logstore_format_check(struct slice bytes, struct error *error) must_check;

void logstore_number_key(uint32_t number, uint8_t key[LOGSTORE_NUMBER_KEY_BYTES]);
void logstore_lid_key(const uint8_t lid[LID_BYTES], uint8_t key[LOGSTORE_LID_KEY_BYTES]);

#endif
