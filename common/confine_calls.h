/* confine_calls.h - of system calls, a process keeps those that it needs (seccomp(2), by libseccomp).
 *
 *     listed        as before; socket() for ipc, IP and routing tables only, clone() without new namespaces, memory that
 *                   can be executed for nobody (whoever finds a way in cannot bring code along)
 *     hostile       execve, ptrace, mount, bpf, setuid, ...: nothing of ours or of a library's calls them. The process is
 *                   killed with SIGSYS; the kernel's log (audit, type 1326) and a core of the service manager's name the
 *                   number: `ausyscall 59` or `scmp_sys_resolver 59` its name
 *     all others    ENOSYS, as on a kernel that does not know them: libraries go another way, as they must on old kernels.
 *                   A newer libzmq or RocksDB that wants more is slower or says what failed; it does not die in a service
 *                   that others count on. `strace -f` shows which call it was
 *
 * The list was made from what the system tests and benchmarks do under `strace -f -c`, and from what their libraries'
 * rare ways need (a full disk, an aborting assertion, names that are looked up by DNS).
 *
 * To be called before the first thread is made and after the last file was given over by Landlock (confine.h).
 */
#ifndef JEJAK_COMMON_CONFINE_CALLS_H
#define JEJAK_COMMON_CONFINE_CALLS_H

#include "common/status.h"

enum confine_calls {
    CONFINE_CALLS_DONE,
    CONFINE_CALLS_NO_KERNEL, /* the kernel has no filters of system calls, or whoever watches the process none */
    CONFINE_CALLS_SANITIZED, /* the build has a sanitizer: it traces its own process, and would be killed */
};

/* *done stays untouched on failure. confine_privileges() must have been called. */
enum status confine_calls(enum confine_calls *done, struct error *error) must_check;

#endif
