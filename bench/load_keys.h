/* load_keys.h - where bench-load connects to, and the key pairs that its publishers take in turn. */
#ifndef JEJAK_BENCH_LOAD_KEYS_H
#define JEJAK_BENCH_LOAD_KEYS_H

#include "bench/load_options.h"

struct load_keys {
    bool plain;
    char endpoint[256];
    char server_public[KEY_TEXT_BYTES];
    struct keypair *own; /* at least one, where not plain */
    size_t count;
};

/* Like jejak-publish, but with every pair of the home unless --name or --key say which. */
enum status load_keys_find(const struct load_options *options, struct load_keys *keys, struct error *error) must_check;
void load_keys_close(struct load_keys *keys); /* wipes the secrets */

#endif
