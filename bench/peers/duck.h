/* duck.h - DuckDB in this process: a database in a folder, the table of events, and the question (peer.h).
 *
 * The library comes with the npm package @duckdb/node-bindings-linux-x64 (bench/peers/setup), which has no header; what
 * is used of its C interface (duckdb.org/docs, "C API") is declared in duck_api.h.
 */
#ifndef JEJAK_BENCH_PEERS_DUCK_H
#define JEJAK_BENCH_PEERS_DUCK_H

#include "bench/peers/peer.h"

struct duck;

/* FOLDER/events.duckdb, spilling to FOLDER too; `threads` of them. */
enum status duck_open(const char *folder, unsigned threads, struct duck **duck, struct error *error) must_check;
void duck_close(struct duck *duck);
enum status duck_execute(struct duck *duck, const char *sql, struct error *error) must_check;
/* The one number that a query answers. */
enum status duck_number(struct duck *duck, const char *sql, uint64_t *number, struct error *error) must_check;

/* An empty table `events`, in the order in which they come. */
enum status duck_make_table(struct duck *duck, struct error *error) must_check;
/* Appends a batch as one transaction. */
enum status duck_append(struct duck *duck, const struct peer_load *load, const struct peer_event *events,
                        uint64_t count, struct error *error) must_check;
/* Rows of module, learners, opens, median, as the query names them. */
enum status duck_answers(struct duck *duck, const char *sql, struct peer_answers *answers,
                         struct error *error) must_check;
/* As the driver's ask(). */
enum status duck_ask(struct duck *duck, int64_t from_ms, int64_t to_ms, struct peer_answers *answers,
                     struct error *error) must_check;

const char *duck_version(void);

#endif
