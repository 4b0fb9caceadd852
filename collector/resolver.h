/* resolver.h - the resolver: an actor that looks learners never seen up in the vault, away from the ingest loop.
 *
 * Who a learner is costs a group operation of about 100 us (vault.h); paid in the ingest loop it would hold up every
 * batch behind it. So ingest hands the learners of a parked batch (parking.h) over as meetings, goes on, and takes them
 * back when the resolver's descriptor is readable. By then their rows in the vault are synced, so a lid is on stable
 * storage before anything is stored under it, and a commit has no third sync. Numbers are given by whoever takes the
 * meeting back.
 *
 * It yields to everybody else: RESOLVER_NICE. It writes, syncs and hands back when nothing is left to do, and about every
 * RESOLVER_TURN_MS: one sync for all that was met meanwhile.
 */
#ifndef JEJAK_COLLECTOR_RESOLVER_H
#define JEJAK_COLLECTOR_RESOLVER_H

#include "collector/store.h"

enum {
    RESOLVER_NICE = 10, /* a tenth of a core that somebody else wants; all of one that nobody wants */
    RESOLVER_TURN_MS = 20,
};

/* A learner never seen, on her way through the vault. Owned by whoever submits it, until it is taken back. */
struct meeting {
    struct meeting *next;
    struct slice id;      /* borrowed: stays where it is until the meeting is taken back or recalled */
    struct vault_row row; /* hash: as given. The others: filled, but for the number where new_number is set */
    enum status status;   /* other than STATUS_OK: the store failed; resolver_error() tells */
};

struct resolver;

enum status resolver_open(struct store *store, struct resolver **resolver, struct error *error) must_check;
void resolver_close(struct resolver *resolver);

/* A list of meetings, in the order in which they will be resolved; NULL is an empty one. */
void resolver_submit(struct resolver *resolver, struct meeting *meetings);
/* Those that are done; NULL where there are none, which may be so although the descriptor was readable. */
struct meeting *resolver_take(struct resolver *resolver);
/* Gives up whatever was submitted and not taken. When it returns, no meeting and nothing of the store is in use. */
void resolver_recall(struct resolver *resolver);
int resolver_fd(const struct resolver *resolver);
/* Why the last meeting with another status than STATUS_OK has it. */
void resolver_error(struct resolver *resolver, struct error *error);

/* What the actor finds out about each: her lid from the vault or a new one, her number where the log has one. */
enum status meeting_resolve(struct store *store, struct meeting *meeting, struct error *error) must_check;

#endif
