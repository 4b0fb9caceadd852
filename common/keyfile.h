/* keyfile.h - keys on disk: one line of Z85 (RFC 32/ZeroMQ) a file; 32 bytes a key.
 *
 * A secret's file must be a regular file, owned by the user that runs (or root), mode 0600 or 0400; anything else is
 * refused by name. A key that is short, long, not Z85 or all zeros is refused.
 */
#ifndef JEJAK_COMMON_KEYFILE_H
#define JEJAK_COMMON_KEYFILE_H

#include "common/status.h"

enum {
    KEY_BYTES = 32,
    KEY_TEXT_BYTES = 41, /* 40 characters of Z85 and a NUL */
    KEYFILE_BYTES =
        42, /* the characters and a line end, which may be missing or \r\n: of a longer file no more is read */
};

/* A CURVE pair, as Z85 texts. */
struct keypair {
    char public_key[KEY_TEXT_BYTES];
    char secret_key[KEY_TEXT_BYTES];
};
enum status keypair_make(struct keypair *pair, struct error *error) must_check;

/* Writes a new file (never over an old one), mode 0600 for secrets and 0644 for public keys, synced with its folder. */
enum status keyfile_write_secret(const char *path, const char text[KEY_TEXT_BYTES], struct error *error) must_check;
enum status keyfile_write_public(const char *path, const char text[KEY_TEXT_BYTES], struct error *error) must_check;
enum status keyfile_read_secret(const char *path, char text[KEY_TEXT_BYTES], struct error *error) must_check;
enum status keyfile_read_public(const char *path, char text[KEY_TEXT_BYTES], struct error *error) must_check;

/* What a key's file holds; `path` is for messages, text and key may be NULL. STATUS_CONFIG. */
enum status keyfile_parse(struct slice bytes, const char *path, char text[KEY_TEXT_BYTES], uint8_t key[KEY_BYTES],
                          struct error *error) must_check;

/* The same for keys of our own (pseudonym, lookup, session), as bytes. Make: 32 random bytes. */
enum status keyfile_make_bytes(const char *path, struct error *error) must_check;
enum status keyfile_read_bytes(const char *path, uint8_t key[KEY_BYTES], struct error *error) must_check;

/* Calls `each` for NAME of every NAME.public in a folder, in byte order of the names. A missing folder is an empty one.
 * A name is a segment of at most PUBLISHER_NAME_MAX bytes (event.h); other names are refused by name. A file that is refused,
 * or a call that fails, does not end it: the first failure is returned when all were visited. */
typedef enum status (*keyfile_each_fn)(const char *name, const char public_key[KEY_TEXT_BYTES], void *argument,
                                       struct error *error);
enum status keyfile_each_public(const char *folder, keyfile_each_fn each, void *argument,
                                struct error *error) must_check;

/* Can the folder be listed, or is there none? Else nothing is known of what stands in it. */
enum status keyfile_listable(const char *folder, struct error *error) must_check;

/* mkdir -p with mode 0700 for what is made. */
enum status folder_make(const char *path, struct error *error) must_check;

#endif
