/* spool.h - what a publisher has taken and not yet seen settled, on its own disk.
 *
 * An event is taken once its record is written: it survives the death of the process at any point. A batch may be sent
 * once its seal is synced: it survives a power cut, with its session, its seq and its bytes, so that a resend is the
 * same batch to the collector, whichever side died.
 *
 *     FOLDER/            0700
 *         lock           locked (flock) while a publisher has the folder
 *         spool          records, encrypted under the publisher's secret (sealed.h)
 *         spool.key      where the publisher has no CURVE secret: 32 random bytes, in its place
 *         set-aside      batches that can never be stored, same format
 *
 * A spool is a sequence of records. Numbers are little-endian.
 *
 *     STATE     0 16 session   16 8 settled        first in every file: the session, and all settled before this file
 *     EVENT     the event's msgpack bytes          belongs to the next seal
 *     SEAL      0 8 seq   8 4 events   12 8 sealed (Unix ms)      the events since the last seal are batch `seq`
 *     SETTLED   0 8 seq                            everything up to this seq is settled
 *     NOTE      text                               set-aside only: why, before the batch it is about
 *
 * Events after the last seal are the open batch of whoever opens the spool next. A write that a crash cut off at the
 * end is taken back and counted; a damaged record before that is STATUS_CORRUPT, a file under another key
 * STATUS_FOREIGN, one of a kind that is not known here STATUS_NEWER: nothing is changed then.
 *
 * What is settled leaves the disk: when nothing is left, or when it fills a quarter of the bound (at least 1 MiB), the
 * rest is written to a new file that takes the old one's place. When the spool has reached its bound, spool_event()
 * returns STATUS_BUSY and the event is not taken.
 *
 * Batches that were sealed more than SPOOL_MAX_AGE_MS ago can no longer count on the collector's memory of the session
 * (30 days): spool_renew() sets them aside, and with them those that may have been sent already, and goes on in a new
 * session.
 */
#ifndef JEJAK_PUBLISHER_SPOOL_H
#define JEJAK_PUBLISHER_SPOOL_H

#include "clients/publisher/journal.h"
#include "common/wire.h"

#define SPOOL_MAX_AGE_MS (INT64_C(29) * 24 * 3600 * 1000)
enum {
    SPOOL_LEAST_BYTES = 64 << 10
}; /* the least bound */

struct spool_options {
    const char *folder;
    const uint8_t *secret; /* 32 bytes, the publisher's CURVE secret; NULL: the key file in the folder */
    uint64_t max_bytes;
};

/* A sealed batch that is not settled. */
struct spool_batch {
    uint32_t events;
    int64_t sealed_ms;
    uint64_t start, end;   /* its records, in the file */
    struct sealed_run run; /* as it stood at `start` */
};

struct spool;

/* STATUS_BUSY where another process has the folder. A new spool gets the session given. */
enum status spool_open(const struct spool_options *options, const uint8_t session[SESSION_BYTES], struct spool **spool,
                       struct error *error) must_check;
void spool_close(struct spool *spool);

const uint8_t *spool_session(const struct spool *spool);
uint64_t spool_settled(const struct spool *spool);
uint64_t spool_made(const struct spool *spool); /* the last sealed seq */
uint64_t spool_bytes(const struct spool *spool);
uint64_t spool_cut_bytes(const struct spool *spool); /* taken back at the end when it was opened */
uint32_t spool_open_events(const struct spool *spool);
/* settled < seq <= made; lives until the next change. */
const struct spool_batch *spool_batch(const struct spool *spool, uint64_t seq);

enum status spool_event(struct spool *spool, struct slice event, struct error *error) must_check;
/* The open batch becomes seq made + 1; synced on return. After a failed sync nobody knows what is on the disk: nothing
 * more is taken, sealed or settled until the spool is closed and opened again. */
enum status spool_seal(struct spool *spool, int64_t now_ms, struct error *error) must_check;
enum status spool_sync(struct spool *spool, struct error *error) must_check;
/* Everything up to `seq` is settled. A failure costs resends after a crash, no more. */
enum status spool_settle(struct spool *spool, uint64_t seq, struct error *error) must_check;

/* The `events` bytes of a sealed batch, or of the open batch (seq made + 1), without the array's header; free() them.
 */
enum status spool_load(struct spool *spool, uint64_t seq, uint8_t **bytes, size_t *size,
                       struct error *error) must_check;
/* Copies a batch into `set-aside`, with the reason, synced. */
enum status spool_set_aside(struct spool *spool, uint64_t seq, const char *reason, struct error *error) must_check;

/* Is the oldest batch too old to be sent? */
bool spool_expired(const struct spool *spool, int64_t now_ms);
/* Sets the expired batches aside, and goes on in a new session where the rest are numbered from 1. */
enum status spool_renew(struct spool *spool, const uint8_t session[SESSION_BYTES], int64_t now_ms, uint64_t *batches,
                        uint64_t *events, struct error *error) must_check;

#endif
