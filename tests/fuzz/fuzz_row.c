/* Rows of the collector's stores: the first byte says which, the second how long the key is. What is accepted comes out the
 * same when it is written again. */
#include "tests/fuzz/fuzz.h"

#include "collector/session.h"
#include "collector/vault.h"
#include "common/logstore.h"

static void check_vault(struct slice key, struct slice value)
{
    struct vault_known known;
    const uint8_t *lid;
    struct error error;
    if (vault_person_row(key, value, &lid, &error) == STATUS_OK)
        promise(lid >= value.data && lid + LID_BYTES == value.data + value.size);
    if (vault_known_row(key, value, &known, &error) == STATUS_OK)
        promise(known.lid + LID_BYTES == value.data + value.size && get_be32(value.data) == known.number);
}

static void check_session(struct slice value)
{
    struct session session = {0};
    uint8_t again[SESSION_STATE_MAX_BYTES];
    struct error error;
    if (session_decode(value, &session, &error) != STATUS_OK)
        return;
    promise(session.durable == session.settled && session.first_known <= session.settled + 1);
    promise(slice_equal(slice_of(again, session_encode(&session, again)), value));
}

static void check_log(struct slice value)
{
    struct logstore_next next;
    struct logstore_identity identity;
    uint8_t again[LOGSTORE_NEXT_BYTES], same[LOGSTORE_IDENTITY_BYTES];
    struct error error;
    if (logstore_next_read(value, &next, &error) == STATUS_OK) {
        logstore_next_write(&next, again);
        promise(slice_equal(slice_of(again, sizeof again), value));
    }
    if (logstore_identity_read(value, &identity, &error) == STATUS_OK) {
        logstore_identity_write(&identity, same);
        promise(slice_equal(slice_of(same, sizeof same), value));
    }
    if (logstore_format_check(value, &error) == STATUS_OK)
        promise(value.size == 4 && get_u32(value.data) == LOGSTORE_FORMAT);
}

static void check_segment(struct slice name)
{
    char text[256], again[LOGSTORE_SEGMENT_NAME_BYTES];
    uint64_t first;
    snprintf(text, sizeof text, "%.*s", (int)(name.size < sizeof text ? name.size : sizeof text - 1),
             (const char *)name.data);
    if (!logstore_segment_parse(text, &first))
        return;
    logstore_segment_name(first, again);
    promise(strcmp(text, again) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2)
        return 0;
    size_t key_size = data[1] < size - 2 ? data[1] : size - 2;
    uint8_t *key = exact_copy(slice_of(data + 2, key_size));
    uint8_t *value = exact_copy(slice_of(data + 2 + key_size, size - 2 - key_size));
    struct slice of_value = slice_of(value, size - 2 - key_size);
    switch (data[0] % 4) {
    case 0:
        check_vault(slice_of(key, key_size), of_value);
        break;
    case 1:
        check_session(of_value);
        break;
    case 2:
        check_log(of_value);
        break;
    default:
        check_segment(of_value);
    }
    free(key);
    free(value);
    return 0;
}
