#include "collector/places.h"

#include "common/confine.h"
#include "common/logline.h"
#include "common/sock.h"

#include <stdlib.h>
#include <string.h>

/* Names of hosts in endpoints, time zones, processors, the null device; RocksDB's own log goes to memory (common/rocks.h). */
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

struct places {
    struct confine_path paths[OWN_MAX + ARRAY_COUNT(of_system)];
    char *folders[OWN_MAX];
    size_t count;
};

/* The folder that the path lies in, copied. */
static char *folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return mem_text(".");
    return slash == path ? mem_text("/") : mem_text("%.*s", (int)(slash - path), path);
}

static void add(struct places *places, char *folder, bool writable)
{
    ensure(places->count < OWN_MAX);
    places->folders[places->count] = folder;
    places->paths[places->count++] = (struct confine_path){folder, writable};
}

static void add_own(struct places *places, const struct config *config, const char *file)
{
    static const enum config_key beside[] = {CONFIG_LOG, CONFIG_VAULT, CONFIG_WATERMARK};
    static const enum config_key endpoints[] = {CONFIG_INGEST, CONFIG_DROPOFF, CONFIG_READER, CONFIG_CONTROL};
    add(places, mem_text("%s", config_home(config)), true);
    add(places, mem_text("%s", config_text(config, CONFIG_KEYS)), false);
    for (size_t i = 0; i < ARRAY_COUNT(beside); i++)
        add(places, folder_of(config_text(config, beside[i])), true);
    for (size_t i = 0; i < ARRAY_COUNT(endpoints); i++) {
        const char *path = sock_ipc_path(config_text(config, endpoints[i]));
        if (path)
            add(places, folder_of(path), true);
    }
    if (file)
        add(places, folder_of(file), false);
    const char *zones = getenv("TZDIR"); /* as common/zone.c reads it */
    if (zones && *zones)
        add(places, mem_text("%s", zones), false);
}

enum status places_confine(const struct config *config, const char *file, struct error *error)
{
    struct places places = {.count = 0};
    bool confined = false;
    add_own(&places, config, file);
    size_t own = places.count;
    memcpy(places.paths + own, of_system, sizeof of_system);
    enum status status = confine_files(places.paths, own + ARRAY_COUNT(of_system), &confined, error);
    for (size_t i = 0; i < own; i++)
        free(places.folders[i]);
    if (status != STATUS_OK)
        return status;
    if (confined)
        log_info("confined to the home and what it names");
    else
        log_warning("this kernel has no Landlock: the process can open every file of its user");
    return STATUS_OK;
}
