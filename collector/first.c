#include "collector/first.h"

#include "collector/keys.h"
#include "collector/store.h"
#include "common/logline.h"
#include "common/rocks.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char *mark_path(const struct config *config)
{
    return mem_text("%s.first", config_text(config, CONFIG_WATERMARK));
}

static enum status sync_folder_of(const char *path, struct error *error)
{
    char *folder = mem_text("%s", path), *slash = strrchr(folder, '/');
    if (slash)
        *slash = '\0';
    int file = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    enum status status = STATUS_OK;
    if (file < 0 || fsync(file) != 0)
        status = error_errno(error, STATUS_IO, "%s cannot be synced", folder);
    if (file >= 0)
        close(file);
    free(folder);
    return status;
}

bool first_interrupted(const struct config *config)
{
    char *path = mark_path(config);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

static enum status remove_half_made(const struct config *config, struct error *error)
{
    static const enum config_key stores[] = {CONFIG_LOG, CONFIG_VAULT};
    const char *watermark = config_text(config, CONFIG_WATERMARK);
    enum status status = keys_remove(config_text(config, CONFIG_KEYS), error);
    for (size_t i = 0; i < ARRAY_COUNT(stores) && status == STATUS_OK; i++)
        if (access(config_text(config, stores[i]), F_OK) == 0)
            status = rocks_destroy(config_text(config, stores[i]), error);
    if (status == STATUS_OK && unlink(watermark) != 0 && errno != ENOENT)
        status = error_errno(error, STATUS_IO, "%s cannot be removed", watermark);
    return status;
}

static enum status busy(const struct config *config, struct error *error)
{
    return error_set(error, STATUS_BUSY, "another collector is making its first start in %s; start this one again",
                     config_home(config));
}

/* Holds the mark, and knows whether it is the one that stands there: its maker may have ended meanwhile. */
static enum status hold(const struct config *config, int file, struct error *error)
{
    struct stat seen;
    if (flock(file, LOCK_EX | LOCK_NB) != 0 || fstat(file, &seen) != 0 || seen.st_nlink == 0)
        return busy(config, error);
    return STATUS_OK;
}

/* With a mark of our own making. Who was here before it was there has done all that we would do. */
static enum status begin_first(const struct config *config, const char *mark, struct error *error)
{
    char *parts = NULL;
    bool done = keys_present(config_text(config, CONFIG_KEYS)) || store_presence(config, &parts) != STORE_NONE;
    free(parts);
    if (!done)
        return sync_folder_of(mark, error);
    unlink(mark);
    return busy(config, error);
}

enum status first_begin(const struct config *config, int *lock, struct error *error)
{
    char *mark = mark_path(config);
    int file = open(mark, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool made = file >= 0;
    if (!made && errno == EEXIST)
        file = open(mark, O_RDWR | O_CLOEXEC);
    enum status status = file < 0 ? error_errno(error, STATUS_CANNOT_MAKE, "%s", mark) : hold(config, file, error);
    if (status == STATUS_OK && made)
        status = begin_first(config, mark, error);
    else if (status == STATUS_OK) {
        log_warning("a first start did not come to its end; begun anew", LOG_TEXT("home", config_home(config)));
        status = remove_half_made(config, error);
    }
    if (status == STATUS_OK)
        *lock = file;
    else if (file >= 0)
        close(file);
    free(mark);
    return status;
}

enum status first_done(const struct config *config, int lock, struct error *error)
{
    char *mark = mark_path(config);
    enum status status =
        unlink(mark) == 0 ? sync_folder_of(mark, error) : error_errno(error, STATUS_IO, "%s cannot be removed", mark);
    free(mark);
    close(lock);
    return status;
}
