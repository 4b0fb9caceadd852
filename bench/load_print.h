/* load_print.h - what came of a load: `name value` lines, or one JSON object of the same names. */
#ifndef JEJAK_BENCH_LOAD_PRINT_H
#define JEJAK_BENCH_LOAD_PRINT_H

#include "bench/load_run.h"

/* introduced: NULL without --introduce. */
void load_print(const struct load_options *options, const struct load_keys *keys, const struct load_result *introduced,
                const struct load_result *result);

#endif
