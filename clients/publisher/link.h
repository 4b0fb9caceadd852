/* link.h - the publisher's connection: one DEALER socket that is thrown away and made anew when it falls silent.
 *
 * ZeroMQ mends connections on its own and hides that it did; what was lost meanwhile is found out by stream.h.
 */
#ifndef JEJAK_PUBLISHER_LINK_H
#define JEJAK_PUBLISHER_LINK_H

#include "common/keyfile.h"
#include "common/status.h"

struct link;

/* server_public and pair: both (CURVE) or neither (plain; local endpoints only). */
enum status link_open(const char *endpoint, const char *server_public, const struct keypair *pair, struct link **link,
                      struct error *error) must_check;
void link_close(struct link *link);

/* Drops the socket with everything in it, and makes a new one. */
enum status link_renew(struct link *link, struct error *error) must_check;

/* One message of the two pieces; false where the socket takes none now. */
bool link_send(struct link *link, struct slice head, struct slice body);

/* The next answer, if there is one; lives until the next call. An empty delimiter before it is passed over, messages of
 * any other shape are dropped. */
bool link_receive(struct link *link, struct slice *answer);

/* Waits until there is an answer, at most this long. */
void link_wait(struct link *link, int timeout_ms);

/* The 32 bytes of a Z85 key; false where the text is not one. */
bool link_key_bytes(const char *text, uint8_t key[KEY_BYTES]);

#endif
