/* A key's file. What is accepted is 40 characters that ZeroMQ decodes to the same bytes, and never zeros. */
#include "tests/fuzz/fuzz.h"

#include "common/keyfile.h"

#include <zmq.h>

static void check_key(const uint8_t *data, size_t size, const char *text, const uint8_t *key)
{
    uint8_t decoded[KEY_BYTES], zeros[KEY_BYTES] = {0};
    promise(size >= KEY_TEXT_BYTES - 1 && strlen(text) == KEY_TEXT_BYTES - 1);
    promise(memcmp(data, text, KEY_TEXT_BYTES - 1) == 0);
    promise(zmq_z85_decode(decoded, text) == decoded && memcmp(decoded, key, KEY_BYTES) == 0);
    promise(memcmp(key, zeros, KEY_BYTES) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = exact_copy(slice_of(data, size)), key[KEY_BYTES];
    char text[KEY_TEXT_BYTES] = "";
    struct error error;
    enum status status = keyfile_parse(slice_of(copy, size), "some.key", text, key, &error);
    if (status == STATUS_OK)
        check_key(copy, size, text, key);
    else
        promise(status == STATUS_CONFIG && strncmp(error.text, "some.key", 8) == 0 && text[0] == '\0');
    free(copy);
    return 0;
}
