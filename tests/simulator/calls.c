/* System calls on files.h's files and on descriptors that tell of something: eventfd, timerfd, signalfd. What is not
 * below FILES_ROOT is the machine's own. */
#include "tests/simulator/files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

enum {
    FIRST_FD = 100000,
    FDS_MAX = 256,
    SLOW_PERMILLE = 200, /* of the operations on a disk */
    SLOW_NS_MAX = 5 * NS_PER_MS,
};

enum fd_kind {
    FD_CLOSED,
    FD_FILE,
    FD_EVENT,
    FD_TIMER,
    FD_SIGNAL,
};
struct fd {
    enum fd_kind kind;
    struct process *process;
    struct file *file;
    char *path;
    size_t at;
    uint64_t count; /* of an eventfd */
    int64_t next_ns, every_ns;
};
static struct fd fds[FDS_MAX];

static struct fd *fd_of(int number)
{
    bool ours = number >= FIRST_FD && number < FIRST_FD + FDS_MAX;
    return ours ? &fds[number - FIRST_FD] : NULL;
}

static int fd_make(enum fd_kind kind, struct file *file, const char *path)
{
    int at = 0;
    while (at < FDS_MAX && fds[at].kind != FD_CLOSED)
        at++;
    ensure(at < FDS_MAX);
    fds[at] = (struct fd){.kind = kind, .process = process_self(), .file = file, .next_ns = NEVER_NS};
    if (path)
        fds[at].path = mem_text("%s", path);
    return FIRST_FD + at;
}

static bool is_ours(const char *path)
{
    return strncmp(path, FILES_ROOT "/", sizeof FILES_ROOT) == 0 || strcmp(path, FILES_ROOT) == 0;
}

bool files_readable(int number)
{
    const struct fd *fd = fd_of(number);
    if (!fd)
        return false;
    if (fd->kind == FD_SIGNAL)
        return fd->process->stop;
    return fd->kind == FD_TIMER ? fd->next_ns <= world.now_ns : fd->kind == FD_EVENT && fd->count > 0;
}

int64_t files_next_ns(void)
{
    int64_t next_ns = NEVER_NS;
    for (size_t i = 0; i < FDS_MAX; i++)
        if (fds[i].kind == FD_TIMER && fds[i].next_ns < next_ns && fds[i].next_ns > world.now_ns)
            next_ns = fds[i].next_ns;
    return next_ns;
}

bool disk_turn(bool writes)
{
    struct machine *machine = process_self()->machine;
    if (!process_dead() && world_chance(SLOW_PERMILLE))
        fiber_wait(NULL, NULL, world.now_ns + (int64_t)world_roll(SLOW_NS_MAX));
    else if (!process_dead())
        fiber_yield();
    if (!process_dead() && machine->doomed > 0 && --machine->doomed == 0)
        world.doom((unsigned)(machine - world.machines));
    errno = process_dead() || world_chance(machine->fail_permille) ? EIO : 0;
    if (errno == 0 && writes && machine->full)
        errno = ENOSPC;
    return errno == 0;
}

/* ---- names ---- */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap___open_2(const char *path, int flags);
int __real_close(int number);
int __wrap_close(int number);
int __real_access(const char *path, int mode);
int __wrap_access(const char *path, int mode);
int __real_stat(const char *path, struct stat *info);
int __wrap_stat(const char *path, struct stat *info);
int __real_lstat(const char *path, struct stat *info);
int __wrap_lstat(const char *path, struct stat *info);
int __real_mkdir(const char *path, mode_t mode);
int __wrap_mkdir(const char *path, mode_t mode);
int __real_unlink(const char *path);
int __wrap_unlink(const char *path);
int __wrap_rename(const char *from, const char *to);

static int fails(int number)
{
    errno = number;
    return -1;
}

static int open_ours(const char *path, int flags)
{
    if (!disk_turn((flags & O_CREAT) != 0))
        return -1;
    struct file *file = file_at(path);
    if (!file && !(flags & O_CREAT))
        return fails(ENOENT);
    if (file && (flags & O_EXCL))
        return fails(EEXIST);
    if (!file)
        file = file_make(path, false);
    if (flags & O_TRUNC)
        file_cut(file, 0);
    return fd_make(FD_FILE, file, path);
}

int __wrap_open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return is_ours(path) ? open_ours(path, flags) : __real_open(path, flags, mode);
}

int __wrap___open_2(const char *path, int flags)
{
    return __wrap_open(path, flags, 0);
}

int __wrap_close(int number)
{
    struct fd *fd = fd_of(number);
    if (!fd)
        return __real_close(number);
    free(fd->path);
    *fd = (struct fd){.kind = FD_CLOSED};
    return 0;
}

int __wrap_access(const char *path, int mode)
{
    if (!is_ours(path))
        return __real_access(path, mode);
    return file_at(path) ? 0 : fails(ENOENT);
}

static int stat_file(const struct file *file, struct stat *info)
{
    if (!file)
        return fails(ENOENT);
    *info = (struct stat){.st_mode = file->folder ? S_IFDIR | 0700 : S_IFREG | 0600, .st_size = (off_t)file->now.size};
    return 0;
}

int __wrap_stat(const char *path, struct stat *info)
{
    return is_ours(path) ? stat_file(file_at(path), info) : __real_stat(path, info);
}

int __wrap_lstat(const char *path, struct stat *info)
{
    return is_ours(path) ? stat_file(file_at(path), info) : __real_lstat(path, info);
}

int __wrap_mkdir(const char *path, mode_t mode)
{
    if (!is_ours(path))
        return __real_mkdir(path, mode);
    if (file_at(path))
        return fails(EEXIST);
    file_make(path, true);
    return 0;
}

int __wrap_unlink(const char *path)
{
    if (!is_ours(path))
        return __real_unlink(path);
    if (!disk_turn(false))
        return -1;
    if (!file_at(path))
        return fails(ENOENT);
    file_unlink(path);
    return 0;
}

int __wrap_rename(const char *from, const char *to)
{
    ensure(is_ours(from) && is_ours(to));
    if (!disk_turn(false))
        return -1;
    if (!file_at(from))
        return fails(ENOENT);
    file_rename(from, to);
    return 0;
}

/* ---- bytes ---- */

ssize_t __real_read(int number, void *bytes, size_t size);
ssize_t __wrap_read(int number, void *bytes, size_t size);
ssize_t __wrap___read_chk(int number, void *bytes, size_t size, size_t room);
ssize_t __real_write(int number, const void *bytes, size_t size);
ssize_t __wrap_write(int number, const void *bytes, size_t size);
ssize_t __wrap_pread(int number, void *bytes, size_t size, off_t at);
ssize_t __wrap___pread_chk(int number, void *bytes, size_t size, off_t at, size_t room);
ssize_t __wrap_pwrite(int number, const void *bytes, size_t size, off_t at);
int __wrap_fdatasync(int number);
int __wrap_fsync(int number);
int __wrap_ftruncate(int number, off_t size);
int __real_fstat(int number, struct stat *info);
int __wrap_fstat(int number, struct stat *info);
int __wrap_flock(int number, int operation);
void *__real_mmap(void *address, size_t size, int protection, int flags, int number, off_t at);
void *__wrap_mmap(void *address, size_t size, int protection, int flags, int number, off_t at);
int __real_munmap(void *address, size_t size);
int __wrap_munmap(void *address, size_t size);

static ssize_t read_number(struct fd *fd, void *bytes, size_t size)
{
    uint64_t number = 1;
    if (fd->kind == FD_SIGNAL) {
        if (!fd->process->stop || size < sizeof(struct signalfd_siginfo))
            return fails(EAGAIN);
        fd->process->stop = false;
        *(struct signalfd_siginfo *)bytes = (struct signalfd_siginfo){.ssi_signo = 15};
        return sizeof(struct signalfd_siginfo);
    }
    if (!files_readable(FIRST_FD + (int)(fd - fds)))
        return fails(EAGAIN);
    if (fd->kind == FD_TIMER) {
        number += (uint64_t)((world.now_ns - fd->next_ns) / fd->every_ns);
        fd->next_ns += (int64_t)number * fd->every_ns;
    } else {
        number = fd->count;
        fd->count = 0;
    }
    memcpy(bytes, &number, sizeof number);
    return sizeof number;
}

static ssize_t read_at(const struct fd *fd, void *bytes, size_t size, size_t at)
{
    if (!disk_turn(false))
        return -1;
    const struct image *now = &fd->file->now;
    size_t left = at < now->size ? now->size - at : 0, got = size < left ? size : left;
    if (got > 0)
        memcpy(bytes, now->bytes + at, got);
    return (ssize_t)got;
}

ssize_t __wrap_read(int number, void *bytes, size_t size)
{
    struct fd *fd = fd_of(number);
    if (!fd)
        return __real_read(number, bytes, size);
    if (fd->kind != FD_FILE)
        return read_number(fd, bytes, size);
    ssize_t got = read_at(fd, bytes, size, fd->at);
    fd->at += got > 0 ? (size_t)got : 0;
    return got;
}

ssize_t __wrap___read_chk(int number, void *bytes, size_t size, size_t room)
{
    (void)room;
    return __wrap_read(number, bytes, size);
}

ssize_t __wrap_pread(int number, void *bytes, size_t size, off_t at)
{
    return read_at(fd_of(number), bytes, size, (size_t)at);
}

ssize_t __wrap___pread_chk(int number, void *bytes, size_t size, off_t at, size_t room)
{
    (void)room;
    return __wrap_pread(number, bytes, size, at);
}

ssize_t __wrap_write(int number, const void *bytes, size_t size)
{
    struct fd *fd = fd_of(number);
    if (!fd)
        return __real_write(number, bytes, size);
    ensure(fd->kind == FD_EVENT && size == sizeof fd->count);
    fd->count++;
    return (ssize_t)size;
}

/* A write that fails may have happened, wholly or in part. */
ssize_t __wrap_pwrite(int number, const void *bytes, size_t size, off_t at)
{
    const struct fd *fd = fd_of(number);
    world_mix_bytes(slice_of(bytes, size));
    bool succeeds = disk_turn(true);
    if (process_dead())
        return fails(EIO);
    size_t part = succeeds ? size : world_roll(size + 1);
    if (errno == ENOSPC)
        part = 0;
    int number_before = errno;
    if (part > 0)
        file_write(fd->file, (size_t)at, bytes, part);
    return succeeds ? (ssize_t)size : fails(number_before);
}

int __wrap_fdatasync(int number)
{
    const struct fd *fd = fd_of(number);
    if (!disk_turn(false))
        return -1;
    if (world.mutant != MUTANT_EARLY_ANSWERS)
        file_sync(fd->file);
    return 0;
}

int __wrap_fsync(int number)
{
    const struct fd *fd = fd_of(number);
    if (!fd->file->folder)
        return __wrap_fdatasync(number);
    if (!disk_turn(false))
        return -1;
    if (world.mutant != MUTANT_NO_FOLDER_SYNC)
        file_sync_folder(fd->path);
    return 0;
}

int __wrap_ftruncate(int number, off_t size)
{
    const struct fd *fd = fd_of(number);
    if (!disk_turn(false))
        return -1;
    file_cut(fd->file, (size_t)size);
    return 0;
}

int __wrap_fstat(int number, struct stat *info)
{
    const struct fd *fd = fd_of(number);
    return fd ? stat_file(fd->file, info) : __real_fstat(number, info);
}

int __wrap_flock(int number, int operation)
{
    (void)number, (void)operation; /* one process to a folder here */
    return 0;
}

void *__wrap_mmap(void *address, size_t size, int protection, int flags, int number, off_t at)
{
    const struct fd *fd = fd_of(number);
    if (!fd)
        return __real_mmap(address, size, protection, flags, number, at);
    if (!disk_turn(false))
        return MAP_FAILED;
    ensure((size_t)at + size <= fd->file->now.size);
    void *map = __real_mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ensure(map != MAP_FAILED);
    memcpy(map, fd->file->now.bytes + at, size);
    return map;
}

int __wrap_munmap(void *address, size_t size)
{
    return __real_munmap(address, size);
}

/* ---- descriptors that tell of something ---- */

int __wrap_eventfd(unsigned count, int flags);
int __wrap_timerfd_create(int clock, int flags);
int __wrap_timerfd_settime(int number, int flags, const struct itimerspec *to, struct itimerspec *before);
int __wrap_signalfd(int number, const sigset_t *signals, int flags);

int __wrap_eventfd(unsigned count, int flags)
{
    (void)flags;
    int number = fd_make(FD_EVENT, NULL, NULL);
    fd_of(number)->count = count;
    return number;
}

int __wrap_timerfd_create(int clock, int flags)
{
    (void)clock, (void)flags;
    return fd_make(FD_TIMER, NULL, NULL);
}

int __wrap_timerfd_settime(int number, int flags, const struct itimerspec *to, struct itimerspec *before)
{
    (void)flags, (void)before;
    struct fd *fd = fd_of(number);
    fd->every_ns = to->it_interval.tv_sec * 1000000000 + to->it_interval.tv_nsec;
    fd->next_ns = world.now_ns + to->it_value.tv_sec * 1000000000 + to->it_value.tv_nsec;
    return 0;
}

int __wrap_signalfd(int number, const sigset_t *signals, int flags)
{
    (void)number, (void)signals, (void)flags;
    return fd_make(FD_SIGNAL, NULL, NULL);
}
