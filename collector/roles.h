/* roles.h - who may do what: the listed public keys of each role, read from the keys folder.
 *
 * A message's user id is the Z85 public key that its connection proved (CURVE), or "plain" on an endpoint without
 * CURVE. It is looked up for every message, so a key that was taken off the list is refused on open connections too.
 * Publishers are numbered by name for as long as the process lives, so that sessions survive a key being exchanged.
 */
#ifndef JEJAK_COLLECTOR_ROLES_H
#define JEJAK_COLLECTOR_ROLES_H

#include "common/keyfile.h"

enum role {
    ROLE_PUBLISHER, /* ZAP domain "publisher": ingest and drop-off */
    ROLE_READER,    /* "reader": the log */
    ROLE_ADMIN,     /* "admin": the control socket */
    ROLE_COUNT
};
#define ROLE_PLAIN_USER "plain" /* user id and name of whoever publishes without CURVE */
#define ROLE_NOBODY     UINT32_MAX

struct roles;

/* plain: which roles' sockets go without CURVE: their connections are let in as ROLE_PLAIN_USER. */
struct roles *roles_open(const char *keys_folder, uint32_t max_publishers);
void roles_close(struct roles *roles);
void roles_allow_plain(struct roles *roles, enum role role);
/* Reads publishers/, readers/ and admins/ again. It fails where a file in them is no key, or stands for two: of that folder
 * nobody new is listed then, and whose key is not found any more (removed, exchanged, broken) is listed no longer. A folder
 * that cannot be listed leaves its list as it was. */
enum status roles_reload(struct roles *roles, uint32_t max_publishers, struct error *error) must_check;

const char *role_domain(enum role role);
bool role_from_domain(struct slice domain, enum role *role);

/* May this user act in this role now? */
bool roles_listed(const struct roles *roles, enum role role, const char *user);
/* The publisher number of a listed user, ROLE_NOBODY where it is not listed. */
uint32_t roles_publisher(struct roles *roles, const char *user);
/* The number of a name, made where it is new: for sessions read from the store. */
uint32_t roles_publisher_named(struct roles *roles, const char *name);
const char *roles_publisher_name(const struct roles *roles, uint32_t publisher);
uint32_t roles_publisher_count(const struct roles *roles); /* numbers given so far */
uint32_t roles_listed_count(const struct roles *roles, enum role role);

#endif
