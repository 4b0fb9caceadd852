#include "clients/publisher/sealed.h"

#include <sodium.h>
#include <xxhash.h>

_Static_assert(SEALED_TAG_BYTES == crypto_aead_xchacha20poly1305_ietf_ABYTES, "tag");
_Static_assert(SEALED_RUN_BYTES + 8 == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "nonce");
_Static_assert(SEALED_KEY_BYTES == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "key");

void sealed_key(const uint8_t secret[32], uint8_t key[SEALED_KEY_BYTES])
{
    static const uint8_t purpose[] = "jejak spool v1";
    crypto_generichash(key, SEALED_KEY_BYTES, purpose, sizeof purpose - 1, secret, 32);
}

static void put_head(uint8_t *head, size_t body_size, enum sealed_type type, uint64_t ordinal)
{
    put_u32(head, (uint32_t)body_size);
    head[4] = (uint8_t)type;
    uint64_t check = XXH3_64bits_withSeed(head, 5, ordinal);
    head[5] = (uint8_t)check;
    head[6] = (uint8_t)(check >> 8);
    head[7] = (uint8_t)(check >> 16);
}

static void make_nonce(const struct sealed_run *run, uint8_t nonce[SEALED_RUN_BYTES + 8])
{
    memcpy(nonce, run->run, SEALED_RUN_BYTES);
    put_u64(nonce + SEALED_RUN_BYTES, run->ordinal);
}

static void encrypt(const struct sealed_run *run, struct slice text, const uint8_t *head, uint8_t *body)
{
    uint8_t nonce[SEALED_RUN_BYTES + 8];
    make_nonce(run, nonce);
    crypto_aead_xchacha20poly1305_ietf_encrypt(body, NULL, text.data, text.size, head, SEALED_HEAD_BYTES, NULL, nonce,
                                               run->key);
}

static bool decrypt(const struct sealed_run *run, struct slice body, const uint8_t *head, uint8_t *text)
{
    uint8_t nonce[SEALED_RUN_BYTES + 8];
    make_nonce(run, nonce);
    return crypto_aead_xchacha20poly1305_ietf_decrypt(text, NULL, NULL, body.data, body.size, head, SEALED_HEAD_BYTES,
                                                      nonce, run->key) == 0;
}

size_t sealed_run_start(struct sealed_run *run, uint8_t bytes[SEALED_MAX_BYTES])
{
    randombytes_buf(run->run, SEALED_RUN_BYTES);
    run->ordinal = 0;
    put_head(bytes, SEALED_RUN_BYTES + SEALED_TAG_BYTES, SEALED_RUN, 0);
    memcpy(bytes + SEALED_HEAD_BYTES, run->run, SEALED_RUN_BYTES);
    encrypt(run, slice_of(NULL, 0), bytes, bytes + SEALED_HEAD_BYTES + SEALED_RUN_BYTES);
    run->ordinal = 1;
    return SEALED_HEAD_BYTES + SEALED_RUN_BYTES + SEALED_TAG_BYTES;
}

size_t sealed_put(struct sealed_run *run, enum sealed_type type, struct slice text, uint8_t bytes[SEALED_MAX_BYTES])
{
    ensure(text.size <= SEALED_TEXT_MAX && run->ordinal > 0);
    put_head(bytes, text.size + SEALED_TAG_BYTES, type, run->ordinal);
    encrypt(run, text, bytes, bytes + SEALED_HEAD_BYTES);
    run->ordinal++;
    return SEALED_HEAD_BYTES + text.size + SEALED_TAG_BYTES;
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
    uint8_t ours[SEALED_HEAD_BYTES];
    size_t size = get_u32(head);
    bool is_run = head[4] == SEALED_RUN;
    if (head[4] < SEALED_RUN || head[4] > SEALED_TYPES || size < SEALED_TAG_BYTES)
        return false;
    if (is_run ? size != SEALED_RUN_BYTES + SEALED_TAG_BYTES : size > SEALED_TEXT_MAX + SEALED_TAG_BYTES)
        return false;
    put_head(ours, size, head[4], is_run ? 0 : ordinal);
    return memcmp(ours, head, SEALED_HEAD_BYTES) == 0;
}

/* Of a type that is not known here: the first record of a run, or one in it. */
static bool head_is_newer(const uint8_t *head, uint64_t ordinal)
{
    uint8_t theirs[SEALED_HEAD_BYTES];
    if (head[4] <= SEALED_TYPES)
        return false;
    put_head(theirs, get_u32(head), head[4], ordinal);
    bool in_run = memcmp(theirs, head, SEALED_HEAD_BYTES) == 0;
    put_head(theirs, get_u32(head), head[4], 0);
    return in_run || memcmp(theirs, head, SEALED_HEAD_BYTES) == 0;
}

static enum sealed_result open_run(struct sealed_run *run, const uint8_t *head, struct sealed *record)
{
    struct sealed_run next = *run;
    memcpy(next.run, head + SEALED_HEAD_BYTES, SEALED_RUN_BYTES);
    next.ordinal = 0;
    struct slice tag = slice_of(head + SEALED_HEAD_BYTES + SEALED_RUN_BYTES, SEALED_TAG_BYTES);
    if (!decrypt(&next, tag, head, record->text))
        return SEALED_FOREIGN;
    *run = next;
    record->size = 0;
    return SEALED_OPENED;
}

enum sealed_result sealed_open(struct sealed_run *run, struct slice *file, struct sealed *record)
{
    if (file->size == 0)
        return SEALED_END;
    enum sealed_result broken = ends_in_zeros(*file) ? SEALED_CUT : SEALED_DAMAGED;
    if (file->size < SEALED_HEAD_BYTES)
        return SEALED_CUT;
    const uint8_t *head = file->data;
    record->type = head[4];
    if (head_is_newer(head, run->ordinal))
        return SEALED_NEWER;
    if (!head_is_ours(head, run->ordinal))
        return broken;
    size_t size = get_u32(head);
    if (file->size - SEALED_HEAD_BYTES < size)
        return SEALED_CUT;
    if (record->type == SEALED_RUN) {
        enum sealed_result result = open_run(run, head, record);
        if (result != SEALED_OPENED)
            return broken == SEALED_CUT ? SEALED_CUT : result;
    } else {
        if (run->ordinal == 0 || !decrypt(run, slice_of(head + SEALED_HEAD_BYTES, size), head, record->text))
            return broken;
        record->size = size - SEALED_TAG_BYTES;
    }
    run->ordinal++;
    *file = slice_of(file->data + SEALED_HEAD_BYTES + size, file->size - SEALED_HEAD_BYTES - size);
    return SEALED_OPENED;
}
