/* An answer, as a publisher reads it: what was read is written and read again. */
#include "tests/fuzz/fuzz.h"

#include "common/wire.h"

static void check_again(const struct answer *first)
{
    struct answer_rejected rejected[REJECTED_MAX_LISTED];
    struct packer *buffer = packer_open();
    struct slice bytes = answer_encode(buffer, first);
    struct answer again;
    struct error error;
    promise(answer_decode(bytes, &again, rejected, &error) == STATUS_OK);
    promise(again.status == first->status && again.has_session == first->has_session);
    promise(again.has_seq == first->has_seq && again.seq == first->seq);
    if (first->status == ANSWER_OK)
        promise(again.accepted == first->accepted && again.rejected_count == first->rejected_count);
    if (first->status == ANSWER_GAP)
        promise(again.expected == first->expected && again.expected >= 1);
    if (first->status == ANSWER_REFUSED)
        promise(again.refusal == first->refusal && strcmp(again.detail, first->detail) == 0);
    packer_close(buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = exact_copy(slice_of(data, size));
    struct answer_rejected rejected[REJECTED_MAX_LISTED];
    struct answer answer;
    struct error error;
    if (answer_decode(slice_of(copy, size), &answer, rejected, &error) == STATUS_OK) {
        promise(answer.rejected_count <= REJECTED_MAX_LISTED);
        check_again(&answer);
    }
    free(copy);
    return 0;
}
