#include "common/logstore.h"

#include "common/format.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void logstore_segment_name(uint64_t first_offset, char name[LOGSTORE_SEGMENT_NAME_BYTES])
{
    snprintf(name, LOGSTORE_SEGMENT_NAME_BYTES, "segment.%016" PRIx64, first_offset);
}

bool logstore_segment_parse(const char *name, uint64_t *first_offset)
{
    static const char prefix[] = "segment.";
    char again[LOGSTORE_SEGMENT_NAME_BYTES];
    if (strncmp(name, prefix, strlen(prefix)) != 0)
        return false;
    uint64_t offset = strtoull(name + strlen(prefix), NULL, 16);
    logstore_segment_name(offset, again); /* what is no number, or written otherwise, does not come back the same */
    if (strcmp(name, again) != 0)
        return false;
    *first_offset = offset;
    return true;
}

void logstore_next_write(const struct logstore_next *next, uint8_t bytes[LOGSTORE_NEXT_BYTES])
{
    put_be64(bytes, next->offset);
    put_be32(bytes + 8, next->learners);
    put_be64(bytes + 12, next->vault_rows);
}

enum status logstore_next_read(struct slice bytes, struct logstore_next *next, struct error *error)
{
    if (bytes.size != LOGSTORE_NEXT_BYTES)
        return error_set(error, STATUS_CORRUPT, "the log's `next` row has %zu bytes", bytes.size);
    *next = (struct logstore_next){get_be64(bytes.data), get_be32(bytes.data + 8), get_be64(bytes.data + 12)};
    return STATUS_OK;
}

void logstore_identity_write(const struct logstore_identity *identity, uint8_t bytes[LOGSTORE_IDENTITY_BYTES])
{
    memcpy(bytes, identity->log_id, LOG_ID_BYTES);
    put_u32(bytes + LOG_ID_BYTES, identity->epoch);
}

enum status logstore_identity_read(struct slice bytes, struct logstore_identity *identity, struct error *error)
{
    if (bytes.size != LOGSTORE_IDENTITY_BYTES)
        return error_set(error, STATUS_CORRUPT, "the log's `identity` row has %zu bytes", bytes.size);
    memcpy(identity->log_id, bytes.data, LOG_ID_BYTES);
    identity->epoch = get_u32(bytes.data + LOG_ID_BYTES);
    return STATUS_OK;
}

enum status logstore_format_check(struct slice bytes, struct error *error)
{
    if (bytes.size != 4)
        return error_set(error, STATUS_CORRUPT, "it has no format row: not a store of Jejak, or a damaged one");
    return format_check(get_u32(bytes.data), LOGSTORE_FORMAT, error);
}

void logstore_number_key(uint32_t number, uint8_t key[LOGSTORE_NUMBER_KEY_BYTES])
{
    key[0] = 'n';
    put_be32(key + 1, number);
}

void logstore_lid_key(const uint8_t lid[LID_BYTES], uint8_t key[LOGSTORE_LID_KEY_BYTES])
{
    key[0] = 'l';
    memcpy(key + 1, lid, LID_BYTES);
}
