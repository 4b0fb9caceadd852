#include "common/confine_calls.h"
#include "common/confine.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

TestSuite(confine_calls, .timeout = 60);

/* What a child saw comes back in its exit code. */
enum {
    CHILD_FINE = 0,
    CHILD_UNCONFINED = 77,
    CHILD_FAILED = 100,
};

typedef int (*look_fn)(void);

/* The wait status of a child that looks, under the list or without it. */
static int in_child(look_fn look, bool confined)
{
    int ended;
    pid_t child = fork();
    cr_assert_geq(child, 0);
    if (child == 0) {
        struct error error;
        enum confine_calls done = CONFINE_CALLS_DONE;
        if (confined && (confine_privileges(&error) || confine_calls(&done, &error)))
            _exit(CHILD_FAILED);
        _exit(done == CONFINE_CALLS_DONE ? look() : CHILD_UNCONFINED);
    }
    cr_assert_eq(waitpid(child, &ended, 0), child);
    return ended;
}

static bool exited(int ended, int code)
{
    return WIFEXITED(ended) && WEXITSTATUS(ended) == code;
}

static int nothing(void)
{
    return CHILD_FINE;
}

static void need_list(void)
{
    if (exited(in_child(nothing, true), CHILD_UNCONFINED))
        cr_skip_test("no list of system calls: a sanitizer, or the kernel has none");
}

static int do_exec(void)
{
    execl("/nowhere/at/all", "nothing", (char *)NULL);
    return CHILD_FINE;
}

static int do_ptrace(void)
{
    return ptrace(PTRACE_PEEKUSER, getppid(), NULL, NULL) == -2 ? 1 : CHILD_FINE;
}

static int do_mount(void)
{
    return mount("/nowhere", "/nowhere/at/all", "none", 0, NULL) ? CHILD_FINE : 1;
}

static int do_setuid(void)
{
    return syscall(SYS_setuid, getuid()) ? 1 : CHILD_FINE;
}

static int do_mknod(void)
{
    return mknod("/nowhere/at/all", S_IFIFO | 0600, 0) ? CHILD_FINE : 1;
}

static int do_bpf(void)
{
    return syscall(SYS_bpf, -1, NULL, 0) < 0 ? CHILD_FINE : 1;
}

/* The control beside each: without the list it is called, and comes back. */
Test(confine_calls, a_hostile_call_is_the_last_one)
{
    static const look_fn hostile[] = {do_exec, do_ptrace, do_mount, do_setuid, do_mknod, do_bpf};
    need_list();
    for (size_t i = 0; i < ARRAY_COUNT(hostile); i++) {
        cr_expect(exited(in_child(hostile[i], false), CHILD_FINE), "control %zu", i);
        int ended = in_child(hostile[i], true);
        cr_expect(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGSYS, "call %zu ended with %x", i, ended);
    }
}

static bool refused(long result)
{
    return result < 0 && errno == ENOSYS;
}

static const int executable = PROT_READ | PROT_EXEC;

/* The number of the first call that is let through. */
static int look_at_others(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return 20;
    if (!refused(syscall(SYS_mprotect, page, 4096, executable)))
        return 1;
    if (!refused(syscall(SYS_mmap, NULL, 4096, executable, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)))
        return 2;
    if (!refused(socket(AF_PACKET, SOCK_RAW, 0)) || !refused(socket(AF_ALG, SOCK_SEQPACKET, 0)))
        return 3;
    if (!refused(fork()))
        return 4;
    if (!refused(kill(getppid(), 0)))
        return 5;
    if (!refused(syscall(SYS_memfd_create, "code", 0)) || !refused(syscall(5000)))
        return 6;
    return CHILD_FINE;
}

Test(confine_calls, what_is_not_listed_is_not_there)
{
    need_list();
    int ended = in_child(look_at_others, true);
    cr_assert(exited(ended, CHILD_FINE), "%x", ended);
    ended = in_child(look_at_others, false);
    cr_assert(exited(ended, 1), "the control: without a list the first of them is let through, not %x", ended);
}

static void *run_thread(void *argument)
{
    *(int *)argument = 7;
    return argument;
}

static int look_at_own(void)
{
    pthread_t thread;
    int seen = 0;
    if (pthread_create(&thread, NULL, run_thread, &seen) || pthread_join(thread, NULL) || seen != 7)
        return 1;
    int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), ipc = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (tcp < 0 || ipc < 0)
        return 2;
    FILE *file = tmpfile();
    if (!file || fputs("text", file) < 0 || fflush(file) || fdatasync(fileno(file)) || ftruncate(fileno(file), 0))
        return 3;
    if (kill(getpid(), 0) < 0)
        return 4;
    abort();
}

Test(confine_calls, threads_sockets_files_and_abort_stay)
{
    need_list();
    int ended = in_child(look_at_own, true);
    cr_assert(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGABRT, "%x", ended);
}
