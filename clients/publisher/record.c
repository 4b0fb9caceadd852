#include "clients/publisher/record.h"

#include <sodium.h>
#include <xxhash.h>

_Static_assert(RECORD_TAG_BYTES == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag");
_Static_assert(RECORD_RUN_BYTES + 8 == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(RECORD_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");

void record_key(const uint8_t secret[32], uint8_t key[RECORD_KEY_BYTES])
{
    static const uint8_t purpose[] = "jejak spool v1";
    crypto_generichash(key, RECORD_KEY_BYTES, purpose, sizeof purpose - 1, secret, 32);
}

static void put_head(uint8_t *head, size_t body_size, enum record_type type, uint64_t ordinal)
{
    put_u32(head, (uint32_t)body_size);
    head[4] = (uint8_t)type;
    uint64_t check = XXH3_64bits_withSeed(head, 5, ordinal);
    head[5] = (uint8_t)check;
    head[6] = (uint8_t)(check >> 8);
    head[7] = (uint8_t)(check >> 16);
}

static void make_nonce(const struct record_run *run, uint8_t nonce[RECORD_RUN_BYTES + 8])
{
    memcpy(nonce, run->run, RECORD_RUN_BYTES);
    put_u64(nonce + RECORD_RUN_BYTES, run->ordinal);
}

static void encrypt(const struct record_run *run, struct slice text, const uint8_t *head, uint8_t *body)
{
    uint8_t nonce[RECORD_RUN_BYTES + 8];
    make_nonce(run, nonce);
    crypto_aead_xchacha20poly1305_ietf_encrypt(body, NULL, text.data, text.size, head, RECORD_HEAD_BYTES, NULL, nonce,
                                               run->key);
}

static bool decrypt(const struct record_run *run, struct slice body, const uint8_t *head, uint8_t *text)
{
    uint8_t nonce[RECORD_RUN_BYTES + 8];
    make_nonce(run, nonce);
    return crypto_aead_xchacha20poly1305_ietf_decrypt(text, NULL, NULL, body.data, body.size, head, RECORD_HEAD_BYTES,
                                                      nonce, run->key) == 0;
}

size_t record_run_start(struct record_run *run, uint8_t bytes[RECORD_MAX_BYTES])
{
    randombytes_buf(run->run, RECORD_RUN_BYTES);
    run->ordinal = 0;
    put_head(bytes, RECORD_RUN_BYTES + RECORD_TAG_BYTES, RECORD_RUN, 0);
    memcpy(bytes + RECORD_HEAD_BYTES, run->run, RECORD_RUN_BYTES);
    encrypt(run, slice_of(NULL, 0), bytes, bytes + RECORD_HEAD_BYTES + RECORD_RUN_BYTES);
    run->ordinal = 1;
    return RECORD_HEAD_BYTES + RECORD_RUN_BYTES + RECORD_TAG_BYTES;
}

size_t record_seal(struct record_run *run, enum record_type type, struct slice text, uint8_t bytes[RECORD_MAX_BYTES])
{
    ensure(text.size <= RECORD_TEXT_MAX && run->ordinal > 0);
    put_head(bytes, text.size + RECORD_TAG_BYTES, type, run->ordinal);
    encrypt(run, text, bytes, bytes + RECORD_HEAD_BYTES);
    run->ordinal++;
    return RECORD_HEAD_BYTES + text.size + RECORD_TAG_BYTES;
}

/* Did a crash leave this end? */
static bool ends_in_zeros(struct slice file)
{
    static const uint8_t zeros[8];
    size_t size = file.size < sizeof zeros ? file.size : sizeof zeros;
    return memcmp(file.data + file.size - size, zeros, size) == 0;
}

static bool head_is_ours(const uint8_t *head, uint64_t ordinal)
{
    uint8_t ours[RECORD_HEAD_BYTES];
    size_t size = get_u32(head);
    bool is_run = head[4] == RECORD_RUN;
    if (head[4] < RECORD_RUN || head[4] > RECORD_NOTE || size < RECORD_TAG_BYTES)
        return false;
    if (is_run ? size != RECORD_RUN_BYTES + RECORD_TAG_BYTES : size > RECORD_TEXT_MAX + RECORD_TAG_BYTES)
        return false;
    put_head(ours, size, head[4], is_run ? 0 : ordinal);
    return memcmp(ours, head, RECORD_HEAD_BYTES) == 0;
}

static enum record_result open_run(struct record_run *run, const uint8_t *head, struct record *record)
{
    struct record_run next = *run;
    memcpy(next.run, head + RECORD_HEAD_BYTES, RECORD_RUN_BYTES);
    next.ordinal = 0;
    struct slice tag = slice_of(head + RECORD_HEAD_BYTES + RECORD_RUN_BYTES, RECORD_TAG_BYTES);
    if (!decrypt(&next, tag, head, record->text))
        return RECORD_FOREIGN;
    *run = next;
    record->size = 0;
    return RECORD_OPENED;
}

enum record_result record_open(struct record_run *run, struct slice *file, struct record *record)
{
    if (file->size == 0)
        return RECORD_END;
    enum record_result broken = ends_in_zeros(*file) ? RECORD_CUT : RECORD_DAMAGED;
    if (file->size < RECORD_HEAD_BYTES)
        return RECORD_CUT;
    const uint8_t *head = file->data;
    if (!head_is_ours(head, run->ordinal))
        return broken;
    size_t size = get_u32(head);
    if (file->size - RECORD_HEAD_BYTES < size)
        return RECORD_CUT;
    record->type = head[4];
    if (record->type == RECORD_RUN) {
        enum record_result result = open_run(run, head, record);
        if (result != RECORD_OPENED)
            return broken == RECORD_CUT ? RECORD_CUT : result;
    } else {
        if (run->ordinal == 0 || !decrypt(run, slice_of(head + RECORD_HEAD_BYTES, size), head, record->text))
            return broken;
        record->size = size - RECORD_TAG_BYTES;
    }
    run->ordinal++;
    *file = slice_of(file->data + RECORD_HEAD_BYTES + size, file->size - RECORD_HEAD_BYTES - size);
    return RECORD_OPENED;
}
