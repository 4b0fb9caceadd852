/* query.h - asking a running `jejak-aggregator follow`, over its ipc socket (configuration key `query`).
 *
 * Request, one part: a msgpack array of strings, the command and its arguments:
 *     ["report", "--level", "topic"], ["fold"], ["status"]
 * Answer, one part: a msgpack map:
 *     { "status": uint, "out": str, "error": str }
 *   the enum status, what the command printed, and where it failed the sentence.
 */
#ifndef JEJAK_AGGREGATOR_QUERY_H
#define JEJAK_AGGREGATOR_QUERY_H

#include "common/config.h"

#include <stdio.h>

enum {
    QUERY_MAX_ARGUMENTS = 64,
    QUERY_MAX_REQUEST_BYTES = 64 << 10,
    QUERY_MAX_ANSWER_BYTES = 64 << 20,
};

/* Does somebody follow there (the socket's file stands)? */
bool query_may_answer(const struct config *config);
/* Asks; what was printed goes to `out`. The status is the command's own; STATUS_UNAVAILABLE: nobody answers. */
enum status query_ask(const struct config *config, int argc, char *const *argv, int timeout_ms, FILE *out,
                      struct error *error) must_check;

/* For the follower. Reads a request: argv has room for QUERY_MAX_ARGUMENTS + 1 and ends with NULL; its texts are copies
 * in `texts`, to be freed. STATUS_PROTOCOL. */
enum status query_read(struct slice request, int *argc, char **argv, char **texts, struct error *error) must_check;
/* The answer's bytes, to be freed. `error` counts where its status is not STATUS_OK. */
struct slice query_answer(struct slice out, const struct error *error);

#endif
