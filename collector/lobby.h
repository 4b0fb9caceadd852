/* lobby.h - the connections that are in, and which one has to go when they are too many.
 *
 * A connection is known by its descriptor. It is young until its handshake must be over: whoever is in for longer than
 * LOBBY_YOUNG_MS has proved a listed key (common/sock.c ends handshakes before that). Beyond `most`, a young one is ended that
 * has not shown more than any stranger can send, the oldest first: so strangers who hold their connections push each other
 * out, and whoever brings a key needs no more than the moments of its handshake. Where all others have shown enough, the one
 * that came last has to go.
 *
 *     in for long, or shown: stay     young, in order of coming: [a] [b] [c: shown] [d] [new]
 *                                                                 └ ended, if one too many
 *
 * A structure without sockets, clocks or threads: gate.h has them.
 */
#ifndef JEJAK_COLLECTOR_LOBBY_H
#define JEJAK_COLLECTOR_LOBBY_H

#include <stdbool.h>
#include <stdint.h>

enum {
    LOBBY_YOUNG_MS = 2500, /* a handshake's 2000, and what its end takes to be heard of */
    LOBBY_NOBODY = -1,
};

/* Has the connection behind this descriptor shown more than a stranger can? */
typedef bool (*lobby_shown_fn)(int descriptor, void *argument);

struct lobby;
struct lobby *lobby_open(uint32_t most, lobby_shown_fn shown, void *argument);
void lobby_close(struct lobby *lobby);

/* A connection has come; under a descriptor that is in already, the one before is gone. The descriptor to be ended, which
 * counts no longer, or LOBBY_NOBODY. */
int lobby_enter(struct lobby *lobby, int descriptor, int64_t now_ms);
void lobby_leave(struct lobby *lobby, int descriptor); /* not in: nothing happens */
uint32_t lobby_count(const struct lobby *lobby);

/* Calls `gone` for each that is in; those for which it is true leave. */
void lobby_audit(struct lobby *lobby, bool (*gone)(int descriptor));

#endif
