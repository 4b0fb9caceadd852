#include "collector/places.h"

#include "common/confinement.h"

enum status places_confine(const struct config *config, const char *file, struct error *error)
{
    static const enum config_key beside[] = {CONFIG_LOG, CONFIG_VAULT, CONFIG_WATERMARK};
    static const enum config_key endpoints[] = {CONFIG_INGEST, CONFIG_DROPOFF, CONFIG_READER, CONFIG_CONTROL};
    struct confinement *confinement = confinement_open();
    struct confined confined;
    confinement_add(confinement, config_home(config), true);
    confinement_add(confinement, config_text(config, CONFIG_KEYS), false);
    for (size_t i = 0; i < ARRAY_COUNT(beside); i++)
        confinement_add_folder_of(confinement, config_text(config, beside[i]), true);
    for (size_t i = 0; i < ARRAY_COUNT(endpoints); i++)
        confinement_add_endpoint(confinement, config_text(config, endpoints[i]));
    if (file)
        confinement_add_folder_of(confinement, file, false);
    enum status status = confinement_enter(confinement, &confined, error);
    confinement_close(confinement);
    if (status == STATUS_OK)
        confinement_log(&confined);
    return status;
}
