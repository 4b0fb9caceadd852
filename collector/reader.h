/* reader.h - the reader actor: serves durable records of the log by offset on a socket of its own (common/fetch.h).
 *
 * A thread, so that a reader that catches up does not slow ingest. A request for what is not there yet waits, up to its
 * wait_ms, until the committer rings; at most READER_MAX_WAITING do, a further one is answered at once.
 */
#ifndef JEJAK_COLLECTOR_READER_H
#define JEJAK_COLLECTOR_READER_H

#include "collector/roles.h"
#include "collector/store.h"

enum {
    READER_MAX_WAITING = 256
};

struct reader;

/* Takes the bound socket over. May this user read? is asked for every request through `roles`, under reader_pause(). */
enum status reader_open(void *socket, struct roles *roles, struct store *store, struct reader **reader,
                        struct error *error) must_check;
void reader_close(struct reader *reader);
int reader_durable_fd(const struct reader *reader); /* write to it when more is durable */

/* No request is being served between the two: for opening the store again and reloading keys. */
void reader_pause(struct reader *reader);
void reader_resume(struct reader *reader);

#endif
