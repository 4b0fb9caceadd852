#include "clients/publisher/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static enum status check_mode(int fd, const char *path, uint64_t *size, struct error *error)
{
    struct stat info;
    if (fstat(fd, &info) != 0)
        return error_errno(error, STATUS_IO, "%s", path);
    if (!S_ISREG(info.st_mode))
        return error_set(error, STATUS_CONFIG, "%s is not a regular file", path);
    if ((info.st_mode & 077) != 0)
        return error_set(error, STATUS_DENIED, "%s may be opened by others (mode %03o); make it 0600", path,
                         (unsigned)info.st_mode & 0777u);
    *size = (uint64_t)info.st_size;
    return STATUS_OK;
}

enum status journal_open(const char *path, const uint8_t key[SEALED_KEY_BYTES], bool fresh, struct journal *journal,
                         struct error *error)
{
    struct journal opened = {.fd = -1};
    opened.fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | (fresh ? O_TRUNC : 0), 0600);
    if (opened.fd < 0)
        return error_errno(error, STATUS_CANNOT_MAKE, "%s", path);
    enum status status = check_mode(opened.fd, path, &opened.end, error);
    if (status == STATUS_OK && !(opened.path = strdup(path)))
        status = error_set(error, STATUS_SYSTEM, "no memory for %s", path);
    if (status != STATUS_OK) {
        close(opened.fd);
        return status;
    }
    memcpy(opened.run.key, key, SEALED_KEY_BYTES);
    *journal = opened;
    return STATUS_OK;
}

void journal_close(struct journal *journal)
{
    if (journal->fd >= 0)
        close(journal->fd);
    free(journal->path);
    *journal = (struct journal){.fd = -1};
}

uint64_t journal_cost(size_t text_size)
{
    return SEALED_HEAD_BYTES + SEALED_RUN_BYTES + SEALED_TAG_BYTES + SEALED_HEAD_BYTES + text_size + SEALED_TAG_BYTES;
}

static enum status write_at(const struct journal *journal, const uint8_t *bytes, size_t size, struct error *error)
{
    for (size_t done = 0; done < size;) {
        ssize_t wrote = pwrite(journal->fd, bytes + done, size - done, (off_t)(journal->end + done));
        if (wrote < 0 && errno == EINTR)
            continue;
        if (wrote < 0)
            return error_errno(error, STATUS_IO, "writing %s", journal->path);
        done += (size_t)wrote;
    }
    return STATUS_OK;
}

enum status journal_append(struct journal *journal, enum sealed_type type, struct slice text, struct error *error)
{
    uint8_t bytes[2 * SEALED_MAX_BYTES];
    size_t size = 0;
    if (journal->run.ordinal == 0)
        size = sealed_run_start(&journal->run, bytes);
    size += sealed_put(&journal->run, type, text, bytes + size);
    enum status status = write_at(journal, bytes, size, error);
    if (status == STATUS_OK) {
        journal->end += size;
        return STATUS_OK;
    }
    journal->run.ordinal = 0;
    if (ftruncate(journal->fd, (off_t)journal->end) != 0)
        return error_errno(error, STATUS_IO, "cutting %s back after a failed write", journal->path);
    return status;
}

enum status journal_sync(struct journal *journal, struct error *error)
{
    if (fdatasync(journal->fd) != 0)
        return error_errno(error, STATUS_IO, "syncing %s", journal->path);
    return STATUS_OK;
}

/* mmap wants page boundaries; `all` is what was mapped, `left` what was asked for. */
enum status journal_read(const struct journal *journal, uint64_t start, uint64_t end, const struct sealed_run *run,
                         struct journal_reader *reader, struct error *error)
{
    uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
    uint64_t base = start - start % page;
    reader->all = reader->left = slice_of(NULL, 0);
    reader->end = end;
    reader->run = *run;
    if (end == start)
        return STATUS_OK;
    size_t size = (size_t)(end - base);
    void *map = mmap(NULL, size, PROT_READ, MAP_SHARED, journal->fd, (off_t)base);
    if (map == MAP_FAILED)
        return error_errno(error, STATUS_IO, "reading %s", journal->path);
    reader->all = slice_of(map, size);
    reader->left = slice_of((const uint8_t *)map + (start - base), (size_t)(end - start));
    return STATUS_OK;
}

enum sealed_result journal_next(struct journal_reader *reader)
{
    return sealed_open(&reader->run, &reader->left, &reader->record);
}

uint64_t journal_at(const struct journal_reader *reader)
{
    return reader->end - reader->left.size;
}

void journal_read_done(struct journal_reader *reader)
{
    if (reader->all.size > 0)
        munmap((void *)(uintptr_t)reader->all.data, reader->all.size);
    reader->all = reader->left = slice_of(NULL, 0);
}
