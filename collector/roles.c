#include "collector/roles.h"

#include "common/block.h"

#include <stdlib.h>
#define uthash_malloc(size) mem_new(1, size)
#include <uthash.h>

static const char *const domains[ROLE_COUNT] = {
    [ROLE_PUBLISHER] = "publisher",
    [ROLE_READER] = "reader",
    [ROLE_ADMIN] = "admin",
};
static const char *const folders[ROLE_COUNT] = {
    [ROLE_PUBLISHER] = "publishers",
    [ROLE_READER] = "readers",
    [ROLE_ADMIN] = "admins",
};

/* A listed key; two roles may list the same one. */
struct entry {
    char user[KEY_TEXT_BYTES];
    uint32_t publisher; /* ROLE_PUBLISHER: its number */
    UT_hash_handle hh;
};

struct named {
    char name[PUBLISHER_NAME_MAX + 1];
    uint32_t number;
    UT_hash_handle hh;
};

struct roles {
    char *folder;
    uint32_t max_publishers;
    bool plain[ROLE_COUNT];
    struct entry *entries[ROLE_COUNT];
    struct named *by_name;
    struct named **by_number;
    uint32_t publisher_count;
    const struct entry *last; /* the publisher who was asked for last: messages come in trains */
};

const char *role_domain(enum role role)
{
    return domains[role];
}

bool role_from_domain(struct slice domain, enum role *role)
{
    for (unsigned i = 0; i < ROLE_COUNT; i++)
        if (slice_equal(domain, slice_of_text(domains[i]))) {
            *role = (enum role)i;
            return true;
        }
    return false;
}

struct roles *roles_open(const char *keys_folder, uint32_t max_publishers)
{
    struct roles *roles = mem_new(1, sizeof *roles);
    roles->folder = mem_text("%s", keys_folder);
    roles->max_publishers = max_publishers;
    return roles;
}

static void free_entries(struct entry *entries)
{
    struct entry *entry, *next;
    HASH_ITER(hh, entries, entry, next)
    {
        HASH_DEL(entries, entry);
        free(entry);
    }
}

void roles_close(struct roles *roles)
{
    if (!roles)
        return;
    for (unsigned i = 0; i < ROLE_COUNT; i++)
        free_entries(roles->entries[i]);
    HASH_CLEAR(hh, roles->by_name);
    for (uint32_t i = 0; i < roles->publisher_count; i++)
        free(roles->by_number[i]);
    free(roles->by_number);
    free(roles->folder);
    free(roles);
}

void roles_allow_plain(struct roles *roles, enum role role)
{
    roles->plain[role] = true;
}

uint32_t roles_publisher_named(struct roles *roles, const char *name)
{
    struct named *named;
    HASH_FIND_STR(roles->by_name, name, named);
    if (named)
        return named->number;
    ensure(strlen(name) <= PUBLISHER_NAME_MAX);
    named = mem_new(1, sizeof *named);
    memcpy(named->name, name, strlen(name) + 1);
    named->number = roles->publisher_count++;
    roles->by_number = mem_grow(roles->by_number, roles->publisher_count, sizeof(struct named *));
    roles->by_number[named->number] = named;
    HASH_ADD_STR(roles->by_name, name, named);
    return named->number;
}

struct loading {
    struct roles *roles;
    struct entry *entries;
    enum role role;
};

static enum status load_entry(const char *name, const char public_key[KEY_TEXT_BYTES], void *argument,
                              struct error *error)
{
    struct loading *loading = argument;
    struct entry *entry;
    HASH_FIND_STR(loading->entries, public_key, entry);
    if (entry)
        return error_set(error, STATUS_CONFIG, "%s/%s: the key of `%s` is listed twice; give each its own",
                         loading->roles->folder, folders[loading->role], name);
    if (strcmp(name, ROLE_PLAIN_USER) == 0)
        return error_set(error, STATUS_CONFIG, "%s/%s: `%s` names those without a key; choose another name",
                         loading->roles->folder, folders[loading->role], name);
    entry = mem_new(1, sizeof *entry);
    memcpy(entry->user, public_key, KEY_TEXT_BYTES);
    entry->publisher = loading->role == ROLE_PUBLISHER ? roles_publisher_named(loading->roles, name) : ROLE_NOBODY;
    HASH_ADD_STR(loading->entries, user, entry);
    return STATUS_OK;
}

static enum status check_count(const struct loading *loading, struct error *error)
{
    if (HASH_COUNT(loading->entries) <= loading->roles->max_publishers)
        return STATUS_OK;
    return error_set(error, STATUS_CONFIG, "%s/%s holds more keys than max_publishers = %u", loading->roles->folder,
                     folders[loading->role], loading->roles->max_publishers);
}

/* Where something is wrong with a folder, nobody comes in by it; but whose key is not there any more is out. */
static void keep_those_in(struct roles *roles, enum role role, const struct entry *there)
{
    struct entry *entry, *next, *found;
    HASH_ITER(hh, roles->entries[role], entry, next)
    {
        HASH_FIND_STR(there, entry->user, found);
        // cppcheck-suppress uninitvar ; HASH_ITER sets it
        if (found && found->publisher == entry->publisher)
            continue;
        HASH_DEL(roles->entries[role], entry); // NOLINT(clang-analyzer-core.NullDereference): it is in the table
        free(entry);
    }
}

static enum status reload_role(struct roles *roles, enum role role, struct error *error)
{
    struct loading loading = {.roles = roles, .role = role};
    char *folder = mem_text("%s/%s", roles->folder, folders[role]);
    enum status status = keyfile_listable(folder, error);
    bool listable = status == STATUS_OK;
    if (listable)
        status = keyfile_each_public(folder, load_entry, &loading, error);
    if (status == STATUS_OK)
        status = check_count(&loading, error);
    if (status == STATUS_OK) {
        struct entry *old = roles->entries[role];
        roles->entries[role] = loading.entries;
        loading.entries = old;
    } else if (listable) {
        keep_those_in(roles, role, loading.entries);
    }
    free_entries(loading.entries);
    free(folder);
    return status;
}

enum status roles_reload(struct roles *roles, uint32_t max_publishers, struct error *error)
{
    enum status first = STATUS_OK;
    roles->max_publishers = max_publishers;
    roles->last = NULL;
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        struct error found;
        enum status status = reload_role(roles, (enum role)i, &found);
        if (status != STATUS_OK && first == STATUS_OK) {
            *error = found;
            first = status;
        }
    }
    return first;
}

bool roles_listed(const struct roles *roles, enum role role, const char *user)
{
    struct entry *entry;
    if (roles->plain[role])
        return strcmp(user, ROLE_PLAIN_USER) == 0;
    HASH_FIND_STR(roles->entries[role], user, entry);
    return entry != NULL;
}

uint32_t roles_publisher(struct roles *roles, const char *user)
{
    struct entry *entry;
    if (roles->plain[ROLE_PUBLISHER])
        return strcmp(user, ROLE_PLAIN_USER) == 0 ? roles_publisher_named(roles, ROLE_PLAIN_USER) : ROLE_NOBODY;
    if (roles->last && strcmp(roles->last->user, user) == 0)
        return roles->last->publisher;
    HASH_FIND_STR(roles->entries[ROLE_PUBLISHER], user, entry);
    if (!entry)
        return ROLE_NOBODY;
    roles->last = entry;
    return entry->publisher;
}

const char *roles_publisher_name(const struct roles *roles, uint32_t publisher)
{
    return roles->by_number[publisher]->name;
}

uint32_t roles_publisher_count(const struct roles *roles)
{
    return roles->publisher_count;
}

uint32_t roles_listed_count(const struct roles *roles, enum role role)
{
    return HASH_COUNT(roles->entries[role]);
}
