#include "collector/keys.h"

#include "common/secret.h"

#include <stdlib.h>
#include <unistd.h>

static const char server_secret[] = "server.secret";
static const char server_public[] = "server.public";
static const char *const own_keys[] = {"pseudonym.key", "lookup.key", "session.key"};

static char *path_of(const char *folder, const char *name)
{
    return mem_text("%s/%s", folder, name);
}

static bool present(const char *folder, const char *name)
{
    char *path = path_of(folder, name);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

bool keys_present(const char *folder)
{
    bool any = present(folder, server_secret) || present(folder, server_public);
    for (size_t i = 0; i < ARRAY_COUNT(own_keys); i++)
        any |= present(folder, own_keys[i]);
    return any;
}

/* Does `inner` lie in `outer`, or is it the same? Both may not exist yet: compared as texts. */
static bool lies_in(const char *inner, const char *outer)
{
    size_t length = strlen(outer);
    while (length > 1 && outer[length - 1] == '/')
        length--;
    return strncmp(inner, outer, length) == 0 && (inner[length] == '\0' || inner[length] == '/');
}

static enum status check_apart(const char *keys, const char *data, struct error *error)
{
    if (!lies_in(keys, data) && !lies_in(data, keys))
        return STATUS_OK;
    return error_set(error, STATUS_CONFIG,
                     "the keys folder %s and the data folder %s lie in each other: a copy of the data would carry "
                     "the keys; set `keys` to a folder of its own",
                     keys, data);
}

enum status keys_check_place(const struct config *config, struct error *error)
{
    static const enum config_key stores[] = {CONFIG_LOG, CONFIG_VAULT, CONFIG_CELLS};
    const char *folder = config_text(config, CONFIG_KEYS);
    char *data = mem_text("%s/data", config_home(config)); /* where they are unless configured: copied as a whole */
    enum status status = check_apart(folder, data, error);
    for (size_t i = 0; i < ARRAY_COUNT(stores) && status == STATUS_OK; i++)
        status = check_apart(folder, config_text(config, stores[i]), error);
    free(data);
    return status;
}

static enum status make_server_pair(const char *folder, struct error *error)
{
    struct keypair pair;
    char *secret = path_of(folder, server_secret), *public_key = path_of(folder, server_public);
    enum status status = keypair_make(&pair, error);
    if (status == STATUS_OK)
        status = keyfile_write_secret(secret, pair.secret_key, error);
    if (status == STATUS_OK)
        status = keyfile_write_public(public_key, pair.public_key, error);
    free(secret);
    free(public_key);
    return status;
}

enum status keys_make(const char *folder, struct error *error)
{
    static const char *const lists[] = {"publishers", "readers", "admins"};
    enum status status = folder_make(folder, error);
    for (size_t i = 0; i < ARRAY_COUNT(lists) && status == STATUS_OK; i++) {
        char *list = path_of(folder, lists[i]);
        status = folder_make(list, error);
        free(list);
    }
    if (status == STATUS_OK)
        status = make_server_pair(folder, error);
    for (size_t i = 0; i < ARRAY_COUNT(own_keys) && status == STATUS_OK; i++) {
        char *path = path_of(folder, own_keys[i]);
        status = keyfile_make_bytes(path, error);
        free(path);
    }
    return status;
}

static enum status read_all(const char *folder, struct keys *keys, struct error *error)
{
    uint8_t *const own[] = {keys->pseudonym, keys->lookup, keys->session};
    char *secret = path_of(folder, server_secret), *public_key = path_of(folder, server_public);
    enum status status = keyfile_read_secret(secret, keys->server.secret_key, error);
    if (status == STATUS_OK)
        status = keyfile_read_public(public_key, keys->server.public_key, error);
    for (size_t i = 0; i < ARRAY_COUNT(own) && status == STATUS_OK; i++) {
        char *path = path_of(folder, own_keys[i]);
        status = keyfile_read_bytes(path, own[i], error);
        free(path);
    }
    free(secret);
    free(public_key);
    return status;
}

enum status keys_open(const char *folder, struct keys **keys, struct error *error)
{
    void *memory = NULL;
    enum status status = secret_new(sizeof **keys, &memory, error);
    if (status == STATUS_OK)
        status = read_all(folder, memory, error);
    if (status == STATUS_OK)
        *keys = memory;
    else
        secret_free(memory);
    return status;
}

void keys_close(struct keys *keys)
{
    secret_free(keys);
}
