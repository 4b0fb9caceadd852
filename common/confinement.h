/* confinement.h - what a daemon or a command keeps for itself once it runs: files by Landlock (confine.h), system calls by a
 * list (confine_calls.h), and nothing beyond them.
 *
 *     struct confinement *confinement = confinement_open();
 *     confinement_add(confinement, config_text(config, CONFIG_CELLS), true);
 *     status = confinement_enter(confinement, &confined, error);
 *     confinement_close(confinement);
 *
 * Files and folders must be there: what is made later beside them is out of reach.
 */
#ifndef JEJAK_COMMON_CONFINEMENT_H
#define JEJAK_COMMON_CONFINEMENT_H

#include "common/confine_calls.h"

struct confined {
    bool files; /* false: the kernel has no Landlock */
    enum confine_calls calls;
};

struct confinement;

/* Begins with what libraries look into: names of hosts, time zones, processors, random numbers. */
struct confinement *confinement_open(void) must_check;
void confinement_close(struct confinement *confinement);

/* A file, or a folder and all below it. Copied. */
void confinement_add(struct confinement *confinement, const char *path, bool writable);
/* The folder that the path lies in. */
void confinement_add_folder_of(struct confinement *confinement, const char *path, bool writable);
/* Of an ipc endpoint the folder of its socket, to make and remove it there; nothing for others. */
void confinement_add_endpoint(struct confinement *confinement, const char *endpoint);

/* Before the first thread is made, after confine_privileges(). *confined stays untouched on failure. */
enum status confinement_enter(const struct confinement *confinement, struct confined *confined,
                              struct error *error) must_check;
/* In the log: what was done, and a warning for what could not be. */
void confinement_log(const struct confined *confined);

#endif
