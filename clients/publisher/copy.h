/* copy.h - batches of a journal, carried elsewhere: into memory to be sent, into `set-aside`, into a new file. */
#ifndef JEJAK_PUBLISHER_COPY_H
#define JEJAK_PUBLISHER_COPY_H

#include "clients/publisher/backlog.h"

enum status copy_state(const struct backlog *backlog, struct journal *to, struct error *error) must_check;
enum status copy_seal(uint64_t seq, const struct spool_batch *batch, struct journal *to,
                      struct error *error) must_check;

/* The events' bytes, one after the other; free() them. */
enum status copy_load(const struct journal *from, const struct spool_batch *batch, uint8_t **bytes, size_t *size,
                      struct error *error) must_check;
/* The event records, without a seal. */
enum status copy_events(const struct journal *from, const struct spool_batch *batch, struct journal *to,
                        struct error *error) must_check;
/* Everything of `old` from `seq` on, with the open batch, behind a STATE of `fresh`, which has nothing but its session
 * and settled. Fills `fresh`: batches are numbered after its `settled`. Not synced. */
enum status copy_live(const struct journal *from, const struct backlog *old, uint64_t seq, struct journal *to,
                      struct backlog *fresh, struct error *error) must_check;

#endif
