/* The first part of the collector's answer to a reader: what was read is written and read again. */
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
    struct fetch_answer answer, again;
    struct error error;
    if (fetch_answer_decode(slice_of(copy, size), &answer, &error) == STATUS_OK) {
        struct slice bytes = fetch_answer_encode(&answer);
        promise(answer.learners.size % LID_BYTES == 0 && answer.learners.size <= size && answer.detail.size <= size);
        promise(fetch_answer_decode(bytes, &again, &error) == STATUS_OK);
        promise(again.status == answer.status && again.epoch == answer.epoch);
        promise(again.durable == answer.durable && again.next == answer.next);
        promise(slice_equal(again.learners, answer.learners) && slice_equal(again.detail, answer.detail));
        free_slice(bytes);
    }
    free(copy);
    return 0;
}
