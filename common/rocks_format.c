/* The row "format" of a store, seen before anything is written. */
#include "common/format.h"
#include "common/rocks.h"

enum {
    LOOK_BYTES = 1 << 20,
};

enum status rocks_look_format(const char *path, uint32_t known, struct error *error)
{
    /* damage is for whoever opens it to find */
    struct rocks_options options = {
        .mode = ROCKS_READ_CUT,
        .default_only = true,
        .write_buffer_bytes = LOOK_BYTES,
        .cache_bytes = LOOK_BYTES,
        .max_wal_bytes = LOOK_BYTES,
        .block_bytes = 4096,
    };
    struct rocks *store = NULL;
    struct rocks_value value = {0};
    struct error unseen;
    bool found = false;
    if (rocks_open(path, &options, NULL, 0, &store, &unseen) != STATUS_OK)
        return STATUS_OK;
    enum status status =
        rocks_get(store, rocks_family(store, "default"), slice_of_text("format"), &found, &value, &unseen);
    if (status != STATUS_OK || !found || value.bytes.size != 4)
        status = STATUS_OK;
    else
        status = format_check(get_u32(value.bytes.data), known, error);
    rocks_value_close(&value);
    rocks_close(store);
    return status;
}
