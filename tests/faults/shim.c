/* shim.c - a disk that fails on command: write(), pwrite(), fdatasync() and fsync() of the program it is loaded into
 * (LD_PRELOAD) are counted, and at the n-th call on the files meant the fault happens. For the fault suite; fault.py has
 * the other end.
 *
 * JEJAK_FAULT names a file of 256 bytes that both sides map: what is to happen, and what did. Without it nothing does.
 * It is mapped before main(), thus before the program confines itself. All fields are little-endian and aligned:
 *
 *     0        4       8     12        16       20     24       32              40            48       56      128
 *     action | calls | nth | lasting | number | hits | hit_ns | sync_delay_ms | bytes_per_s | writes | syncs | names (at 128)
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum action {
    ACTION_NONE,
    ACTION_ERROR,      /* -1 with errno `number`; nothing is written */
    ACTION_SHORT,      /* half is written, and said to be */
    ACTION_HALF_ERROR, /* half is written, and -1 with errno `number` */
    ACTION_DONE_ERROR, /* all is done, and -1 with errno `number` */
    ACTION_TEAR,       /* `number` 256ths are written, and the process is dead */
    ACTION_LIE,        /* nothing is done, success is said */
    ACTION_LEAK,       /* all is done, and `number` KiB are lost; at every LEAKED_FILE_EVERY-th a descriptor, too */
};

enum {
    LEAKED_FILE_EVERY = 64,
};

enum calls {
    CALLS_WRITE = 1,
    CALLS_SYNC = 2,
};

struct fault {
    _Atomic uint32_t action; /* set last: the others count once it is */
    uint32_t calls;          /* which of them the fault is for */
    _Atomic int32_t nth;     /* counted down by each such call; the fault is for the one that makes it 0 */
    uint32_t lasting;        /* 1: and for all after it, while the action stands */
    int32_t number;
    _Atomic uint32_t hits;
    _Atomic int64_t hit_ns; /* when it was first hit, on the monotonic clock */
    _Atomic uint64_t sync_delay_ms;
    _Atomic uint64_t bytes_per_s; /* 0: as fast as it goes */
    _Atomic uint64_t writes, syncs;
    char unused[64];
    char names[128]; /* parts of paths, separated by blanks, with a | for a path's end; empty: every file */
};
_Static_assert(sizeof(struct fault) == 256, "the layout that fault.py writes");

static struct fault *fault;

__attribute__((constructor)) static void map_fault(void)
{
    const char *path = getenv("JEJAK_FAULT");
    if (!path)
        return;
    int file = open(path, O_RDWR | O_CLOEXEC);
    void *memory = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *fault, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED) {
        fprintf(stderr, "shim: %s: %s\n", path, strerror(errno));
        _exit(71);
    }
    close(file);
    fault = memory;
}

static int64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void wait_ns(uint64_t ns)
{
    struct timespec left = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = (long)(ns % 1000000000)};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

/* Is this a regular file whose path has one of the names? */
static bool meant(int file)
{
    char link[32], path[512], names[sizeof fault->names], *rest = names;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t size = readlink(link, path, sizeof path - 2);
    if (size <= 0 || path[0] != '/' || strncmp(path, "/dev/", 5) == 0)
        return false;
    memcpy(path + size, "|", 2);
    memcpy(names, fault->names, sizeof names);
    names[sizeof names - 1] = '\0';
    if (names[0] == '\0')
        return true;
    for (char *name = strsep(&rest, " "); name; name = strsep(&rest, " ")) {
        if (*name != '\0' && strstr(path, name))
            return true;
    }
    return false;
}

/* What happens to this call. */
static enum action strike(int file, enum calls call)
{
    if (!fault || !meant(file))
        return ACTION_NONE;
    atomic_fetch_add(call == CALLS_SYNC ? &fault->syncs : &fault->writes, 1);
    enum action action = atomic_load(&fault->action);
    if (action == ACTION_NONE || !(fault->calls & call))
        return ACTION_NONE;
    int32_t left = atomic_fetch_sub(&fault->nth, 1) - 1;
    if (left > 0 || (left < 0 && !fault->lasting))
        return ACTION_NONE;
    if (atomic_fetch_add(&fault->hits, 1) == 0)
        atomic_store(&fault->hit_ns, now_ns());
    return action;
}

/* ---- writes ----------------------------------------------------------------------------------------------------- */

static ssize_t really_write(int file, const void *bytes, size_t size, off_t offset)
{
    if (offset < 0)
        return syscall(SYS_write, file, bytes, size);
    return syscall(SYS_pwrite64, file, bytes, size, offset);
}

static ssize_t fail(void)
{
    errno = fault->number;
    return -1;
}

/* offset: -1 for write(). */
static ssize_t write_or_not(int file, const void *bytes, size_t size, off_t offset)
{
    enum action action = strike(file, CALLS_WRITE);
    if (fault && fault->bytes_per_s > 0 && meant(file))
        wait_ns(size * 1000000000 / fault->bytes_per_s);
    switch (action) {
    case ACTION_ERROR:
        return fail();
    case ACTION_SHORT:
        return really_write(file, bytes, size > 1 ? size / 2 : size, offset);
    case ACTION_HALF_ERROR:
        (void)really_write(file, bytes, size / 2, offset);
        return fail();
    case ACTION_DONE_ERROR:
        (void)really_write(file, bytes, size, offset);
        return fail();
    case ACTION_TEAR:
        (void)really_write(file, bytes, size * (size_t)fault->number / 256, offset);
        syscall(SYS_kill, getpid(), SIGKILL);
        return fail();
    case ACTION_LIE:
        return (ssize_t)size;
    case ACTION_LEAK:
    case ACTION_NONE:
        break;
    }
    return really_write(file, bytes, size, offset);
}

// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): glibc's own names are reserved
ssize_t write(int file, const void *bytes, size_t size)
{
    return write_or_not(file, bytes, size, -1);
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t offset)
{
    return write_or_not(file, bytes, size, offset);
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off_t offset)
{
    return write_or_not(file, bytes, size, offset);
}
// NOLINTEND(readability-inconsistent-declaration-parameter-name)

/* ---- syncs ------------------------------------------------------------------------------------------------------ */

static void leak(int file)
{
    static void *volatile lost;
    size_t size = (size_t)fault->number << 10;
    lost = malloc(size);
    if (lost)
        memset(lost, 1, size);
    if (atomic_load(&fault->hits) % LEAKED_FILE_EVERY == 0)
        (void)!dup(file);
}

static int sync_or_not(int file, long call)
{
    enum action action = strike(file, CALLS_SYNC);
    if (action == ACTION_LEAK)
        leak(file);
    if (fault && fault->sync_delay_ms > 0 && meant(file))
        wait_ns(fault->sync_delay_ms * 1000000);
    if (action == ACTION_LIE)
        return 0;
    if (action == ACTION_DONE_ERROR)
        syscall(call, file);
    if (action == ACTION_ERROR || action == ACTION_DONE_ERROR)
        return (int)fail();
    return (int)syscall(call, file);
}

// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): glibc's own names are reserved
int fdatasync(int file)
{
    return sync_or_not(file, SYS_fdatasync);
}

int fsync(int file)
{
    return sync_or_not(file, SYS_fsync);
}
// NOLINTEND(readability-inconsistent-declaration-parameter-name)
