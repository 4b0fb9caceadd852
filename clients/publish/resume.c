#include "clients/publish/resume.h"

#include "common/format.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum {
    RESUME_FORMAT = 1,
    FORMAT_DIGITS = 9,
    STRETCH_BYTES = 64 << 10,
    HEX_BYTES = 2 * SESSION_BYTES + 1
};

struct identity {
    uint64_t size, head, before;
};

static enum status file_size(int fd, const char *path, uint64_t *size, struct error *error)
{
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0)
        return error_errno(error, STATUS_NO_INPUT, "%s", path);
    if (!S_ISREG(info.st_mode))
        return error_set(error, STATUS_USAGE, "%s is not a regular file: a run over it cannot be resumed", path);
    *size = (uint64_t)info.st_size;
    return STATUS_OK;
}

void resume_files_close(struct resume_files *files)
{
    free(files->sizes);
    *files = (struct resume_files){0};
}

enum status resume_files_open(const char *const *paths, size_t count, struct resume_files *files, struct error *error)
{
    struct resume_files opened = {.paths = paths, .count = count, .sizes = mem_new(count, sizeof *opened.sizes)};
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
        status = file_size(fd, paths[i], &opened.sizes[i], error);
        if (fd >= 0)
            close(fd);
    }
    if (status != STATUS_OK)
        resume_files_close(&opened);
    else
        *files = opened;
    return status;
}

static enum status hash_stretch(int fd, uint64_t start, uint64_t end, const char *path, uint64_t *hash,
                                struct error *error)
{
    static uint8_t bytes[STRETCH_BYTES];
    ssize_t got = pread(fd, bytes, (size_t)(end - start), (off_t)start);
    if (got < 0)
        return error_errno(error, STATUS_NO_INPUT, "%s", path);
    *hash = XXH3_64bits(bytes, (size_t)got);
    return STATUS_OK;
}

/* The head is taken of the first `size` bytes, so that a file that has grown keeps its identity. */
static enum status identify(const char *path, uint64_t size, uint64_t place, struct identity *identity,
                            struct error *error)
{
    struct identity found = {0};
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum status status = file_size(fd, path, &found.size, error);
    if (status == STATUS_OK)
        status = hash_stretch(fd, 0, size < STRETCH_BYTES ? size : STRETCH_BYTES, path, &found.head, error);
    if (status == STATUS_OK)
        status = hash_stretch(fd, place < STRETCH_BYTES ? 0 : place - STRETCH_BYTES, place, path, &found.before, error);
    if (fd >= 0)
        close(fd);
    if (status == STATUS_OK)
        *identity = found;
    return status;
}

static uint64_t place_in(const struct resume *resume, size_t file)
{
    return file == resume->place.file ? resume->place.at.offset : 0;
}

static enum status write_all(FILE *file, const struct resume_files *files, const struct resume *resume,
                             struct error *error)
{
    fprintf(file, "jejak-resume %d\nsession ", RESUME_FORMAT);
    for (size_t i = 0; i < SESSION_BYTES; i++)
        fprintf(file, "%02x", resume->session[i]);
    fprintf(file, "\nsettled %" PRIu64 "\nbatch %" PRIu32 "\nshift %" PRId64 "\ndone %d\n", resume->settled,
            resume->batch, resume->shift_days, resume->done);
    fprintf(file, "place %" PRIu32 " %" PRIu64 " %" PRIu64 "\n", resume->place.file, resume->place.at.offset,
            resume->place.at.line);
    for (size_t i = 0; i < files->count; i++) {
        struct identity identity;
        enum status status = identify(files->paths[i], files->sizes[i], place_in(resume, i), &identity, error);
        if (status != STATUS_OK)
            return status;
        fprintf(file, "file %" PRIu64 " %016" PRIx64 " %016" PRIx64 " %s\n", files->sizes[i], identity.head,
                identity.before, files->paths[i]);
    }
    return STATUS_OK;
}

enum status resume_write(const char *path, const struct resume_files *files, const struct resume *resume,
                         struct error *error)
{
    char beside[PATH_MAX];
    snprintf(beside, sizeof beside, "%s.new", path);
    FILE *file = fopen(beside, "we");
    if (!file)
        return error_errno(error, STATUS_CANNOT_MAKE, "%s", beside);
    enum status status = write_all(file, files, resume, error);
    bool written = fflush(file) == 0 && fsync(fileno(file)) == 0;
    if (status == STATUS_OK && !written)
        status = error_errno(error, STATUS_IO, "writing %s", beside);
    if (fclose(file) != 0 && status == STATUS_OK)
        status = error_errno(error, STATUS_IO, "writing %s", beside);
    if (status == STATUS_OK && rename(beside, path) != 0)
        status = error_errno(error, STATUS_CANNOT_MAKE, "%s", path);
    return status;
}

static bool read_hex(const char *text, uint8_t session[SESSION_BYTES])
{
    for (size_t i = 0; i < SESSION_BYTES; i++)
        // NOLINTNEXTLINE(cert-err34-c): two hex digits fit
        if (sscanf(text + 2 * i, "%2hhx", &session[i]) != 1)
            return false;
    return true;
}

static enum status read_format(FILE *file, const char *path, struct error *error)
{
    char format[FORMAT_DIGITS + 1];
    if (fscanf(file, "jejak-resume %9[0-9]\n", format) != 1)
        return error_set(error, STATUS_DATA, "%s is not the resume file of a run", path);
    return format_check((uint32_t)strtoul(format, NULL, 10), RESUME_FORMAT, error) == STATUS_OK
               ? STATUS_OK
               : error_prefix(error, "%s", path);
}

static bool read_head(FILE *file, struct resume *resume)
{
    char hex[HEX_BYTES];
    int done;
    // NOLINTNEXTLINE(cert-err34-c): numbers out of range name no place in the files, and are refused as that
    int got = fscanf(file,
                     "session %32[0-9a-f]\nsettled %" SCNu64 "\nbatch %" SCNu32 "\nshift %" SCNd64
                     "\ndone %d\nplace %" SCNu32 " %" SCNu64 " %" SCNu64 "\n",
                     hex, &resume->settled, &resume->batch, &resume->shift_days, &done, &resume->place.file,
                     &resume->place.at.offset, &resume->place.at.line);
    resume->done = done != 0;
    return got == 8 && strlen(hex) == HEX_BYTES - 1 && read_hex(hex, resume->session) && resume->batch > 0;
}

static enum status check_file(const char *name, const struct resume *resume, size_t i, const struct identity *known,
                              struct error *error)
{
    struct identity now;
    enum status status = identify(name, known->size, place_in(resume, i), &now, error);
    if (status != STATUS_OK)
        return status;
    bool may_have_grown = resume->done && i == resume->place.file;
    bool fits = may_have_grown ? now.size >= known->size : now.size == known->size;
    if (!fits || now.head != known->head || now.before != known->before)
        return error_set(error, STATUS_DATA, "%s is not the file that the run was begun with", name);
    return STATUS_OK;
}

static enum status check_files(FILE *file, const struct resume_files *files, const struct resume *resume,
                               struct error *error)
{
    for (size_t i = 0; i < files->count; i++) {
        struct identity known;
        char name[PATH_MAX];
        // NOLINTNEXTLINE(cert-err34-c): a number out of range is no file's
        int got = fscanf(file, "file %" SCNu64 " %" SCNx64 " %" SCNx64 " ", &known.size, &known.head, &known.before);
        if (got != 3 || !fgets(name, sizeof name, file))
            return error_set(error, STATUS_DATA, "the run was begun with fewer files");
        name[strcspn(name, "\n")] = '\0';
        if (strcmp(name, files->paths[i]) != 0)
            return error_set(error, STATUS_DATA, "file %zu of the run was %s, not %s", i + 1, name, files->paths[i]);
        enum status status = check_file(name, resume, i, &known, error);
        if (status != STATUS_OK)
            return status;
    }
    if (fgetc(file) != EOF)
        return error_set(error, STATUS_DATA, "the run was begun with more files");
    return STATUS_OK;
}

enum status resume_read(const char *path, const struct resume_files *files, bool *found, struct resume *resume,
                        struct error *error)
{
    struct resume read = {0};
    FILE *file = fopen(path, "re");
    if (!file && errno == ENOENT) {
        *found = false;
        return STATUS_OK;
    }
    if (!file)
        return error_errno(error, STATUS_NO_INPUT, "%s", path);
    enum status status = read_format(file, path, error);
    if (status == STATUS_OK && (!read_head(file, &read) || read.place.file >= files->count))
        status = error_set(error, STATUS_DATA, "%s is not the resume file of a run", path);
    if (status == STATUS_OK && check_files(file, files, &read, error) != STATUS_OK)
        status = error_prefix(error, "%s", path);
    fclose(file);
    if (status != STATUS_OK)
        return status;
    *found = true;
    *resume = read;
    return STATUS_OK;
}
