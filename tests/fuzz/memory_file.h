/* memory_file.h - bytes as a file, for what reads files only: one file in memory, filled anew for each input. */
#ifndef JEJAK_TESTS_FUZZ_MEMORY_FILE_H
#define JEJAK_TESTS_FUZZ_MEMORY_FILE_H

#include "tests/fuzz/promise.h"

#include <sys/mman.h>
#include <unistd.h>

/* Its descriptor, at the file's begin; the same one each time. */
static inline int memory_file(const uint8_t *data, size_t size)
{
    static int file = -1;
    if (file < 0)
        file = memfd_create("input", MFD_CLOEXEC);
    promise(file >= 0 && ftruncate(file, 0) == 0 && pwrite(file, data, size, 0) == (ssize_t)size);
    promise(lseek(file, 0, SEEK_SET) == 0);
    return file;
}

#endif
