/* load - bench-load: a load of made-up events on any collector, and how long its answers took. load_options.c says what
 * can be asked for. */
#include "bench/load_print.h"
#include "common/cli.h"

#include <stdlib.h>

enum {
    INTRODUCED_BATCH = 500
};

/* Each learner once, as fast as it goes. */
static struct load_options introduction(const struct load_options *options)
{
    struct load_options pass = *options;
    pass.settings.events = pass.distinct = options->settings.learners;
    pass.settings.batch = pass.settings.batch_least = INTRODUCED_BATCH;
    pass.rate = pass.batch_rate = pass.newcomers = pass.duration_s = pass.ramp_s = pass.warm_up_s = 0;
    return pass;
}

static enum status run(const struct load_options *options, const struct load_keys *keys, struct error *error)
{
    struct load_result *introduced = NULL, *result = mem_new(1, sizeof *result);
    enum status status = STATUS_OK;
    if (options->introduce) {
        struct load_options pass = introduction(options);
        introduced = mem_new(1, sizeof *introduced);
        status = load_run(&pass, keys, WORKLOAD_WARM, introduced, error);
    }
    if (status == STATUS_OK)
        status = load_run(options, keys, WORKLOAD_INDEPENDENT, result, error);
    if (status == STATUS_OK)
        load_print(options, keys, introduced, result);
    free(introduced);
    free(result);
    return status;
}

int main(int argc, char **argv)
{
    cli_start("bench-load");
    struct load_options options = load_options_parse(argc, argv);
    struct load_keys keys;
    struct error error;
    enum status status = load_keys_find(&options, &keys, &error);
    if (status == STATUS_OK) {
        status = run(&options, &keys, &error);
        load_keys_close(&keys);
    }
    return status == STATUS_OK ? EX_OK : cli_fail(&error);
}
