#include "common/confine_calls.h"

#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool sanitized = true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
static const bool sanitized = true;
#else
static const bool sanitized = false;
#endif
#else
static const bool sanitized = false;
#endif

/* By name: each architecture has its own numbers, and not each has all of them. */
/* clang-format off */
static const char *const listed[] = {
    /* memory */
    "brk", "madvise", "mincore", "mlock", "mlock2", "mremap", "msync", "munlock", "munmap",
    /* threads and time; sched_setscheduler: libzmq asks for it, and asserts that it is answered */
    "clock_getres", "clock_gettime", "clock_nanosleep", "exit", "exit_group", "futex", "get_robust_list", "getcpu",
    "gettimeofday", "membarrier", "nanosleep", "restart_syscall", "rseq", "rt_sigaction", "rt_sigpending",
    "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait", "sched_get_priority_max",
    "sched_get_priority_min", "sched_getaffinity", "sched_getparam", "sched_getscheduler", "sched_setaffinity",
    "sched_setscheduler", "sched_yield", "set_robust_list", "set_tid_address", "sigaltstack", "time", "times",
    /* itself */
    "arch_prctl", "getegid", "geteuid", "getgid", "getgroups", "getpgrp", "getpid", "getppid", "getpriority",
    "getrandom", "getresgid", "getresuid", "getrlimit", "getrusage", "getsid", "gettid", "getuid", "ioprio_get",
    "ioprio_set", "prlimit64", "setpriority", "setrlimit", "sysinfo", "umask", "uname",
    /* files; their paths are Landlock's matter */
    "access", "chdir", "chmod", "close", "close_range", "copy_file_range", "creat", "dup", "dup2", "dup3",
    "faccessat", "faccessat2", "fadvise64", "fadvise64_64", "fallocate", "fchdir", "fchmod", "fchmodat", "fcntl",
    "fcntl64", "fdatasync", "flock", "fstat", "fstat64", "fstatat64", "fstatfs", "fstatfs64", "fsync", "ftruncate",
    "ftruncate64", "getcwd", "getdents", "getdents64", "link", "linkat", "lseek", "_llseek", "lstat", "lstat64",
    "mkdir", "mkdirat", "newfstatat", "open", "openat", "pread64", "preadv", "preadv2", "pwrite64", "pwritev",
    "pwritev2", "read", "readahead", "readlink", "readlinkat", "readv", "rename", "renameat", "renameat2", "rmdir",
    "sendfile", "stat", "stat64", "statfs", "statfs64", "statx", "sync_file_range", "sync_file_range2", "truncate",
    "truncate64", "unlink", "unlinkat", "utimensat", "write", "writev",
    /* waiting */
    "epoll_create", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_wait", "eventfd", "eventfd2", "pipe",
    "pipe2", "poll", "ppoll", "pselect6", "select", "_newselect", "signalfd", "signalfd4", "timerfd_create",
    "timerfd_gettime", "timerfd_settime",
    /* sockets; socket() itself below */
    "accept", "accept4", "bind", "connect", "getpeername", "getsockname", "getsockopt", "listen", "recv",
    "recvfrom", "recvmmsg", "recvmsg", "send", "sendmmsg", "sendmsg", "sendto", "setsockopt", "shutdown",
    "socketpair",
};
/* clang-format on */

/* What only somebody calls who should not be here. */
/* clang-format off */
static const char *const hostile[] = {
    "execve", "execveat", "fork", "vfork", "ptrace", "process_vm_readv", "process_vm_writev", "process_madvise",
    "pidfd_getfd", "kcmp", "mount", "umount", "umount2", "move_mount", "open_tree", "fsopen", "fsmount", "fsconfig",
    "fspick", "mount_setattr", "pivot_root", "chroot", "unshare", "setns", "bpf", "perf_event_open", "userfaultfd",
    "keyctl", "add_key", "request_key", "init_module", "finit_module", "delete_module", "kexec_load",
    "kexec_file_load", "reboot", "swapon", "swapoff", "sethostname", "setdomainname", "settimeofday",
    "clock_settime", "clock_adjtime", "adjtimex", "setuid", "setgid", "setreuid", "setregid", "setresuid",
    "setresgid", "setgroups", "setfsuid", "setfsgid", "capset", "chown", "fchown", "lchown", "fchownat", "mknod",
    "mknodat", "personality", "acct", "quotactl", "nfsservctl", "open_by_handle_at", "name_to_handle_at",
    "io_uring_setup", "io_uring_enter", "io_uring_register", "iopl", "ioperm", "modify_ldt", "memfd_secret",
    "pkey_mprotect", "uselib", "vhangup", "syslog", "lookup_dcookie", "fanotify_init", "rt_sigqueueinfo",
    "rt_tgsigqueueinfo", "pidfd_open", "pidfd_send_signal",
};
/* clang-format on */

/* Let through with such an argument only. MASKED_EQ: argument & datum_a == datum_b. */
struct narrowed {
    const char *name;
    struct scmp_arg_cmp with;
};

enum {
    NEW_NAMESPACES =
        CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET,
};

static const struct narrowed narrowed[] = {
    {"socket", {0, SCMP_CMP_EQ, AF_UNIX, 0}},
    {"socket", {0, SCMP_CMP_EQ, AF_INET, 0}},
    {"socket", {0, SCMP_CMP_EQ, AF_INET6, 0}},
    {"socket", {0, SCMP_CMP_EQ, AF_NETLINK, 0}}, /* the addresses of this machine, for libzmq and getaddrinfo() */
    {"mmap", {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0}},
    {"mmap2", {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0}},
    {"mprotect", {2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0}},
    /* Threads, no processes. clone3() keeps its flags where a filter cannot see them: the C library does without. */
    {"clone", {0, SCMP_CMP_MASKED_EQ, CLONE_THREAD | NEW_NAMESPACES, CLONE_THREAD}},
    {"prctl", {0, SCMP_CMP_EQ, PR_SET_NAME, 0}},
    {"prctl", {0, SCMP_CMP_EQ, PR_GET_NAME, 0}},
    {"ioctl", {1, SCMP_CMP_EQ, TCGETS, 0}}, /* stdio: is it a terminal? */
};

/* A name that this machine's architecture does not have is passed over. */
static int add(scmp_filter_ctx filter, uint32_t action, const char *name, const struct scmp_arg_cmp *with)
{
    int call = seccomp_syscall_resolve_name(name);
    if (call == __NR_SCMP_ERROR)
        return 0;
    return seccomp_rule_add_array(filter, action, call, with ? 1 : 0, with);
}

static int fill(scmp_filter_ctx filter)
{
    const struct scmp_arg_cmp itself = {0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0};
    int failed = add(filter, SCMP_ACT_ALLOW, "kill", &itself);
    if (!failed) /* abort(), raise() */
        failed = add(filter, SCMP_ACT_ALLOW, "tgkill", &itself);
    for (size_t i = 0; i < ARRAY_COUNT(listed) && !failed; i++)
        failed = add(filter, SCMP_ACT_ALLOW, listed[i], NULL);
    for (size_t i = 0; i < ARRAY_COUNT(narrowed) && !failed; i++)
        failed = add(filter, SCMP_ACT_ALLOW, narrowed[i].name, &narrowed[i].with);
    for (size_t i = 0; i < ARRAY_COUNT(hostile) && !failed; i++)
        failed = add(filter, SCMP_ACT_KILL_PROCESS, hostile[i], NULL);
    /* No new privileges are set already, and must be: libseccomp would set them where they are not. */
    return failed ? failed : seccomp_load(filter);
}

enum status confine_calls(enum confine_calls *done, struct error *error)
{
    if (sanitized) {
        *done = CONFINE_CALLS_SANITIZED;
        return STATUS_OK;
    }
    if (prctl(PR_GET_SECCOMP, 0, 0, 0, 0) < 0) {
        *done = CONFINE_CALLS_NO_KERNEL;
        return STATUS_OK;
    }
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    if (!filter)
        return error_set(error, STATUS_SYSTEM, "the filter of system calls: libseccomp cannot make one");
    int failed = fill(filter);
    seccomp_release(filter);
    if (failed == -ENOSYS) /* under valgrind 3.19, which passes no filter on */
        *done = CONFINE_CALLS_NO_KERNEL;
    else if (failed)
        return error_set(error, STATUS_SYSTEM, "the filter of system calls is refused: %s", strerror(-failed));
    else
        *done = CONFINE_CALLS_DONE;
    return STATUS_OK;
}
