/* What a process wrote to a write-ahead log and did not live to sync is read back like the rest, from memory; a power cut takes
 * it. RocksDB syncs no old log when it opens a store (strace shows it), and a reader cannot flush. */
#include "common/rocks_inner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static bool is_log(const char *name)
{
    size_t size = strlen(name);
    return size > 4 && strcmp(name + size - 4, ".log") == 0;
}

static enum status sync_one(int folder, const char *path, const char *name, struct error *error)
{
    int file = openat(folder, name, O_RDONLY | O_CLOEXEC);
    if (file < 0 && errno == ENOENT)
        return STATUS_OK;
    enum status status = STATUS_OK;
    if (file < 0 || fdatasync(file) != 0)
        status = error_errno(error, STATUS_IO, "%s/%s cannot be synced", path, name);
    if (file >= 0)
        close(file);
    return status;
}

enum status rocks_sync_logs(const char *path, struct error *error)
{
    DIR *folder = opendir(path);
    enum status status = STATUS_OK;
    if (!folder)
        return error_errno(error, STATUS_IO, "%s", path);
    for (struct dirent *entry = readdir(folder); entry && status == STATUS_OK; entry = readdir(folder))
        if (is_log(entry->d_name))
            status = sync_one(dirfd(folder), path, entry->d_name, error);
    closedir(folder);
    return status;
}
