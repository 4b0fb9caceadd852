#include "common/confinement.h"

#include "common/confine.h"
#include "common/logline.h"
#include "common/sock.h"

#include <stdlib.h>

/* RocksDB's own log goes to memory (common/rocks.h). */
static const struct confine_path of_system[] = {
    {"/etc/hosts", false},
    {"/etc/nsswitch.conf", false},
    {"/etc/resolv.conf", false},
    {"/etc/host.conf", false},
    {"/etc/gai.conf", false},
    {"/sys/devices/system/cpu", false},
    {"/usr/share/zoneinfo", false},
    {"/proc/self", false},
    {"/dev/null", true},
    {"/dev/urandom", false},
    {"/dev/shm", true},
};

enum {
    OWN_MAX = 16,
};

struct confinement {
    size_t count;
    struct confine_path paths[ARRAY_COUNT(of_system) + OWN_MAX];
    char *own[OWN_MAX]; /* the copies that paths behind those of the system point to */
};

static void take(struct confinement *confinement, char *path, bool writable)
{
    size_t own = confinement->count - ARRAY_COUNT(of_system);
    ensure(own < OWN_MAX);
    confinement->own[own] = path;
    confinement->paths[confinement->count++] = (struct confine_path){path, writable};
}

struct confinement *confinement_open(void)
{
    struct confinement *confinement = mem_new(1, sizeof *confinement);
    memcpy(confinement->paths, of_system, sizeof of_system);
    confinement->count = ARRAY_COUNT(of_system);
    const char *zones = getenv("TZDIR"); /* as common/zone.c reads it */
    if (zones && *zones)
        confinement_add(confinement, zones, false);
    return confinement;
}

void confinement_close(struct confinement *confinement)
{
    if (!confinement)
        return;
    for (size_t i = 0; i < OWN_MAX; i++)
        free(confinement->own[i]);
    free(confinement);
}

void confinement_add(struct confinement *confinement, const char *path, bool writable)
{
    take(confinement, mem_text("%s", path), writable);
}

void confinement_add_folder_of(struct confinement *confinement, const char *path, bool writable)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        confinement_add(confinement, ".", writable);
    else if (slash == path)
        confinement_add(confinement, "/", writable);
    else
        take(confinement, mem_text("%.*s", (int)(slash - path), path), writable);
}

void confinement_add_endpoint(struct confinement *confinement, const char *endpoint)
{
    const char *path = sock_ipc_path(endpoint);
    if (path)
        confinement_add_folder_of(confinement, path, true);
}

enum status confinement_enter(const struct confinement *confinement, struct confined *confined, struct error *error)
{
    struct confined entered = {0};
    enum status status = confine_files(confinement->paths, confinement->count, &entered.files, error);
    if (status == STATUS_OK)
        status = confine_calls(&entered.calls, error);
    if (status == STATUS_OK)
        *confined = entered;
    return status;
}

void confinement_log(const struct confined *confined)
{
    static const char *const calls[] = {
        [CONFINE_CALLS_DONE] = "confined to the system calls that it needs",
        [CONFINE_CALLS_NO_KERNEL] = "this kernel filters no system calls: the process can make all of them",
        [CONFINE_CALLS_SANITIZED] = "a build with a sanitizer: the process can make every system call",
    };
    if (confined->files)
        log_info("confined to the files that it needs");
    else
        log_warning("this kernel has no Landlock: the process can open every file of its user");
    if (confined->calls == CONFINE_CALLS_DONE)
        log_info(calls[confined->calls]);
    else
        log_warning(calls[confined->calls]);
}
