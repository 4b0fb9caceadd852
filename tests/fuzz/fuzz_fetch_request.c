/* A reader's request, as the collector reads it: what was read is written and read again. */
#include "tests/fuzz/fuzz.h"

#include "common/fetch.h"

static void free_slice(struct slice slice)
{
    union {
        const uint8_t *given;
        void *owned;
    } memory = {.given = slice.data};
    free(memory.owned);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = exact_copy(slice_of(data, size));
    struct fetch_request request, again;
    struct error error;
    memset(&request, 0, sizeof request);
    memset(&again, 0, sizeof again);
    if (fetch_request_decode(slice_of(copy, size), &request, &error) == STATUS_OK) {
        struct slice bytes = fetch_request_encode(&request);
        promise(fetch_request_decode(bytes, &again, &error) == STATUS_OK);
        promise(memcmp(&request, &again, sizeof request) == 0);
        free_slice(bytes);
    }
    free(copy);
    return 0;
}
