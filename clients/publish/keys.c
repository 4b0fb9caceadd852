#include "clients/publish/keys.h"
#include "common/config.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>
#include <zmq.h>

static enum status own_from_file(const char *path, struct keypair *own, struct error *error)
{
    enum status status = keyfile_read_secret(path, own->secret_key, error);
    if (status == STATUS_OK && zmq_curve_public(own->public_key, own->secret_key) != 0)
        status = error_set(error, STATUS_CONFIG, "%s: this libzmq cannot derive a public key from it", path);
    return status;
}

struct only {
    char name[NAME_MAX];
    size_t count;
};

static enum status count_pair(const char *name, const char public_key[KEY_TEXT_BYTES], void *argument,
                              struct error *error)
{
    struct only *only = argument;
    (void)public_key;
    (void)error;
    snprintf(only->name, sizeof only->name, "%s", name);
    only->count++;
    return STATUS_OK;
}

static enum status own_from_folder(const char *folder, const char *name, struct keypair *own, struct error *error)
{
    char path[PATH_MAX];
    struct only only = {.count = 0};
    if (!name) {
        enum status status = keyfile_each_public(folder, count_pair, &only, error);
        if (status != STATUS_OK)
            return status;
        if (only.count == 0)
            return error_set(error, STATUS_CONFIG,
                             "%s holds no publisher's pair: make one with `jejakctl publisher add NAME', or give --key",
                             folder);
        if (only.count > 1)
            return error_set(error, STATUS_USAGE, "%s holds %zu pairs: which one? Give --name NAME", folder,
                             only.count);
        name = only.name;
    }
    snprintf(path, sizeof path, "%s/%s.secret", folder, name);
    return own_from_file(path, own, error);
}

/* What the home knows; the command line goes before it. */
static enum status from_home(const struct keys_wanted *wanted, struct keys *keys, struct error *error)
{
    struct config *config;
    char path[PATH_MAX];
    enum status status = config_open(wanted->home, NULL, NULL, 0, &config, error);
    if (status != STATUS_OK)
        return status;
    if (!wanted->to)
        snprintf(keys->endpoint, sizeof keys->endpoint, "%s", config_text(config, CONFIG_INGEST));
    keys->plain = keys->plain || (config_switch(config, CONFIG_PLAIN) && !wanted->server_key);
    if (!keys->plain && !wanted->server_key) {
        snprintf(path, sizeof path, "%s/server.public", config_text(config, CONFIG_KEYS));
        status = keyfile_read_public(path, keys->server_public, error);
    }
    if (status == STATUS_OK && !keys->plain && !wanted->key) {
        snprintf(path, sizeof path, "%s/clients", config_text(config, CONFIG_KEYS));
        status = own_from_folder(path, wanted->name, &keys->own, error);
    }
    config_close(config);
    return status;
}

enum status keys_find(const struct keys_wanted *wanted, struct keys *keys, struct error *error)
{
    struct keys found = {.plain = wanted->plain};
    enum status status = STATUS_OK;
    snprintf(found.endpoint, sizeof found.endpoint, "%s", wanted->to ? wanted->to : "tcp://127.0.0.1:7411");
    bool needs_home = !wanted->to || (!wanted->plain && (!wanted->server_key || !wanted->key));
    if (wanted->home && needs_home)
        status = from_home(wanted, &found, error);
    else if (!wanted->plain && (!wanted->server_key || !wanted->key))
        status = error_set(error, STATUS_USAGE,
                           "which keys? Give --home DIR, or --server-key and --key, or --plain for a trial");
    if (status == STATUS_OK && !found.plain && wanted->server_key)
        status = keyfile_read_public(wanted->server_key, found.server_public, error);
    if (status == STATUS_OK && !found.plain && wanted->key)
        status = own_from_file(wanted->key, &found.own, error);
    if (status == STATUS_OK)
        *keys = found;
    return status;
}
