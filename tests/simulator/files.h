/* files.h - files in memory: what is in them, and what a power cut leaves of them.
 *
 * A file has its bytes, those that were synced, and the writes since. A power cut keeps what was synced and a prefix of
 * the rest; of the first write that is lost, a part may be there, or zeros in its place. A name belongs to its folder:
 * it is there after a power cut once the folder was synced, or perhaps.
 */
#ifndef JEJAK_TESTS_SIMULATOR_FILES_H
#define JEJAK_TESTS_SIMULATOR_FILES_H

#include "tests/simulator/world.h"

#define FILES_ROOT "/sim" /* everything below it is in memory */

enum {
    FILE_MAX_BYTES = 1 << 20,
};

struct image {
    uint8_t *bytes;
    size_t size;
};

/* A write (bytes) or a cut (bytes is NULL) since the last sync. */
struct file_change {
    uint8_t *bytes;
    size_t at, size;
};

struct file {
    unsigned machine;
    bool folder, locked;
    struct image now, synced;
    struct file_change *changes;
    size_t change_count;
};

struct file *file_at(const char *path);                     /* NULL: there is none */
const uint8_t *file_synced(const char *path, size_t *size); /* NULL: none */
void file_write(struct file *file, size_t at, const void *bytes, size_t size);
void file_cut(struct file *file, size_t size);
void file_sync(struct file *file);

/* The folder's half, each is a change until the folder is synced. */
struct file *file_make(const char *path, bool folder);
void file_rename(const char *from, const char *to);
void file_unlink(const char *path);
void file_sync_folder(const char *path);

#endif
