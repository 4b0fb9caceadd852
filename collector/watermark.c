#include "collector/watermark.h"

#include "common/format.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <unistd.h>
#include <xxhash.h>

enum {
    WATERMARK_VERSION = 1,
    SEALED_BYTES = WATERMARK_SLOT_BYTES - 8
};
static const char magic[4] = {'J', 'W', 'M', 'K'};

struct watermark {
    int fd;
    char *path;
    uint64_t sequence; /* of the last slot written */
};

static void encode_slot(const struct watermark_mark *mark, uint64_t sequence, uint8_t slot[WATERMARK_SLOT_BYTES])
{
    memset(slot, 0, WATERMARK_SLOT_BYTES);
    memcpy(slot, magic, sizeof magic);
    put_u32(slot + 4, WATERMARK_VERSION);
    memcpy(slot + 8, mark->log_id, LOG_ID_BYTES);
    put_u32(slot + 24, mark->epoch);
    put_u64(slot + 32, mark->offset);
    put_u64(slot + 40, mark->vault_rows);
    put_u64(slot + 48, sequence);
    put_u64(slot + SEALED_BYTES, XXH3_64bits(slot, SEALED_BYTES));
}

static bool slot_whole(const uint8_t *slot)
{
    return memcmp(slot, magic, sizeof magic) == 0 && get_u64(slot + SEALED_BYTES) == XXH3_64bits(slot, SEALED_BYTES);
}

static void decode_slot(const uint8_t *slot, struct watermark_mark *mark)
{
    memcpy(mark->log_id, slot + 8, LOG_ID_BYTES);
    mark->epoch = get_u32(slot + 24);
    mark->offset = get_u64(slot + 32);
    mark->vault_rows = get_u64(slot + 40);
}

static enum status choose_slot(struct watermark *watermark, const uint8_t *slots, struct watermark_mark *mark,
                               struct error *error)
{
    const uint8_t *best = NULL;
    for (int i = 0; i < WATERMARK_SLOTS; i++) {
        const uint8_t *slot = slots + i * WATERMARK_SLOT_BYTES;
        if (slot_whole(slot) && (!best || get_u64(slot + 48) > get_u64(best + 48)))
            best = slot;
    }
    if (!best)
        return error_set(error, STATUS_CORRUPT, "%s: no slot of the watermark is whole", watermark->path);
    if (format_check(get_u32(best + 4), WATERMARK_VERSION, error) != STATUS_OK)
        return error_prefix(error, "the watermark %s", watermark->path);
    watermark->sequence = get_u64(best + 48);
    decode_slot(best, mark);
    return STATUS_OK;
}

/* NULL and the error where it cannot be opened. */
static struct watermark *open_file(const char *path, int flags, struct error *error)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0) {
        error_errno(error, errno == ENOENT ? STATUS_NO_INPUT : STATUS_IO, "%s cannot be opened", path);
        return NULL;
    }
    struct watermark *watermark = mem_new(1, sizeof *watermark);
    watermark->fd = fd;
    watermark->path = mem_text("%s", path);
    return watermark;
}

static enum status open_and_read(const char *path, int flags, struct watermark **watermark, struct watermark_mark *mark,
                                 struct error *error)
{
    struct watermark *opened = open_file(path, flags, error);
    uint8_t slots[WATERMARK_SLOTS * WATERMARK_SLOT_BYTES] = {0};
    enum status status;
    if (!opened)
        return error->status;
    if (pread(opened->fd, slots, sizeof slots, 0) < 0)
        status = error_errno(error, STATUS_IO, "%s cannot be read", path);
    else
        status = choose_slot(opened, slots, mark, error);
    if (status != STATUS_OK)
        watermark_close(opened);
    else
        *watermark = opened;
    return status;
}

enum status watermark_open(const char *path, struct watermark **watermark, struct watermark_mark *mark,
                           struct error *error)
{
    return open_and_read(path, O_RDWR, watermark, mark, error);
}

enum status watermark_look(const char *path, struct watermark_mark *mark, struct error *error)
{
    struct watermark *opened = NULL;
    enum status status = open_and_read(path, O_RDONLY, &opened, mark, error);
    watermark_close(opened);
    return status;
}

/* The file's own name must survive too: its folder is synced. */
static enum status sync_folder(const char *path, struct error *error)
{
    char *copy = mem_text("%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    enum status status = synced ? STATUS_OK : error_errno(error, STATUS_IO, "the folder of %s cannot be synced", path);
    if (fd >= 0)
        close(fd);
    free(copy);
    return status;
}

enum status watermark_make(const char *path, const struct watermark_mark *mark, struct watermark **watermark,
                           struct error *error)
{
    struct watermark *made = open_file(path, O_RDWR | O_CREAT | O_EXCL, error);
    enum status status = STATUS_OK;
    if (!made)
        return error->status;
    for (int i = 0; i < WATERMARK_SLOTS && status == STATUS_OK; i++)
        status = watermark_write(made, mark, error);
    if (status == STATUS_OK)
        status = sync_folder(path, error);
    if (status != STATUS_OK)
        watermark_close(made);
    else
        *watermark = made;
    return status;
}

enum status watermark_write(struct watermark *watermark, const struct watermark_mark *mark, struct error *error)
{
    uint8_t slot[WATERMARK_SLOT_BYTES];
    uint64_t sequence = watermark->sequence + 1;
    encode_slot(mark, sequence, slot);
    off_t at = (off_t)(sequence % WATERMARK_SLOTS) * WATERMARK_SLOT_BYTES;
    if (pwrite(watermark->fd, slot, sizeof slot, at) != sizeof slot)
        return error_errno(error, STATUS_IO, "%s cannot be written", watermark->path);
    if (fdatasync(watermark->fd) != 0)
        return error_errno(error, STATUS_IO, "%s cannot be synced", watermark->path);
    watermark->sequence = sequence;
    return STATUS_OK;
}

void watermark_close(struct watermark *watermark)
{
    if (!watermark)
        return;
    close(watermark->fd);
    free(watermark->path);
    free(watermark);
}
