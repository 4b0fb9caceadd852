/* source_inner.h - the two kinds of source, and what source.c keeps of one. */
#ifndef JEJAK_AGGREGATOR_SOURCE_INNER_H
#define JEJAK_AGGREGATOR_SOURCE_INNER_H

#include "aggregator/arena.h"
#include "aggregator/source.h"

#include "common/fetch.h"

struct source_store;
struct source_link;

/* What an answer is gathered in, reused. */
struct source_records {
    struct arena arena;
    struct slice *records;
    size_t count, room, bytes;
};
void source_records_clear(struct source_records *records);
void source_records_close(struct source_records *records);
uint8_t *source_records_add(struct source_records *records, size_t size); /* room for one more record */

/* source_store.c */
enum status source_store_open(const char *path, struct source_store **out, struct error *error) must_check;
void source_store_close(struct source_store *store);
enum status source_store_read(struct source_store *store, const struct cells_position *from,
                              struct source_records *records, struct source_chunk *chunk,
                              struct error *error) must_check;

/* source_ahead.c: reads the store ahead on a thread of its own; closed before the store. */
struct source_ahead;
enum status source_ahead_open(struct source_store *store, struct source_ahead **out, struct error *error) must_check;
void source_ahead_close(struct source_ahead *ahead);
/* The records borrow until the next call. */
enum status source_ahead_take(struct source_ahead *ahead, const struct cells_position *from,
                              struct source_records **records, struct source_chunk *chunk,
                              struct error *error) must_check;

/* source_link.c */
enum status source_link_open(const struct config *config, struct source_link **out, struct error *error) must_check;
void source_link_close(struct source_link *link);
void *source_link_socket(const struct source_link *link);
enum status source_link_ask(struct source_link *link, const struct cells_position *from, uint32_t wait_ms,
                            struct error *error) must_check;
enum status source_link_take(struct source_link *link, int timeout_ms, struct source_records *records,
                             struct source_chunk *chunk, struct error *error) must_check;

enum status source_forked(struct error *error);

#endif
