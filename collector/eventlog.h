/* eventlog.h - the one writer of the event log (common/logstore.h has its layout, common/block.h its records).
 *
 * eventlog_commit() is the only thing that appends: one synced write batch of record, learner bindings, session states
 * and the next offset. It is called by the committer alone; eventlog_read() by the reader actor, up to what is durable.
 */
#ifndef JEJAK_COLLECTOR_EVENTLOG_H
#define JEJAK_COLLECTOR_EVENTLOG_H

#include "collector/group.h"
#include "common/logstore.h"

enum {
    EVENTLOG_OPEN_FILES = 32, /* table files, at a time */
};

struct eventlog;

struct eventlog_options {
    bool create;
    bool import;                            /* events of any age: marks the store for good */
    uint64_t segment_bytes;                 /* a segment is closed at about this size */
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

/* Walks the end of the last segment, from `next` back over more than write-ahead logs can hold, which is what a crash can
 * cost: every record whole, no offset missing. Call it once, before the first commit: it also learns how full the segment
 * is (where it was not walked to its begin, by its table files) and which month it belongs to. */
enum status eventlog_check_tail(struct eventlog *log, struct error *error) must_check;
/* The log ends before the first offset that is missing; what stands beyond it is deleted, and what comes is another
 * history, of a new epoch. vault_rows: of the vault as it is now. Synced. Not where the tail is corrupt or foreign. */
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
typedef enum status (*eventlog_session_fn)(struct slice key, struct slice value, void *argument, struct error *error);
enum status eventlog_sessions(struct eventlog *log, eventlog_session_fn each, void *argument,
                              struct error *error) must_check;

/* Durable records from the one that covers `offset`, in order, until `each` returns false. The record borrows. */
typedef bool (*eventlog_record_fn)(struct slice record, const struct record_header *header, void *argument);
enum status eventlog_read(struct eventlog *log, uint64_t offset, eventlog_record_fn each, void *argument,
                          struct error *error) must_check;

uint64_t eventlog_table_bytes(struct eventlog *log);
uint32_t eventlog_segment_count(const struct eventlog *log);

#endif
