/* query.h - asking a running `jejak-aggregator follow`, over its ipc socket (configuration key `query`).
 *
 * Request, one part: a msgpack array of strings, the command and its arguments, and where these name a file, what stands in
 * it, as binary: the follower is confined to its own files and opens no other.
 *     ["report", "--level", "topic"], ["fold"], ["status"]
 *     ["report", "--curriculum", "/home/ana/plan.csv", bin]
 * Answer, one part: a msgpack map:
 *     { "status": uint, "out": str, "error": str }
 *   the enum status, what the command printed, and where it failed the sentence.
 */
#ifndef JEJAK_AGGREGATOR_QUERY_H
#define JEJAK_AGGREGATOR_QUERY_H

#include "aggregator/curriculum.h"

#include "common/config.h"

#include <stdio.h>

enum {
    QUERY_MAX_ARGUMENTS = 64,
    QUERY_MAX_REQUEST_BYTES = CURRICULUM_MAX_BYTES + (64 << 10),
    QUERY_MAX_ANSWER_BYTES = 64 << 20,
};

struct query {
    int argc;
    char **argv;       /* ends with NULL where it was read */
    struct slice file; /* what stands in the file that argv names; data NULL: none is named */
};

/* Does somebody follow there (the socket's file stands)? */
bool query_may_answer(const struct config *config);
/* Asks; what was printed goes to `out`. The status is the command's own; STATUS_UNAVAILABLE: nobody answers. */
enum status query_ask(const struct config *config, const struct query *query, int timeout_ms, FILE *out,
                      struct error *error) must_check;

/* For the follower. Reads a request: argv and its texts are copies, to be freed with query_close(); `file` borrows from the
 * request. STATUS_PROTOCOL. */
enum status query_read(struct slice request, struct query *query, struct error *error) must_check;
void query_close(struct query *query);
/* The answer's bytes, to be freed. `error` counts where its status is not STATUS_OK. */
struct slice query_answer(struct slice out, const struct error *error);

#endif
