/* workload.h - the events of a benchmark, one after the other.
 *
 *   independent   every event of a learner and a section drawn anew, all equally likely, within the last ten minutes:
 *                 the hardest case for tables, caches and the block's columns. 80 % dwell, 10 % open, 6 % progress,
 *                 2 % favorite, 1 % unfavorite, 1 % cohort
 *   warm          each learner of the independent load once
 *   newcomers     learners "new-RUN-NUMBER", an open each; RUN is random, so that no run meets those of another
 *   course        jejak-simulate's model over the 12 weeks before today, in time order
 */
#ifndef JEJAK_BENCH_WORKLOAD_H
#define JEJAK_BENCH_WORKLOAD_H

#include "bench/settings.h"
#include "common/event.h"

enum workload_kind {
    WORKLOAD_INDEPENDENT,
    WORKLOAD_WARM,
    WORKLOAD_NEWCOMERS,
    WORKLOAD_COURSE,
};

struct workload;

enum {
    WORKLOAD_NEWCOMER_DIGITS = 8 /* of a newcomer's number, hexadecimal */
};

/* `now_ms`: Unix ms; no event is later. Writes settings->curriculum for a course. */
enum status workload_open(const struct settings *settings, enum workload_kind kind, int64_t now_ms,
                          struct workload **workload, struct error *error) must_check;
void workload_close(struct workload *workload);
/* The event borrows until the next call; false: no more. */
bool workload_next(struct workload *workload, struct event *event);

/* What stands before a newcomer's number, in this process. */
const char *workload_newcomer_prefix(void);

#endif
