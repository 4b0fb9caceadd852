/* A watermark's file: what is accepted is what one of its slots says under a checksum that is right. */
#include "tests/fuzz/fuzz.h"

#include "collector/watermark.h"
#include "tests/fuzz/memory_file.h"

#include <xxhash.h>

static bool stands_in(const struct watermark_mark *mark, const uint8_t *slot)
{
    return get_u64(slot + 56) == XXH3_64bits(slot, 56) && get_u64(slot + 32) == mark->offset &&
           get_u32(slot + 24) == mark->epoch && memcmp(slot + 8, mark->log_id, LOG_ID_BYTES) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum {
        ALL = WATERMARK_SLOTS * WATERMARK_SLOT_BYTES,
        SEAL = 0x5a
    };
    uint8_t slots[ALL] = {0};
    char path[32];
    struct watermark_mark mark;
    struct error error;
    memcpy(slots, data, size < ALL ? size : ALL);
    for (int i = 0; i < WATERMARK_SLOTS; i++) /* no chance finds a checksum: this byte asks for the right one */
        if (slots[i * WATERMARK_SLOT_BYTES + 28] == SEAL)
            put_u64(slots + i * WATERMARK_SLOT_BYTES + 56, XXH3_64bits(slots + i * WATERMARK_SLOT_BYTES, 56));
    snprintf(path, sizeof path, "/proc/self/fd/%d", memory_file(slots, size < ALL ? size : ALL));
    enum status status = watermark_look(path, &mark, &error);
    if (status == STATUS_OK)
        promise(stands_in(&mark, slots) || stands_in(&mark, slots + WATERMARK_SLOT_BYTES));
    else
        promise(status == STATUS_CORRUPT || status == STATUS_NEWER);
    return 0;
}
