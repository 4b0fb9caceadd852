/* commit.h - the committer: an actor with a queue of one, so that group n + 1 is built while group n syncs.
 *
 * The ingest actor hands over a frozen group (committer_submit) and goes on; when the group is durable, or its write
 * failed, the committer's descriptor becomes readable and committer_take() gives it back with its result.
 */
#ifndef JEJAK_COLLECTOR_COMMIT_H
#define JEJAK_COLLECTOR_COMMIT_H

#include "collector/store.h"

struct committer;

/* durable_fd: an eventfd of the reader actor, written after each commit. */
enum status committer_open(struct store *store, int durable_fd, struct committer **committer,
                           struct error *error) must_check;
void committer_close(struct committer *committer); /* after the last group was taken back */

bool committer_idle(const struct committer *committer); /* may a group be submitted? */
bool committer_done(const struct committer *committer); /* is there one to take? Costs one look at memory */
void committer_submit(struct committer *committer, struct group *group);
/* A group that is done, NULL where there is none. committer_wait() blocks until there is one. */
struct group *committer_take(struct committer *committer);
struct group *committer_wait(struct committer *committer);
int committer_fd(const struct committer *committer);

#endif
