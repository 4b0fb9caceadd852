#include "common/rocks_inner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum {
    WAL_TOLERATE_CORRUPTED_TAIL =
        0,                 /* rocksdb::WALRecoveryMode: a record cut short at the end is the write that never was */
    WAL_POINT_IN_TIME = 2, /* the first record that is not whole is the end */
    LOG_LEVEL_FATAL = 4,
    INDEX_WITH_FIRST_KEYS =
        3, /* rocksdb::BlockBasedTableOptions::kBinarySearchWithFirstKey; c.h names those below it */
    CACHE_SHARD_BYTES = 32 << 20,
    BYTES_PER_SYNC = 1 << 20, /* table files and WAL go to the disk as they grow, not in one burst at their end */
};

enum status rocks_failed(const struct rocks *store, const char *what, char *message, struct error *error)
{
    enum status status = STATUS_IO;
    const char *advice = "";
    if (strstr(message, "No space left")) {
        status = STATUS_FULL;
    } else if (strstr(message, "Corruption")) {
        status = STATUS_CORRUPT;
    } else if (strstr(message, "lock hold by") || strstr(message, "While lock file") || strstr(message, "No locks")) {
        status = STATUS_BUSY;
        advice = "another program has it open: ";
    }
    error_set(error, status, "%s: %s: %s%s", store->path, what, advice, message);
    rocksdb_free(message);
    return status;
}

static bool reads_only(enum rocks_mode mode)
{
    return mode == ROCKS_READ_ONLY || mode == ROCKS_READ_CUT;
}

/* The info log's folder: in memory, for a full disk must not end the process (Debian's build aborts when a write to
 * that log fails). The writer's has a fixed name, so what a crash leaves is used again; readers have one each. */
static char *log_folder_make(const char *store_path, bool reader)
{
    uint64_t hash = XXH64(store_path, strlen(store_path), 0);
    char *path =
        mem_text("/dev/shm/jejak-%u-%016llx%s", (unsigned)getuid(), (unsigned long long)hash, reader ? "-XXXXXX" : "");
    if (reader && mkdtemp(path))
        return path;
    struct stat seen;
    if (!reader && (mkdir(path, 0700) == 0 || errno == EEXIST) && lstat(path, &seen) == 0 && S_ISDIR(seen.st_mode) &&
        seen.st_uid == getuid() && (seen.st_mode & 077) == 0)
        return path;
    free(path);
    return NULL;
}

static void log_folder_remove(char *path)
{
    DIR *folder = path ? opendir(path) : NULL;
    if (folder) {
        for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder))
            unlinkat(dirfd(folder), entry->d_name, 0);
        closedir(folder);
        rmdir(path);
    }
    free(path);
}

bool rocks_exists(const char *path)
{
    char *current = mem_text("%s/CURRENT", path);
    bool exists = access(current, F_OK) == 0;
    free(current);
    return exists;
}

static bool folder_has_files(const char *path)
{
    DIR *folder = opendir(path);
    if (!folder)
        return false;
    bool found = false;
    for (struct dirent *entry = readdir(folder); entry && !found; entry = readdir(folder))
        found = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
    closedir(folder);
    return found;
}

static enum status store_expected(const char *path, enum rocks_mode mode, struct error *error)
{
    bool exists = rocks_exists(path);
    if (mode == ROCKS_CREATE && exists)
        return error_set(error, STATUS_CANNOT_MAKE, "%s: a store stands here already; none is made over it", path);
    if (mode == ROCKS_CREATE || exists)
        return STATUS_OK;
    if (folder_has_files(path))
        return error_set(error, STATUS_CORRUPT,
                         "%s: this folder has files but no store's CURRENT: it is no store, or what is left of one; "
                         "restore it or move it away",
                         path);
    return error_set(error, STATUS_NO_INPUT, "%s: no store stands here", path);
}

/* A writer in another process holds a POSIX lock on LOCK; RocksDB does not look at it when it opens for reading. */
static enum status reader_may_open(const char *path, struct error *error)
{
    char *lock_path = mem_text("%s/LOCK", path);
    int file = open(lock_path, O_RDONLY | O_CLOEXEC);
    free(lock_path);
    if (file < 0)
        return STATUS_OK;
    struct flock lock = {.l_type = F_RDLCK, .l_whence = SEEK_SET};
    bool held = fcntl(file, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
    close(file);
    if (held)
        return error_set(error, STATUS_BUSY, "%s: another program has it open for writing (process %d)", path,
                         (int)lock.l_pid);
    return STATUS_OK;
}

static void first_level_plain(rocksdb_options_t *options)
{
    enum {
        LEVELS = 7 /* RocksDB's own number */
    };
    int levels[LEVELS];
    for (int i = 0; i < LEVELS; i++)
        levels[i] = i == 0 ? rocksdb_no_compression : rocksdb_zstd_compression;
    rocksdb_options_set_compression_per_level(options, levels, LEVELS);
}

/* The same options but for compression. */
static void plain_open(struct rocks *store, const char *family)
{
    enum {
        LEVELS = 7 /* RocksDB's own number */
    };
    int levels[LEVELS] = {0};
    store->plain_family = mem_text("%s", family);
    store->plain = rocksdb_options_create_copy(store->options);
    rocksdb_options_set_compression(store->plain, rocksdb_no_compression);
    rocksdb_options_set_compression_per_level(store->plain, levels, LEVELS);
}

/* RocksDB would cut the cache into shards of 512 KiB, by a hash of the block: two values of a size like that and one of
 * them is always out. */
static rocksdb_cache_t *cache_open(size_t bytes)
{
    rocksdb_lru_cache_options_t *options = rocksdb_lru_cache_options_create();
    int shard_bits = 0;
    while (shard_bits < 6 && bytes >> shard_bits > CACHE_SHARD_BYTES)
        shard_bits++;
    rocksdb_lru_cache_options_set_capacity(options, bytes);
    rocksdb_lru_cache_options_set_num_shard_bits(options, shard_bits);
    rocksdb_cache_t *cache = rocksdb_cache_create_lru_opts(options);
    rocksdb_lru_cache_options_destroy(options);
    return cache;
}

/* Options that C has no setter for come through RocksDB's own option strings. */
static enum status options_open(struct rocks *store, const struct rocks_options *wanted, struct error *error)
{
    rocksdb_options_t *base = rocksdb_options_create();
    char *message = NULL;
    store->options = rocksdb_options_create();
    rocksdb_get_options_from_string(base, "avoid_flush_during_recovery=true;stats_persist_period_sec=0", store->options,
                                    &message);
    rocksdb_options_destroy(base);
    if (message)
        return rocks_failed(store, "options", message, error);
    rocksdb_options_t *options = store->options;
    rocksdb_options_set_create_if_missing(options, wanted->mode == ROCKS_CREATE);
    rocksdb_options_set_create_missing_column_families(options, wanted->mode == ROCKS_CREATE);
    rocksdb_options_set_error_if_exists(options, wanted->mode == ROCKS_CREATE);
    rocksdb_options_set_paranoid_checks(options, 1);
    bool cut = wanted->mode == ROCKS_READ_CUT || wanted->mode == ROCKS_WRITE_CUT;
    rocksdb_options_set_wal_recovery_mode(options, cut ? WAL_POINT_IN_TIME : WAL_TOLERATE_CORRUPTED_TAIL);
    rocksdb_options_set_recycle_log_file_num(options, 0);
    rocksdb_options_set_stats_dump_period_sec(options, 0);
    rocksdb_options_set_keep_log_file_num(options, 2);
    rocksdb_options_set_info_log_level(options, LOG_LEVEL_FATAL);
    rocksdb_options_set_max_total_wal_size(options, wanted->max_wal_bytes);
    rocksdb_options_set_write_buffer_size(options, wanted->write_buffer_bytes);
    size_t sync_bytes = wanted->sync_bytes ? wanted->sync_bytes : BYTES_PER_SYNC;
    rocksdb_options_set_bytes_per_sync(options, sync_bytes);
    rocksdb_options_set_wal_bytes_per_sync(options, sync_bytes);
    rocksdb_options_set_compression(options, rocksdb_zstd_compression);
    /* window bits, level, strategy, dictionary bytes: zstd looks at the level */
    rocksdb_options_set_compression_options(options, -14, wanted->compression_level, 0, 0);
    if (wanted->memory_bytes > 0)
        rocksdb_options_set_db_write_buffer_size(options, wanted->memory_bytes);
    if (wanted->open_files > 0)
        rocksdb_options_set_max_open_files(options, wanted->open_files);
    rocksdb_options_set_atomic_flush(options, wanted->remade);
    if (wanted->first_level_files > 0)
        rocksdb_options_set_level0_file_num_compaction_trigger(options, wanted->first_level_files);
    if (wanted->plain_first_level)
        first_level_plain(options);
    if (store->log_path)
        rocksdb_options_set_db_log_dir(options, store->log_path);
    store->table = rocksdb_block_based_options_create();
    store->cache = cache_open(wanted->cache_bytes);
    rocksdb_block_based_options_set_block_cache(store->table, store->cache);
    rocksdb_block_based_options_set_block_size(store->table, wanted->block_bytes);
    if (wanted->first_keys)
        rocksdb_block_based_options_set_index_type(store->table, INDEX_WITH_FIRST_KEYS);
    rocksdb_options_set_block_based_table_factory(options, store->table);
    store->read = rocksdb_readoptions_create();
    rocksdb_readoptions_set_verify_checksums(store->read, 1);
    store->write = rocksdb_writeoptions_create();
    store->write_synced = rocksdb_writeoptions_create();
    rocksdb_writeoptions_set_sync(store->write_synced, 1);
    rocksdb_writeoptions_disable_WAL(store->write, wanted->remade);
    if (wanted->plain_family)
        plain_open(store, wanted->plain_family);
    return STATUS_OK;
}

static void family_add(struct rocks *store, const char *name, rocksdb_column_family_handle_t *handle)
{
    struct rocks_family *family = mem_new(1, sizeof *family);
    family->name = mem_text("%s", name);
    family->handle = handle;
    store->families = mem_grow(store->families, store->family_count + 1, sizeof(struct rocks_family *));
    store->families[store->family_count++] = family;
}

static void family_close(struct rocks_family *family)
{
    rocksdb_column_family_handle_destroy(family->handle);
    free(family->name);
    free(family);
}

static const rocksdb_options_t *options_of(const struct rocks *store, const char *family)
{
    return store->plain && strcmp(family, store->plain_family) == 0 ? store->plain : store->options;
}

static enum status families_open(struct rocks *store, enum rocks_mode mode, const char *const *names, size_t count,
                                 struct error *error)
{
    char *message = NULL;
    const rocksdb_options_t **options = mem_new(count, sizeof *options);
    rocksdb_column_family_handle_t **handles = mem_new(count, sizeof *handles);
    for (size_t i = 0; i < count; i++)
        options[i] = options_of(store, names[i]);
    int n = (int)count;
    if (reads_only(mode))
        store->db = rocksdb_open_for_read_only_column_families(store->options, store->path, n, names, options, handles,
                                                               0, &message);
    else
        store->db = rocksdb_open_column_families(store->options, store->path, n, names, options, handles, &message);
    for (size_t i = 0; store->db && i < count; i++)
        family_add(store, names[i], handles[i]);
    free(options);
    free(handles);
    return message ? rocks_failed(store, "opening", message, error) : STATUS_OK;
}

static enum status store_create(struct rocks *store, const char *const *families, size_t count, struct error *error)
{
    const char **names = mem_new(count + 1, sizeof *names);
    names[0] = "default";
    for (size_t i = 0; i < count; i++)
        names[i + 1] = families[i];
    enum status status = families_open(store, ROCKS_CREATE, names, count + 1, error);
    free(names);
    return status;
}

static enum status store_open(struct rocks *store, const struct rocks_options *options, struct error *error)
{
    char *message = NULL;
    size_t count = 0;
    char **names = rocksdb_list_column_families(store->options, store->path, &count, &message);
    if (message)
        return rocks_failed(store, "listing families", message, error);
    static const char *const default_only[] = {"default"};
    enum status status = options->default_only
                             ? families_open(store, options->mode, default_only, ARRAY_COUNT(default_only), error)
                             : families_open(store, options->mode, (const char *const *)names, count, error);
    rocksdb_list_column_families_destroy(names, count);
    return status;
}

enum status rocks_open(const char *path, const struct rocks_options *options, const char *const *families,
                       size_t family_count, struct rocks **store, struct error *error)
{
    enum status status = store_expected(path, options->mode, error);
    if (status == STATUS_OK && options->mode == ROCKS_READ_ONLY && !options->beside_writer)
        status = reader_may_open(path, error);
    if (status == STATUS_OK && options->mode == ROCKS_READ_ONLY && !options->beside_writer)
        status = rocks_sync_logs(path, error);
    if (status != STATUS_OK)
        return status;
    if (options->mode == ROCKS_CREATE && mkdir(path, 0700) != 0 && errno != EEXIST)
        return error_errno(error, STATUS_CANNOT_MAKE, "%s", path);
    struct rocks *opened = mem_new(1, sizeof *opened);
    pthread_mutex_init(&opened->lock, NULL);
    char *absolute = realpath(path, NULL);
    opened->path = absolute ? absolute : mem_text("%s", path);
    opened->log_path = log_folder_make(opened->path, reads_only(options->mode));
    status = options_open(opened, options, error);
    if (status == STATUS_OK)
        status = options->mode == ROCKS_CREATE ? store_create(opened, families, family_count, error)
                                               : store_open(opened, options, error);
    if (status == STATUS_OK && options->mode == ROCKS_WRITE_CUT)
        status = rocks_flush(opened, error); /* else the damaged log stays, and the next start meets it */
    if (status != STATUS_OK) {
        rocks_close(opened);
        return status;
    }
    *store = opened;
    return STATUS_OK;
}

void rocks_close(struct rocks *store)
{
    if (!store)
        return;
    for (size_t i = 0; i < store->family_count; i++)
        family_close(store->families[i]);
    free(store->families);
    if (store->db)
        rocksdb_close(store->db);
    if (store->write) { /* made last: all of them stand */
        rocksdb_writeoptions_destroy(store->write);
        rocksdb_writeoptions_destroy(store->write_synced);
        rocksdb_readoptions_destroy(store->read);
        rocksdb_block_based_options_destroy(store->table);
        rocksdb_cache_destroy(store->cache);
    }
    if (store->plain)
        rocksdb_options_destroy(store->plain);
    free(store->plain_family);
    if (store->options)
        rocksdb_options_destroy(store->options);
    log_folder_remove(store->log_path);
    pthread_mutex_destroy(&store->lock);
    free(store->path);
    free(store);
}

enum status rocks_destroy(const char *path, struct error *error)
{
    char *message = NULL;
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_destroy_db(options, path, &message);
    rocksdb_options_destroy(options);
    struct rocks named = {.path = mem_text("%s", path)};
    enum status status = message ? rocks_failed(&named, "removing", message, error) : STATUS_OK;
    free(named.path);
    return status;
}

struct rocks_family *rocks_family(struct rocks *store, const char *name)
{
    struct rocks_family *found = NULL;
    pthread_mutex_lock(&store->lock);
    for (size_t i = 0; i < store->family_count && !found; i++)
        if (strcmp(store->families[i]->name, name) == 0)
            found = store->families[i];
    pthread_mutex_unlock(&store->lock);
    return found;
}

size_t rocks_family_count(const struct rocks *store)
{
    return __atomic_load_n(&store->family_count, __ATOMIC_ACQUIRE);
}

struct rocks_family *rocks_family_at(struct rocks *store, size_t index)
{
    pthread_mutex_lock(&store->lock);
    struct rocks_family *family = index < store->family_count ? store->families[index] : NULL;
    pthread_mutex_unlock(&store->lock);
    return family;
}

const char *rocks_family_name(const struct rocks_family *family)
{
    return family->name;
}

enum status rocks_family_make(struct rocks *store, const char *name, struct rocks_family **family, struct error *error)
{
    char *message = NULL;
    rocksdb_column_family_handle_t *handle =
        rocksdb_create_column_family(store->db, options_of(store, name), name, &message);
    if (message)
        return rocks_failed(store, "making a family", message, error);
    pthread_mutex_lock(&store->lock);
    family_add(store, name, handle);
    *family = store->families[store->family_count - 1];
    pthread_mutex_unlock(&store->lock);
    return STATUS_OK;
}

enum status rocks_family_drop(struct rocks *store, struct rocks_family *family, struct error *error)
{
    char *message = NULL;
    rocksdb_drop_column_family(store->db, family->handle, &message);
    if (message)
        return rocks_failed(store, "dropping a family", message, error);
    pthread_mutex_lock(&store->lock);
    size_t at = 0;
    while (store->families[at] != family)
        at++;
    store->family_count--;
    memmove(store->families + at, store->families + at + 1, (store->family_count - at) * sizeof *store->families);
    pthread_mutex_unlock(&store->lock);
    family_close(family);
    return STATUS_OK;
}
