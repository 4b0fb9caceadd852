/* Reading ahead: while one answer is folded, a thread reads the next one from the store and decompresses it.
 *
 *     take(position) ---- the answer that was read for it ----> swap ---- the thread reads what follows ---->
 *
 * The thread owns `ahead` while `busy`; everything else is the caller's. A position that was not read for, as after a
 * jump, is read by the caller.
 */
#include "aggregator/source_inner.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

/* One reading: what for, and what came. */
struct reading {
    struct cells_position from;
    struct source_records records;
    struct source_chunk chunk;
    enum status status;
    struct error error;
};

struct source_ahead {
    struct source_store *store;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool busy, stopping; /* under the lock */
    bool filled;         /* `ahead` was read, or is being read */
    struct reading *now, *ahead;
};

static void read_it(struct source_store *store, struct reading *reading)
{
    source_records_clear(&reading->records);
    reading->chunk = (struct source_chunk){.first_learner = reading->from.learners};
    reading->status = source_store_read(store, &reading->from, &reading->records, &reading->chunk, &reading->error);
}

static void *run(void *argument)
{
    struct source_ahead *ahead = argument;
    pthread_mutex_lock(&ahead->lock);
    while (!ahead->stopping) {
        if (!ahead->busy) {
            pthread_cond_wait(&ahead->changed, &ahead->lock);
            continue;
        }
        pthread_mutex_unlock(&ahead->lock);
        read_it(ahead->store, ahead->ahead);
        pthread_mutex_lock(&ahead->lock);
        ahead->busy = false;
        pthread_cond_signal(&ahead->changed);
    }
    pthread_mutex_unlock(&ahead->lock);
    return NULL;
}

enum status source_ahead_open(struct source_store *store, struct source_ahead **out, struct error *error)
{
    struct source_ahead *ahead = mem_new(1, sizeof *ahead);
    ahead->store = store;
    ahead->now = mem_new(1, sizeof *ahead->now);
    ahead->ahead = mem_new(1, sizeof *ahead->ahead);
    pthread_mutex_init(&ahead->lock, NULL);
    pthread_cond_init(&ahead->changed, NULL);
    errno = pthread_create(&ahead->thread, NULL, run, ahead);
    ensure(errno == 0 || errno == EAGAIN);
    if (errno != 0) {
        free(ahead->now);
        free(ahead->ahead);
        free(ahead);
        return error_errno(error, STATUS_SYSTEM, "the thread that reads the log ahead cannot be started");
    }
    *out = ahead;
    return STATUS_OK;
}

static void reading_close(struct reading *reading)
{
    source_records_close(&reading->records);
    free(reading);
}

void source_ahead_close(struct source_ahead *ahead)
{
    if (!ahead)
        return;
    pthread_mutex_lock(&ahead->lock);
    ahead->stopping = true;
    pthread_cond_signal(&ahead->changed);
    pthread_mutex_unlock(&ahead->lock);
    pthread_join(ahead->thread, NULL);
    pthread_cond_destroy(&ahead->changed);
    pthread_mutex_destroy(&ahead->lock);
    reading_close(ahead->now);
    reading_close(ahead->ahead);
    free(ahead);
}

static void wait_until_idle(struct source_ahead *ahead)
{
    pthread_mutex_lock(&ahead->lock);
    while (ahead->busy)
        pthread_cond_wait(&ahead->changed, &ahead->lock);
    pthread_mutex_unlock(&ahead->lock);
}

/* What comes after an answer, if there is more. */
static void start_next(struct source_ahead *ahead)
{
    const struct source_chunk *chunk = &ahead->now->chunk;
    bool more = ahead->now->status == STATUS_OK && (chunk->next < chunk->durable || chunk->learners.size > 0);
    ahead->filled = more;
    if (!more)
        return;
    struct cells_position *from = &ahead->ahead->from;
    *from = (struct cells_position){.has_log = true,
                                    .epoch = chunk->epoch,
                                    .offset = chunk->next,
                                    .learners = chunk->first_learner + (uint32_t)(chunk->learners.size / LID_BYTES)};
    memcpy(from->log_id, chunk->log_id, LOG_ID_BYTES);
    pthread_mutex_lock(&ahead->lock);
    ahead->busy = true;
    pthread_cond_signal(&ahead->changed);
    pthread_mutex_unlock(&ahead->lock);
}

/* Was it read for this place? A reader that has no log yet takes whatever log this is. */
static bool read_for(const struct cells_position *read, const struct cells_position *asked)
{
    bool same_log =
        !asked->has_log || (asked->epoch == read->epoch && memcmp(asked->log_id, read->log_id, LOG_ID_BYTES) == 0);
    return same_log && asked->offset == read->offset && asked->learners == read->learners;
}

enum status source_ahead_take(struct source_ahead *ahead, const struct cells_position *from,
                              struct source_records **records, struct source_chunk *chunk, struct error *error)
{
    wait_until_idle(ahead);
    if (ahead->filled && read_for(&ahead->ahead->from, from)) {
        struct reading *taken = ahead->ahead;
        ahead->ahead = ahead->now;
        ahead->now = taken;
    } else {
        ahead->now->from = *from;
        read_it(ahead->store, ahead->now);
    }
    start_next(ahead);
    if (ahead->now->status != STATUS_OK) {
        *error = ahead->now->error;
        return ahead->now->status;
    }
    *records = &ahead->now->records;
    *chunk = ahead->now->chunk;
    return STATUS_OK;
}
