#include "common/keyfile.h"
#include "common/block.h"
#include "common/event.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zmq.h>

static const char public_suffix[] = ".public";

enum status keypair_make(struct keypair *pair, struct error *error)
{
    struct keypair made;
    if (zmq_curve_keypair(made.public_key, made.secret_key) != 0)
        return error_set(error, STATUS_SYSTEM, "no CURVE keys can be made: %s", zmq_strerror(zmq_errno()));
    *pair = made;
    sodium_memzero(&made, sizeof made);
    return STATUS_OK;
}

/* Z85 to bytes. False where it is not 40 characters of canonical Z85, or all zeros. */
static bool key_decode(const char text[KEY_TEXT_BYTES], uint8_t key[KEY_BYTES])
{
    char again[KEY_TEXT_BYTES];
    bool fits = strlen(text) == KEY_TEXT_BYTES - 1 && zmq_z85_decode(key, text) &&
                zmq_z85_encode(again, key, KEY_BYTES) && strcmp(again, text) == 0 && !sodium_is_zero(key, KEY_BYTES);
    sodium_memzero(again, sizeof again);
    return fits;
}

/* A path with something behind it, in place: libjejak makes keys and folders in programs that it must not end. */
static enum status path_with(const char *path, const char *more, char made[PATH_MAX], struct error *error)
{
    if (snprintf(made, PATH_MAX, "%s%s", path, more) < PATH_MAX)
        return STATUS_OK;
    return error_set(error, STATUS_CANNOT_MAKE, "%.64s…: the path is longer than %d bytes", path, PATH_MAX - 1);
}

/* Syncs the folder that holds `path`, so that a new name in it survives a power cut. */
static enum status folder_sync(const char *path, struct error *error)
{
    char folder[PATH_MAX];
    enum status status = path_with(path, "", folder, error);
    if (status != STATUS_OK)
        return status;
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    int fd = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0)
        status = error_errno(error, STATUS_IO, "%s: the folder cannot be synced", slash ? folder : ".");
    if (fd >= 0)
        close(fd);
    return status;
}

static enum status key_fill(int fd, const char *path, const char *text, mode_t mode, struct error *error)
{
    char line[KEY_TEXT_BYTES];
    memcpy(line, text, KEY_TEXT_BYTES - 1);
    line[KEY_TEXT_BYTES - 1] = '\n';
    bool written = fchmod(fd, mode) == 0 && write(fd, line, sizeof line) == (ssize_t)sizeof line && fsync(fd) == 0;
    sodium_memzero(line, sizeof line);
    return written ? STATUS_OK : error_errno(error, STATUS_IO, "%s: the key cannot be written", path);
}

/* Written under another name first and then linked: the key's own name holds a whole key or does not exist, and an old
 * file is never written over. */
static enum status key_write(const char *path, const char *text, mode_t mode, struct error *error)
{
    uint8_t key[KEY_BYTES];
    if (!key_decode(text, key))
        return error_set(error, STATUS_DATA, "%s: what should be written there is not a key", path);
    sodium_memzero(key, sizeof key);

    char draft[PATH_MAX];
    enum status status = path_with(path, ".XXXXXX", draft, error);
    int fd = status == STATUS_OK ? mkostemp(draft, O_CLOEXEC) : -1;
    if (status != STATUS_OK)
        return status;
    if (fd < 0)
        return error_errno(error, STATUS_CANNOT_MAKE, "%s: the key cannot be made", path);
    status = key_fill(fd, path, text, mode, error);
    close(fd);
    if (status == STATUS_OK && link(draft, path) != 0)
        status = errno == EEXIST ? error_set(error, STATUS_CANNOT_MAKE, "%s: there is a key already; it stays", path)
                                 : error_errno(error, STATUS_CANNOT_MAKE, "%s: the key cannot be made", path);
    unlink(draft);
    return status == STATUS_OK ? folder_sync(path, error) : status;
}

enum status keyfile_write_secret(const char *path, const char text[KEY_TEXT_BYTES], struct error *error)
{
    return key_write(path, text, 0600, error);
}

enum status keyfile_write_public(const char *path, const char text[KEY_TEXT_BYTES], struct error *error)
{
    return key_write(path, text, 0644, error);
}

static enum status secret_check(const char *path, const struct stat *file, struct error *error)
{
    unsigned mode = file->st_mode & 07777;
    if (file->st_uid != geteuid() && file->st_uid != 0)
        return error_set(error, STATUS_CONFIG, "%s: the secret belongs to user %u, not to the user that runs this (%u)",
                         path, (unsigned)file->st_uid, (unsigned)geteuid());
    if (mode != 0600 && mode != 0400)
        return error_set(error, STATUS_CONFIG, "%s: the secret has mode %04o; it must be 0600 (chmod 600 %s)", path,
                         mode, path);
    return STATUS_OK;
}

static enum status public_check(const char *path, const struct stat *file, struct error *error)
{
    if (file->st_mode & S_IWOTH)
        return error_set(error, STATUS_CONFIG, "%s: anybody may write this key (mode %04o); chmod o-w it", path,
                         (unsigned)file->st_mode & 07777);
    return STATUS_OK;
}

typedef enum status (*key_check_fn)(const char *path, const struct stat *file, struct error *error);

/* Opens for reading what `check` agrees to. NONBLOCK: a pipe in a key's place must not hang the start. */
static enum status key_open(const char *path, int flags, key_check_fn check, int *opened, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | flags);
    if (fd < 0 && errno == ELOOP)
        return error_set(error, STATUS_CONFIG, "%s: the key is a symbolic link; it must be a regular file", path);
    if (fd < 0)
        return error_errno(error, errno == EACCES ? STATUS_DENIED : STATUS_NO_INPUT, "%s: the key cannot be read",
                           path);
    struct stat file;
    enum status status = STATUS_OK;
    if (fstat(fd, &file) != 0)
        status = error_errno(error, STATUS_IO, "%s: the key cannot be read", path);
    else if (!S_ISREG(file.st_mode))
        status = error_set(error, STATUS_CONFIG, "%s: the key is not a regular file", path);
    else
        status = check(path, &file, error);
    if (status == STATUS_OK)
        *opened = fd;
    else
        close(fd);
    return status;
}

enum status keyfile_parse(struct slice bytes, const char *path, char text[KEY_TEXT_BYTES], uint8_t key[KEY_BYTES],
                          struct error *error)
{
    char line[KEYFILE_BYTES + 1] = {0};
    enum status status = STATUS_OK;
    size_t length = bytes.size < KEYFILE_BYTES ? bytes.size : KEYFILE_BYTES;
    if (length > 0)
        memcpy(line, bytes.data, length);
    if (length > 0 && line[length - 1] == '\n')
        line[--length] = '\0';
    if (length > 0 && line[length - 1] == '\r')
        line[--length] = '\0';
    uint8_t decoded[KEY_BYTES] = {0};
    if (length != KEY_TEXT_BYTES - 1 || strlen(line) != length)
        status =
            error_set(error, STATUS_CONFIG, "%s: a key is one line of %d characters of Z85", path, KEY_TEXT_BYTES - 1);
    else if (!key_decode(line, decoded))
        status = error_set(error, STATUS_CONFIG, "%s: this is not a key in Z85, or a key of zeros", path);
    if (status == STATUS_OK && text)
        memcpy(text, line, KEY_TEXT_BYTES);
    if (status == STATUS_OK && key)
        memcpy(key, decoded, KEY_BYTES);
    sodium_memzero(line, sizeof line);
    sodium_memzero(decoded, sizeof decoded);
    return status;
}

static enum status key_read(int fd, const char *path, char text[KEY_TEXT_BYTES], uint8_t key[KEY_BYTES],
                            struct error *error)
{
    uint8_t bytes[KEYFILE_BYTES];
    ssize_t size = read(fd, bytes, sizeof bytes);
    if (size < 0)
        return error_errno(error, STATUS_IO, "%s: the key cannot be read", path);
    enum status status = keyfile_parse(slice_of(bytes, (size_t)size), path, text, key, error);
    sodium_memzero(bytes, sizeof bytes);
    return status;
}

enum status keyfile_read_secret(const char *path, char text[KEY_TEXT_BYTES], struct error *error)
{
    int fd = -1;
    enum status status = key_open(path, O_NOFOLLOW, secret_check, &fd, error);
    if (status != STATUS_OK)
        return status;
    status = key_read(fd, path, text, NULL, error);
    close(fd);
    return status;
}

enum status keyfile_read_public(const char *path, char text[KEY_TEXT_BYTES], struct error *error)
{
    int fd = -1;
    enum status status = key_open(path, 0, public_check, &fd, error);
    if (status != STATUS_OK)
        return status;
    status = key_read(fd, path, text, NULL, error);
    close(fd);
    return status;
}

enum status keyfile_read_bytes(const char *path, uint8_t key[KEY_BYTES], struct error *error)
{
    int fd = -1;
    enum status status = key_open(path, O_NOFOLLOW, secret_check, &fd, error);
    if (status != STATUS_OK)
        return status;
    status = key_read(fd, path, NULL, key, error);
    close(fd);
    return status;
}

enum status keyfile_make_bytes(const char *path, struct error *error)
{
    if (sodium_init() < 0)
        return error_set(error, STATUS_SYSTEM, "libsodium cannot start: there is no source of random bytes");
    uint8_t key[KEY_BYTES];
    char text[KEY_TEXT_BYTES];
    randombytes_buf(key, sizeof key);
    zmq_z85_encode(text, key, sizeof key);
    enum status status = keyfile_write_secret(path, text, error);
    sodium_memzero(key, sizeof key);
    sodium_memzero(text, sizeof text);
    return status;
}

static int is_public(const struct dirent *entry)
{
    size_t length = strlen(entry->d_name), suffix = sizeof public_suffix - 1;
    return length >= suffix && strcmp(entry->d_name + length - suffix, public_suffix) == 0;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static enum status each_one(const char *folder, const char *file, keyfile_each_fn each, void *argument,
                            struct error *error)
{
    size_t length = strlen(file) - (sizeof public_suffix - 1);
    if (length > PUBLISHER_NAME_MAX || !segment_valid(slice_of(file, length)))
        return error_set(error, STATUS_CONFIG, "%s/%s: a name is 1 to %d characters of [A-Za-z0-9._~:-]", folder, file,
                         PUBLISHER_NAME_MAX);
    char name[PUBLISHER_NAME_MAX + 1] = {0}, text[KEY_TEXT_BYTES];
    memcpy(name, file, length);
    char *path = mem_text("%s/%s", folder, file);
    enum status status = keyfile_read_public(path, text, error);
    free(path);
    return status == STATUS_OK ? each(name, text, argument, error) : status;
}

static enum status not_listable(const char *folder, struct error *error)
{
    return error_errno(error, errno == EACCES ? STATUS_DENIED : STATUS_CONFIG, "%s: the keys cannot be listed", folder);
}

enum status keyfile_listable(const char *folder, struct error *error)
{
    DIR *opened = opendir(folder);
    if (!opened)
        return errno == ENOENT ? STATUS_OK : not_listable(folder, error);
    closedir(opened);
    return STATUS_OK;
}

enum status keyfile_each_public(const char *folder, keyfile_each_fn each, void *argument, struct error *error)
{
    struct dirent **entries = NULL;
    int count = scandir(folder, &entries, is_public, by_name);
    if (count < 0)
        return errno == ENOENT ? STATUS_OK : not_listable(folder, error);
    enum status first = STATUS_OK;
    for (int i = 0; i < count; i++) {
        struct error found;
        enum status status = each_one(folder, entries[i]->d_name, each, argument, &found);
        if (status != STATUS_OK && first == STATUS_OK) {
            *error = found;
            first = status;
        }
        free(entries[i]);
    }
    free(entries);
    return first;
}

enum status folder_make(const char *path, struct error *error)
{
    char made[PATH_MAX];
    enum status status = path_with(path, "", made, error);
    if (status != STATUS_OK)
        return status;
    for (char *end = made + 1; *made && status == STATUS_OK; end++) {
        if (*end != '/' && *end != '\0')
            continue;
        char cut = *end;
        *end = '\0';
        struct stat there;
        if (mkdir(made, 0700) != 0 && errno != EEXIST)
            status = error_errno(error, STATUS_CANNOT_MAKE, "%s: the folder cannot be made", made);
        else if (stat(made, &there) != 0 || !S_ISDIR(there.st_mode))
            status = error_set(error, STATUS_CANNOT_MAKE, "%s: there is something else where a folder should be", made);
        *end = cut;
        if (cut == '\0')
            break;
    }
    return status;
}
