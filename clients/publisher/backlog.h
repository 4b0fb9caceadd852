/* backlog.h - where a spool's batches stand in its file: the table in memory, and how it is read back from the file.
 *
 * The file is the truth; the table is what spool.c needs to find a batch again. Both change in the same order: record
 * first, then the table.
 */
#ifndef JEJAK_PUBLISHER_BACKLOG_H
#define JEJAK_PUBLISHER_BACKLOG_H

#include "clients/publisher/spool.h"

enum {
    BACKLOG_MAX_BATCHES = 1 << 16
};                                           /* sealed and not settled; beyond: busy */
#define BACKLOG_MAX_SETTLED (UINT64_MAX / 2) /* in a STATE; nobody counts so far, and no seq behind it overflows */

struct backlog {
    uint8_t session[SESSION_BYTES];
    bool has_session;
    uint64_t settled, made;
    struct spool_batch *batches; /* settled + 1 ... made, at [first ... first + made - settled) */
    size_t first, room;
    struct spool_batch open; /* the events since the last seal */
    uint64_t dead_bytes;     /* of the file, in settled batches */
};

void backlog_free(struct backlog *backlog);
struct spool_batch *backlog_at(const struct backlog *backlog, uint64_t seq); /* settled < seq <= made */

/* Makes room for one more batch: STATUS_BUSY at the bound. */
enum status backlog_reserve(struct backlog *backlog, struct error *error) must_check;
/* The open batch, whose records end at `end`, becomes the next seq; `run` is how the file goes on. After a reserve. */
void backlog_seal(struct backlog *backlog, int64_t sealed_ms, uint64_t end, const struct sealed_run *run);
void backlog_settle(struct backlog *backlog, uint64_t seq);

/* Reads a whole file into an empty table. *end: behind the last whole record; what follows was cut off by a crash. */
enum status backlog_replay(const struct journal *journal, struct backlog *backlog, uint64_t *end,
                           struct error *error) must_check;

/* The texts of the records. */
enum {
    STATE_BYTES = 24,
    SEAL_BYTES = 20,
    SETTLED_BYTES = 8,
};

#endif
