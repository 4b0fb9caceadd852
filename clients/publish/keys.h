/* keys.h - where a run connects to and as whom: from the command line, or from a home folder. */
#ifndef JEJAK_PUBLISH_KEYS_H
#define JEJAK_PUBLISH_KEYS_H

#include "common/keyfile.h"

struct keys_wanted {
    const char *home;       /* NULL: none */
    const char *to;         /* NULL: the home's ingest endpoint, else tcp://127.0.0.1:7411 */
    const char *name;       /* of the pair in HOME/keys/clients; NULL: the only one there */
    const char *server_key; /* files, in place of the home's */
    const char *key;
    bool plain;
};

struct keys {
    bool plain;
    char endpoint[256];
    char server_public[KEY_TEXT_BYTES];
    struct keypair own;
};

enum status keys_find(const struct keys_wanted *wanted, struct keys *keys, struct error *error) must_check;

#endif
