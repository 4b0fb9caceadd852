#include "aggregator/places.h"

#include "common/keyfile.h"
#include "common/sock.h"

#include <stdlib.h>

enum status places_make(const struct config *config, struct error *error)
{
    const char *socket = sock_ipc_path(config_text(config, CONFIG_QUERY));
    enum status status = folder_make(config_text(config, CONFIG_CELLS), error);
    if (status != STATUS_OK || !socket)
        return status;
    const char *slash = strrchr(socket, '/');
    if (!slash || slash == socket)
        return STATUS_OK;
    char *folder = mem_text("%.*s", (int)(slash - socket), socket);
    status = folder_make(folder, error);
    free(folder);
    return status;
}

enum status places_confine(const struct config *config, const char *output, struct confined *confined,
                           struct error *error)
{
    static const char *const keys[] = {"server.public", "reader.public", "reader.secret"}; /* source_link.c */
    struct confinement *confinement = confinement_open();
    confinement_add(confinement, config_text(config, CONFIG_CELLS), true);
    confinement_add(confinement, config_text(config, CONFIG_LOG), false);
    confinement_add_endpoint(confinement, config_text(config, CONFIG_QUERY));
    for (size_t i = 0; i < ARRAY_COUNT(keys) && !sock_endpoint_is_local(config_text(config, CONFIG_READER)); i++) {
        char *path = mem_text("%s/%s", config_text(config, CONFIG_KEYS), keys[i]);
        confinement_add(confinement, path, false);
        free(path);
    }
    if (output)
        confinement_add_folder_of(confinement, output, true);
    enum status status = confinement_enter(confinement, confined, error);
    confinement_close(confinement);
    return status;
}
