#include "bench/load_keys.h"
#include "common/config.h"
#include "common/sock.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

/* The first pair also tells where to. */
static void add_pair(struct load_keys *keys, const struct keys *found)
{
    keys->own = mem_grow(keys->own, keys->count + 1, sizeof *keys->own);
    keys->own[keys->count++] = found->own;
    keys->plain = found->plain;
    memcpy(keys->endpoint, found->endpoint, sizeof keys->endpoint);
    memcpy(keys->server_public, found->server_public, sizeof keys->server_public);
}

static enum status find_pair(const struct keys_wanted *wanted, struct load_keys *keys, struct error *error)
{
    struct keys found;
    enum status status = keys_find(wanted, &found, error);
    if (status == STATUS_OK)
        add_pair(keys, &found);
    explicit_bzero(&found, sizeof found);
    return status;
}

struct names {
    const struct keys_wanted *wanted;
    struct load_keys *keys;
};

static enum status find_named(const char *name, const char public_key[KEY_TEXT_BYTES], void *argument,
                              struct error *error)
{
    const struct names *names = argument;
    struct keys_wanted wanted = *names->wanted;
    (void)public_key;
    wanted.name = name;
    if (names->keys->count == LOAD_MAX_KEYS)
        return error_set(error, STATUS_USAGE, "more than %d pairs of keys: which one? Give --name NAME", LOAD_MAX_KEYS);
    return find_pair(&wanted, names->keys, error);
}

static enum status find_all_of_home(const struct keys_wanted *wanted, struct load_keys *keys, struct error *error)
{
    char folder[PATH_MAX];
    struct config *config;
    enum status status = config_open(wanted->home, NULL, NULL, 0, &config, error);
    if (status != STATUS_OK)
        return status;
    snprintf(folder, sizeof folder, "%s/clients", config_text(config, CONFIG_KEYS));
    config_close(config);
    struct names names = {wanted, keys};
    status = keyfile_each_public(folder, find_named, &names, error);
    if (status == STATUS_OK && keys->count == 0)
        status = find_pair(wanted, keys, error); /* plain by configuration, or it says what is missing */
    return status;
}

enum status load_keys_find(const struct load_options *options, struct load_keys *keys, struct error *error)
{
    struct keys_wanted wanted = options->keys;
    enum status status = STATUS_OK;
    *keys = (struct load_keys){0};
    for (size_t i = 0; status == STATUS_OK && i < options->key_file_count; i++) {
        wanted.key = options->key_files[i];
        status = find_pair(&wanted, keys, error);
    }
    if (options->key_file_count == 0)
        status = wanted.home && !wanted.name && !wanted.plain ? find_all_of_home(&wanted, keys, error)
                                                              : find_pair(&wanted, keys, error);
    if (status == STATUS_OK && keys->plain && !sock_endpoint_is_local(keys->endpoint))
        status =
            error_set(error, STATUS_USAGE, "%s is not on this machine: a plain connection goes to loopback or ipc only",
                      keys->endpoint);
    if (status != STATUS_OK)
        load_keys_close(keys);
    return status;
}

void load_keys_close(struct load_keys *keys)
{
    if (keys->own)
        explicit_bzero(keys->own, keys->count * sizeof *keys->own);
    free(keys->own);
    *keys = (struct load_keys){0};
}
