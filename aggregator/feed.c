#include "aggregator/feed.h"

#include "aggregator/fold.h"

enum {
    ANSWER_TIMEOUT_MS = 10000
};

uint64_t feed_offset(const struct feed *feed)
{
    return feed->fold ? fold_offset(feed->fold) : cells_position(feed->cells).offset;
}

enum status feed_ask(struct feed *feed, uint32_t wait_ms, struct error *error)
{
    struct cells_position from = cells_position(feed->cells);
    from.offset = feed_offset(feed);
    return source_ask(feed->source, &from, wait_ms, error);
}

static enum status feed_chunk(struct feed *feed, const struct source_chunk *chunk, struct error *error)
{
    if (!feed->fold)
        feed->fold = fold_open(feed->cells, chunk->log_id, chunk->epoch, feed->fold_events);
    enum status status = cells_learners_add(feed->cells, chunk->first_learner, chunk->learners, error);
    for (size_t i = 0; i < chunk->record_count && status == STATUS_OK; i++) {
        status = fold_record(feed->fold, chunk->records[i], error);
        if (status == STATUS_OK && fold_pending(feed->fold) >= feed->fold_events)
            status = fold_spill(feed->fold, error);
    }
    if (status != STATUS_OK)
        return status;
    fold_reached(feed->fold, chunk->next);
    if (feed->dirty_since_ns == 0 && fold_dirty(feed->fold))
        feed->dirty_since_ns = clock_mono_ns();
    feed->durable = chunk->durable;
    return STATUS_OK;
}

enum status feed_take(struct feed *feed, int timeout_ms, struct error *error)
{
    struct source_chunk chunk;
    enum status status = source_take(feed->source, timeout_ms, &chunk, error);
    return status == STATUS_OK ? feed_chunk(feed, &chunk, error) : status;
}

enum status feed_flush(struct feed *feed, struct error *error)
{
    feed->dirty_since_ns = 0;
    return feed->fold && fold_dirty(feed->fold) ? fold_flush(feed->fold, error) : STATUS_OK;
}

enum status feed_catch_up(struct feed *feed, const volatile int *stop, struct error *error)
{
    uint64_t target = UINT64_MAX;
    enum status status = STATUS_OK;
    while (status == STATUS_OK && feed_offset(feed) < target) {
        if (stop && *stop)
            return error_set(error, STATUS_STOPPED, "stopped on request");
        status = feed_ask(feed, 0, error);
        if (status == STATUS_OK)
            status = feed_take(feed, ANSWER_TIMEOUT_MS, error);
        if (status == STATUS_OK && target == UINT64_MAX)
            target = feed->durable;
    }
    return status == STATUS_OK ? feed_flush(feed, error) : status;
}

void feed_close(struct feed *feed)
{
    fold_close(feed->fold);
    feed->fold = NULL;
}
