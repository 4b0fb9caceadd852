#include "collector/ballast.h"

#include "common/logline.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static char *ballast_path(const struct config *config)
{
    char *log = mem_text("%s", config_text(config, CONFIG_LOG));
    char *path = mem_text("%s/ballast", dirname(log));
    free(log);
    return path;
}

static bool is_room(const char *path)
{
    char *folder = mem_text("%s", path);
    struct statvfs disk;
    bool known = statvfs(dirname(folder), &disk) == 0;
    free(folder);
    return known && (uint64_t)disk.f_bavail * disk.f_frsize >= (uint64_t)BALLAST_SPARE * BALLAST_BYTES;
}

/* Blocks of its own, not a hole. */
static void make(const char *path)
{
    int file = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    int failed = file < 0 ? errno : posix_fallocate(file, 0, BALLAST_BYTES);
    if (file >= 0)
        close(file);
    if (failed == 0)
        return;
    unlink(path);
    log_warning("no ballast: a start on a full disk may be refused", LOG_TEXT("path", path),
                LOG_TEXT("error", strerror(failed)));
}

void ballast_keep(const struct config *config)
{
    struct stat stands;
    char *path = ballast_path(config);
    bool whole = stat(path, &stands) == 0 && stands.st_size == BALLAST_BYTES &&
                 (uint64_t)stands.st_blocks * 512 >= BALLAST_BYTES;
    if (!whole && is_room(path))
        make(path);
    free(path);
}

bool ballast_give_up(const struct config *config)
{
    char *path = ballast_path(config);
    bool gone = unlink(path) == 0;
    if (gone)
        log_warning("the disk is full; the ballast is given up", LOG_TEXT("path", path));
    free(path);
    return gone;
}
