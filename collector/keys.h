/* keys.h - the collector's own keys, under the keys folder: made at the first start, read and checked ever after. */
#ifndef JEJAK_COLLECTOR_KEYS_H
#define JEJAK_COLLECTOR_KEYS_H

#include "common/config.h"
#include "common/keyfile.h"

struct keys {
    struct keypair server;        /* of the ingest, reader and control sockets */
    uint8_t pseudonym[KEY_BYTES]; /* vault.h */
    uint8_t lookup[KEY_BYTES];    /* lookup.h */
    uint8_t session[KEY_BYTES];   /* fingerprints of settled batches */
};

/* Is any of the collector's own keys there? (Listed publishers may come before the first start.) */
bool keys_present(const char *folder);
/* STATUS_CONFIG where the folder lies inside the data, or the data inside it. */
enum status keys_check_place(const struct config *config, struct error *error) must_check;
enum status keys_make(const char *folder, struct error *error) must_check;
/* In locked memory (common/secret.h). */
enum status keys_open(const char *folder, struct keys **keys, struct error *error) must_check;
void keys_close(struct keys *keys); /* NULL is fine */

#endif
