/* eventlog.h - the one writer of the event log (common/logstore.h has its layout, common/block.h its records).
 *
 * eventlog_commit() is the only thing that appends: one synced write batch of record, learner bindings, session states
 * and the next offset. It is called by the committer alone; eventlog_read() by the reader actor, up to what is durable.
 */
#ifndef JEJAK_COLLECTOR_EVENTLOG_H
#define JEJAK_COLLECTOR_EVENTLOG_H

#include "collector/group.h"
#include "common/logread.h"
#include "common/rocks.h"

enum {
    EVENTLOG_OPEN_FILES = 32, /* table files, at a time */
};

struct eventlog;

struct eventlog_options {
    enum rocks_mode mode;   /* ROCKS_CREATE: a first start; ROCKS_READ_ONLY: to look, also beside a writer */
    bool import;            /* events of any age: marks the store for good */
    uint64_t segment_bytes; /* a segment is closed at about this size */
    uint8_t vault_id[LOGSTORE_VAULT_BYTES]; /* STATUS_FOREIGN where the log was made with another */
};

enum status eventlog_open(const char *path, const struct eventlog_options *options, struct eventlog **log,
                          struct error *error) must_check;
void eventlog_close(struct eventlog *log);
void eventlog_limit(struct eventlog *log, uint64_t segment_bytes); /* from the next commit on; any thread */
/* Writes memory out to the table files, so that a next start has nothing to replay. What is durable is so without it. */
enum status eventlog_flush(struct eventlog *log, struct error *error) must_check;
struct logstore_identity eventlog_identity(const struct eventlog *log);
struct logstore_next eventlog_next(const struct eventlog *log); /* durable; any thread */
bool eventlog_import(const struct eventlog *log);
/* Was it made with this vault? Always where it was not opened to look. */
bool eventlog_is_of(const struct eventlog *log, const uint8_t vault_id[LOGSTORE_VAULT_BYTES]);

/* Walks the end of the last segment, from `next` back over more than write-ahead logs can hold, which is what a crash can
 * cost: every record whole, no offset missing. Call it once, before the first commit: it also learns how full the segment
 * is (where it was not walked to its begin, by its table files) and which month it belongs to. */
enum status eventlog_check_tail(struct eventlog *log, struct error *error) must_check;
/* What stands beyond the log's end is deleted; what is damaged or missing before it in the last segment is written down,
 * said once in the log, and asked for no more; nothing that stands goes. What comes is another history, of a new epoch.
 * vault_rows: of the vault as it is now. Synced. Not where records belong to another log. */
enum status eventlog_accept_loss(struct eventlog *log, uint64_t vault_rows, struct error *error) must_check;

/* Makes a frozen group durable. vault_rows: how many rows the vault has with this group's. The group's event and
 * learner numbers must follow on eventlog_next(). On failure: unknown; close and open again. */
enum status eventlog_commit(struct eventlog *log, const struct group *group, uint64_t vault_rows,
                            struct error *error) must_check;

/* The number that this log binds to a lid. */
enum status eventlog_number(struct eventlog *log, const uint8_t lid[LID_BYTES], bool *found, uint32_t *number,
                            struct error *error) must_check;
/* Lids of numbers [first, first + count), 16 bytes each, zeros where erased. */
enum status eventlog_lids(struct eventlog *log, uint32_t first, uint32_t count, uint8_t *lids,
                          struct error *error) must_check;
/* Every row of a table, by key (logstore.h), until `each` fails. */
enum eventlog_table {
    EVENTLOG_LEARNERS,
    EVENTLOG_SESSIONS,
};
typedef enum status (*eventlog_row_fn)(struct slice key, struct slice value, void *argument, struct error *error);
enum status eventlog_rows(struct eventlog *log, enum eventlog_table table, eventlog_row_fn each, void *argument,
                          struct error *error) must_check;

/* Durable records from the one that covers `offset`, in order, until `each` returns false; in place of damaged and missing
 * ones, lost records. */
enum status eventlog_read(struct eventlog *log, uint64_t offset, logread_fn each, void *argument,
                          struct error *error) must_check;

/* How many offsets are known to be lost: met by eventlog_read() since the log was opened. Any thread. */
uint64_t eventlog_lost(struct eventlog *log);

uint64_t eventlog_table_bytes(struct eventlog *log);
uint32_t eventlog_segment_count(const struct eventlog *log);

#endif
