#include "common/packer.h"

#include <msgpack.h>
#include <stdlib.h>

enum {
    FIRST_BYTES = 1024
};

struct packer {
    uint8_t *bytes;
    size_t size, room;
    msgpack_packer inner;
};

/* Of our own: msgpack's buffer leaves out what it has no memory for, and nobody would know. */
static int append(void *argument, const char *bytes, size_t size)
{
    struct packer *packer = argument;
    if (packer->room - packer->size < size) {
        size_t room = packer->room ? 2 * packer->room : FIRST_BYTES;
        packer->room = room > packer->size + size ? room : packer->size + size;
        packer->bytes = mem_grow(packer->bytes, packer->room, 1);
    }
    memcpy(packer->bytes + packer->size, bytes, size);
    packer->size += size;
    return 0;
}

struct packer *packer_open(void)
{
    struct packer *packer = mem_new(1, sizeof *packer);
    msgpack_packer_init(&packer->inner, packer, append);
    return packer;
}

void packer_close(struct packer *packer)
{
    if (!packer)
        return;
    free(packer->bytes);
    free(packer);
}

void packer_clear(struct packer *packer)
{
    packer->size = 0;
}

struct slice packer_bytes(const struct packer *packer)
{
    return slice_of(packer->bytes, packer->size);
}

struct slice packer_take(struct packer *packer)
{
    struct slice taken = packer_bytes(packer);
    packer->bytes = NULL;
    packer_close(packer);
    return taken;
}

void packer_map(struct packer *packer, size_t pairs)
{
    msgpack_pack_map(&packer->inner, pairs);
}

void packer_array(struct packer *packer, size_t elements)
{
    msgpack_pack_array(&packer->inner, elements);
}

void packer_nil(struct packer *packer)
{
    msgpack_pack_nil(&packer->inner);
}

void packer_natural(struct packer *packer, uint64_t number)
{
    msgpack_pack_uint64(&packer->inner, number);
}

void packer_text(struct packer *packer, const char *text)
{
    packer_slice(packer, slice_of_text(text));
}

void packer_slice(struct packer *packer, struct slice text)
{
    msgpack_pack_str(&packer->inner, text.size);
    if (text.size > 0)
        msgpack_pack_str_body(&packer->inner, text.data, text.size);
}

void packer_binary(struct packer *packer, struct slice bytes)
{
    msgpack_pack_bin(&packer->inner, bytes.size);
    if (bytes.size > 0)
        msgpack_pack_bin_body(&packer->inner, bytes.data, bytes.size);
}

void packer_pair_natural(struct packer *packer, const char *key, uint64_t number)
{
    packer_text(packer, key);
    packer_natural(packer, number);
}

void packer_pair_text(struct packer *packer, const char *key, const char *text)
{
    packer_text(packer, key);
    packer_text(packer, text);
}
