#include "collector/vault.h"

#include "common/format.h"
#include "common/secret.h"

#include <sodium.h>
#include <stdlib.h>

enum {
    KNOWN_KEY_BYTES = LOOKUP_HASH_BYTES,
    KNOWN_VALUE_BYTES = 4 + LID_BYTES,
    KEY_CHECK_BYTES = 16,
    WRITE_BUFFER_BYTES = 8 << 20,
    CACHE_BYTES = 8 << 20,
    MAX_WAL_BYTES = 32 << 20,
};
static const char person_domain[] = "jejak person v1";
static const char scalar_domain[] = "jejak scalar v1";
static const char key_domain[] = "jejak key v1";
static const char vault_domain[] = "jejak vault v1";

struct vault {
    struct rocks *store;
    struct rocks_family *defaults, *persons, *known;
    bool writes;                              /* else it was opened without the key */
    struct rocks_batch *adding, *remembering; /* of vault_add() and vault_remember(): two actors */
    uint8_t tenant[VAULT_TENANT_BYTES];
    uint8_t *scalar;                    /* crypto_core_ristretto255_SCALARBYTES, in locked memory (common/secret.h) */
    uint8_t key_check[KEY_CHECK_BYTES]; /* tells a wrong key, and nothing of the right one */
    _Atomic uint64_t rows;              /* on stable storage */
};

static void derive_scalar(const uint8_t key[KEY_BYTES], uint8_t scalar[crypto_core_ristretto255_SCALARBYTES])
{
    uint8_t wide[crypto_core_ristretto255_NONREDUCEDSCALARBYTES];
    crypto_generichash_state state;
    crypto_generichash_init(&state, key, KEY_BYTES, sizeof wide);
    crypto_generichash_update(&state, (const uint8_t *)scalar_domain, sizeof scalar_domain - 1);
    crypto_generichash_final(&state, wide, sizeof wide);
    crypto_core_ristretto255_scalar_reduce(scalar, wide);
    sodium_memzero(wide, sizeof wide);
    sodium_memzero(&state, sizeof state);
}

static void put_rows(struct vault *vault, uint64_t rows)
{
    uint8_t bytes[8];
    put_be64(bytes, rows);
    rocks_batch_put(vault->adding, vault->defaults, slice_of_text("rows"), slice_of(bytes, sizeof bytes));
}

static enum status write_first(struct vault *vault, struct error *error)
{
    uint8_t format[4];
    put_u32(format, VAULT_FORMAT);
    randombytes_buf(vault->tenant, sizeof vault->tenant);
    rocks_batch_clear(vault->adding);
    rocks_batch_put(vault->adding, vault->defaults, slice_of_text("format"), slice_of(format, sizeof format));
    rocks_batch_put(vault->adding, vault->defaults, slice_of_text("tenant"),
                    slice_of(vault->tenant, sizeof vault->tenant));
    rocks_batch_put(vault->adding, vault->defaults, slice_of_text("key"),
                    slice_of(vault->key_check, sizeof vault->key_check));
    put_rows(vault, 0);
    enum status status = rocks_write(vault->store, vault->adding, true, error);
    /* In a table file, so that who it is does not hang on its write-ahead log. */
    return status == STATUS_OK ? rocks_flush(vault->store, error) : status;
}

/* A row of the default family that must stand there with this size. */
static enum status read_fixed(struct vault *vault, const char *key, uint8_t *out, size_t size, struct error *error)
{
    struct rocks_value value;
    bool found;
    enum status status = rocks_get(vault->store, vault->defaults, slice_of_text(key), &found, &value, error);
    if (status != STATUS_OK)
        return status;
    if (!found || value.bytes.size != size)
        status =
            error_set(error, STATUS_CORRUPT, "it has no usable `%s` row: not a vault of Jejak, or a damaged one", key);
    else
        memcpy(out, value.bytes.data, size);
    if (found)
        rocks_value_close(&value);
    return status;
}

static enum status check_key(struct vault *vault, struct error *error)
{
    uint8_t key_check[KEY_CHECK_BYTES];
    enum status status = read_fixed(vault, "key", key_check, sizeof key_check, error);
    if (status == STATUS_OK && memcmp(key_check, vault->key_check, sizeof key_check) != 0)
        status =
            error_set(error, STATUS_FOREIGN,
                      "it was made with another pseudonym.key: with this one nobody in it would be recognised; put the "
                      "right key, or the right vault, back");
    return status;
}

static enum status read_first(struct vault *vault, struct error *error)
{
    uint8_t format[4], rows[8];
    enum status status = read_fixed(vault, "format", format, sizeof format, error);
    if (status == STATUS_OK)
        status = format_check(get_u32(format), VAULT_FORMAT, error);
    if (status == STATUS_OK)
        status = read_fixed(vault, "tenant", vault->tenant, sizeof vault->tenant, error);
    if (status == STATUS_OK && vault->writes)
        status = check_key(vault, error);
    if (status == STATUS_OK)
        status = read_fixed(vault, "rows", rows, sizeof rows, error);
    if (status == STATUS_OK)
        vault->rows = get_be64(rows);
    return status;
}

static enum status find_families(struct vault *vault, struct error *error)
{
    vault->defaults = rocks_family(vault->store, "default");
    vault->persons = rocks_family(vault->store, "persons");
    vault->known = rocks_family(vault->store, "known");
    if (!vault->persons || !vault->known)
        return error_set(error, STATUS_FOREIGN, "it lacks the families of a vault: another store stands there");
    return STATUS_OK;
}

static enum status open_store(struct vault *vault, const char *path, enum rocks_mode mode, struct error *error)
{
    static const char *const families[] = {"persons", "known"};
    struct rocks_options options = {
        .mode = mode,
        .beside_writer = mode == ROCKS_READ_ONLY,
        .write_buffer_bytes = WRITE_BUFFER_BYTES,
        .cache_bytes = CACHE_BYTES,
        .max_wal_bytes = MAX_WAL_BYTES,
        .block_bytes = 4096,
        .compression_level = 1,
        .sync_bytes = 64 << 10,                                       /* a commit syncs beside it */
        .open_files = mode == ROCKS_READ_ONLY ? 0 : VAULT_OPEN_FILES, /* the writer deletes what it merged */
    };
    enum status status = rocks_open(path, &options, families, ARRAY_COUNT(families), &vault->store, error);
    return status == STATUS_OK ? find_families(vault, error) : status;
}

enum status vault_look(const char *path, struct vault **vault, struct error *error)
{
    struct vault *opened = mem_new(1, sizeof *opened);
    enum status status = open_store(opened, path, ROCKS_READ_ONLY, error);
    if (status == STATUS_OK)
        status = read_first(opened, error);
    if (status != STATUS_OK) {
        vault_close(opened);
        return error_prefix(error, "the vault %s", path);
    }
    *vault = opened;
    return STATUS_OK;
}

enum status vault_open(const char *path, enum rocks_mode mode, const uint8_t key[KEY_BYTES], struct vault **vault,
                       struct error *error)
{
    struct vault *opened = mem_new(1, sizeof *opened);
    void *scalar = NULL;
    enum status status = open_store(opened, path, mode, error);
    if (status == STATUS_OK &&
        mode == ROCKS_WRITE) /* as with the event log: rows that were never synced would count as safe */
        status = rocks_flush(opened->store, error);
    if (status == STATUS_OK)
        status = secret_new(crypto_core_ristretto255_SCALARBYTES, &scalar, error);
    if (status == STATUS_OK) {
        opened->scalar = scalar;
        opened->writes = true;
        opened->adding = rocks_batch_open();
        opened->remembering = rocks_batch_open();
        derive_scalar(key, opened->scalar);
        crypto_generichash(opened->key_check, sizeof opened->key_check, (const uint8_t *)key_domain,
                           sizeof key_domain - 1, key, KEY_BYTES);
        status = mode == ROCKS_CREATE ? write_first(opened, error) : read_first(opened, error);
    }
    if (status != STATUS_OK) {
        vault_close(opened);
        return error_prefix(error, "the vault %s", path);
    }
    *vault = opened;
    return STATUS_OK;
}

void vault_close(struct vault *vault)
{
    if (!vault)
        return;
    rocks_batch_close(vault->adding);
    rocks_batch_close(vault->remembering);
    if (vault->store)
        rocks_close(vault->store);
    secret_free(vault->scalar);
    free(vault);
}

void vault_identity(const struct vault *vault, uint8_t id[VAULT_ID_BYTES])
{
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, VAULT_ID_BYTES);
    crypto_generichash_update(&state, (const uint8_t *)vault_domain, sizeof vault_domain - 1);
    crypto_generichash_update(&state, vault->tenant, sizeof vault->tenant);
    crypto_generichash_final(&state, id, VAULT_ID_BYTES);
}

enum status vault_flush(struct vault *vault, struct error *error)
{
    enum status status = rocks_flush(vault->store, error);
    return status == STATUS_OK ? status : error_prefix(error, "the vault");
}

uint64_t vault_rows(const struct vault *vault)
{
    return vault->rows;
}

static enum status person_of(const struct vault *vault, struct slice id, uint8_t person[VAULT_PERSON_BYTES],
                             struct error *error)
{
    uint8_t hash[crypto_core_ristretto255_HASHBYTES], point[crypto_core_ristretto255_BYTES];
    crypto_generichash_state state;
    crypto_generichash_init(&state, NULL, 0, sizeof hash);
    crypto_generichash_update(&state, (const uint8_t *)person_domain, sizeof person_domain - 1);
    crypto_generichash_update(&state, vault->tenant, sizeof vault->tenant);
    crypto_generichash_update(&state, id.data, id.size);
    crypto_generichash_final(&state, hash, sizeof hash);
    crypto_core_ristretto255_from_hash(point, hash);
    bool usable = crypto_scalarmult_ristretto255(person, vault->scalar, point) == 0;
    sodium_memzero(hash, sizeof hash);
    sodium_memzero(point, sizeof point);
    sodium_memzero(&state, sizeof state);
    return usable ? STATUS_OK : error_set(error, STATUS_CONFIG, "the pseudonym key gives the identity element");
}

enum status vault_resolve(struct vault *vault, struct slice id, struct vault_row *row, struct error *error)
{
    struct rocks_value value;
    bool found;
    enum status status = person_of(vault, id, row->person, error);
    if (status == STATUS_OK)
        status =
            rocks_get(vault->store, vault->persons, slice_of(row->person, sizeof row->person), &found, &value, error);
    if (status != STATUS_OK)
        return status;
    row->new_person = !found;
    if (!found) {
        randombytes_buf(row->lid, sizeof row->lid);
        return STATUS_OK;
    }
    if (value.bytes.size == LID_BYTES)
        memcpy(row->lid, value.bytes.data, LID_BYTES);
    else
        status =
            error_set(error, STATUS_CORRUPT, "a row of the vault has %zu bytes, not %d", value.bytes.size, LID_BYTES);
    rocks_value_close(&value);
    return status;
}

enum status vault_add(struct vault *vault, const struct vault_row *rows, size_t count, struct error *error)
{
    uint64_t made = 0;
    rocks_batch_clear(vault->adding);
    for (size_t i = 0; i < count; i++) {
        if (!rows[i].new_person)
            continue;
        rocks_batch_put(vault->adding, vault->persons, slice_of(rows[i].person, sizeof rows[i].person),
                        slice_of(rows[i].lid, LID_BYTES));
        made++;
    }
    if (made == 0)
        return STATUS_OK;
    put_rows(vault, vault->rows + made);
    enum status status = rocks_write(vault->store, vault->adding, true, error);
    if (status != STATUS_OK)
        return error_prefix(error, "the vault");
    vault->rows += made;
    return STATUS_OK;
}

enum status vault_remember(struct vault *vault, const struct vault_row *rows, size_t count, struct error *error)
{
    rocks_batch_clear(vault->remembering);
    for (size_t i = 0; i < count; i++) {
        uint8_t known[KNOWN_VALUE_BYTES];
        put_be32(known, rows[i].number);
        memcpy(known + 4, rows[i].lid, LID_BYTES);
        rocks_batch_put(vault->remembering, vault->known, slice_of(&rows[i].hash, KNOWN_KEY_BYTES),
                        slice_of(known, sizeof known));
    }
    enum status status = rocks_write(vault->store, vault->remembering, false, error);
    return status == STATUS_OK ? status : error_prefix(error, "the vault");
}

enum status vault_person_row(struct slice key, struct slice value, const uint8_t **lid, struct error *error)
{
    if (key.size != VAULT_PERSON_BYTES || value.size != LID_BYTES)
        return error_set(error, STATUS_CORRUPT, "the vault: a row of `persons` is damaged");
    *lid = value.data;
    return STATUS_OK;
}

enum status vault_known_row(struct slice key, struct slice value, struct vault_known *known, struct error *error)
{
    if (key.size != KNOWN_KEY_BYTES || value.size != KNOWN_VALUE_BYTES)
        return error_set(error, STATUS_CORRUPT, "the vault: a row of `known` is damaged");
    memcpy(&known->hash, key.data, sizeof known->hash);
    known->number = get_be32(value.data);
    known->lid = value.data + 4;
    return STATUS_OK;
}

enum status vault_persons(struct vault *vault, vault_person_fn each, void *argument, struct error *error)
{
    struct rocks_iterator *iterator = rocks_iterator_open(vault->store, vault->persons);
    enum status status = STATUS_OK;
    for (rocks_iterator_seek(iterator, slice_of("", 0)); rocks_iterator_valid(iterator) && status == STATUS_OK;
         rocks_iterator_next(iterator)) {
        const uint8_t *lid = NULL;
        status = vault_person_row(rocks_iterator_key(iterator), rocks_iterator_value(iterator), &lid, error);
        if (status == STATUS_OK)
            each(lid, argument);
    }
    if (status == STATUS_OK)
        status = rocks_iterator_status(iterator, error);
    rocks_iterator_close(iterator);
    return status;
}

enum status vault_known(struct vault *vault, vault_known_fn each, void *argument, struct error *error)
{
    struct rocks_iterator *iterator = rocks_iterator_open(vault->store, vault->known);
    enum status status = STATUS_OK;
    for (rocks_iterator_seek(iterator, slice_of("", 0)); rocks_iterator_valid(iterator) && status == STATUS_OK;
         rocks_iterator_next(iterator)) {
        struct vault_known known = {0};
        status = vault_known_row(rocks_iterator_key(iterator), rocks_iterator_value(iterator), &known, error);
        if (status == STATUS_OK)
            each(known.hash, known.number, known.lid, argument);
    }
    if (status == STATUS_OK)
        status = rocks_iterator_status(iterator, error);
    rocks_iterator_close(iterator);
    return status;
}
