/* load_prepare.h - the batches and the paces of a pass's publishers. */
#ifndef JEJAK_BENCH_LOAD_PREPARE_H
#define JEJAK_BENCH_LOAD_PREPARE_H

#include "bench/lane.h"
#include "bench/load_options.h"

/* One set of batches for each publisher; the events of *options. To be freed, its batches by lane_close(). */
enum status load_prepare(const struct load_options *options, enum workload_kind kind, struct batches **sets,
                         struct error *error) must_check;
/* Those of --new-learners, for one publisher. */
enum status load_prepare_newcomers(const struct load_options *options, struct batches *batches,
                                   struct error *error) must_check;

/* When and how much the lane sends, from this moment on. */
void load_set_lane(const struct load_options *options, int64_t start_ns, struct lane *lane);
void load_set_newcomers(const struct load_options *options, int64_t start_ns, struct lane *lane);

#endif
