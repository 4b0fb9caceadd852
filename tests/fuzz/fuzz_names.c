/* Learner ids, contents and segments, against what their rules say in other words. */
#include "tests/fuzz/fuzz.h"

#include "common/event.h"

static bool content_by_segments(struct slice content)
{
    for (unsigned segments = 1; segments <= SEGMENT_MAX_COUNT; segments++) {
        const uint8_t *slash = memchr(content.data, '/', content.size);
        size_t size = slash ? (size_t)(slash - content.data) : content.size;
        if (!segment_valid(slice_of(content.data, size)))
            return false;
        if (!slash)
            return true;
        content = slice_of(slash + 1, content.size - size - 1);
    }
    return false;
}

/* A learner id is valid when it can be cut where a character begins and both halves are, until one character is left.
 */
static void check_cuts(struct slice learner)
{
    for (size_t at = 1; at < learner.size; at++) {
        bool starts = (learner.data[at] & 0xc0) != 0x80;
        struct slice left = slice_of(learner.data, at), right = slice_of(learner.data + at, learner.size - at);
        promise((learner_valid(left) && learner_valid(right)) == starts);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = exact_copy(slice_of(data, size));
    struct slice name = slice_of(copy, size);
    promise(content_valid(name) == content_by_segments(name));
    if (learner_valid(name)) {
        promise(size >= 1 && size <= LEARNER_MAX_BYTES);
        check_cuts(name);
    }
    if (segment_valid(name))
        promise(learner_valid(name) && content_valid(name));
    (void)kind_from_name(name);
    free(copy);
    return 0;
}
