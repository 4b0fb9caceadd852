/* scratch.h - a folder of its own for a test, gone afterwards. */
#ifndef JEJAK_TESTS_SCRATCH_H
#define JEJAK_TESTS_SCRATCH_H

#include "common/base.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* A new folder under $TMPDIR or /tmp; scratch_remove() deletes it with all it holds and frees the name. */
static inline char *scratch_make(void)
{
    const char *under = getenv("TMPDIR");
    char *folder = mem_text("%s/jejak-test-XXXXXX", under && *under ? under : "/tmp");
    ensure(mkdtemp(folder));
    return folder;
}

static inline int scratch_remove_one(const char *path, const struct stat *file, int type, struct FTW *where)
{
    (void)file, (void)type, (void)where;
    return remove(path);
}

static inline void scratch_remove(char *folder)
{
    nftw(folder, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
    free(folder);
}

/* FOLDER/NAME, to be freed. */
static inline char *scratch_path(const char *folder, const char *name)
{
    return mem_text("%s/%s", folder, name);
}

/* Writes bytes to a file, over what was there. */
static inline void scratch_write(const char *path, const void *bytes, size_t size, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
    ensure(fd >= 0 && fchmod(fd, mode) == 0 && write(fd, bytes, size) == (ssize_t)size);
    close(fd);
}

#endif
