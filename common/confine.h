/* confine.h - a process takes from itself what it will not need: whoever gets to run code in it gets little.
 *
 *     no new privileges   nothing it executes is more than itself
 *     not dumpable        no core dump, no other process of its user looks into its memory
 *     Landlock            of all files only those below the paths that it names (Linux 5.13, landlock(7))
 *
 * To be called before the first thread is made: Landlock holds for the thread that asks and those it makes later.
 */
#ifndef JEJAK_COMMON_CONFINE_H
#define JEJAK_COMMON_CONFINE_H

#include "common/status.h"

struct confine_path {
    const char *path; /* a file or a folder with all below it. What is not there is left out: it stays out of reach */
    bool writable;    /* also makes, renames and removes files, folders and sockets below it */
};

/* No new privileges, no core dumps. */
enum status confine_privileges(struct error *error) must_check;
/* *confined: false where the kernel has no Landlock or has it switched off; nothing else is wrong then. */
enum status confine_files(const struct confine_path *paths, size_t count, bool *confined,
                          struct error *error) must_check;

#endif
