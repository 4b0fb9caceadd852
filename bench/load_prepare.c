#include "bench/load_prepare.h"

#include <inttypes.h>

/* What a lane needs to go round (lane.h). */
static uint64_t round_events(const struct load_options *options)
{
    return (LANE_ROUND * options->in_flight + 1) * options->settings.batch;
}

static enum status deal(const struct settings *settings, enum workload_kind kind, struct batches *sets, size_t count,
                        struct error *error)
{
    struct workload *workload;
    struct random random;
    enum status status = workload_open(settings, kind, clock_now_ms(), &workload, error);
    if (status != STATUS_OK)
        return status;
    random_open(&random, settings->seed, UINT64_MAX);
    batches_deal_drawn(workload, (uint32_t)settings->batch_least, (uint32_t)settings->batch, &random, sets, count);
    workload_close(workload);
    return STATUS_OK;
}

enum status load_prepare(const struct load_options *options, enum workload_kind kind, struct batches **sets,
                         struct error *error)
{
    struct settings settings = options->settings;
    uint64_t least = options->publishers * round_events(options);
    bool round = settings.events == 0 || settings.events > options->distinct;
    if (round)
        settings.events = options->distinct > least ? options->distinct : least;
    if (settings.events > LOAD_MAX_DISTINCT)
        return error_set(error, STATUS_USAGE,
                         "%" PRIu64 " publishers with %" PRIu64 " batches in flight of up to %" PRIu64
                         " events each need %" PRIu64 " events prepared, above %d: fewer of one of them",
                         options->publishers, options->in_flight, settings.batch, settings.events, LOAD_MAX_DISTINCT);
    *sets = mem_new(options->publishers, sizeof **sets);
    return deal(&settings, kind, *sets, options->publishers, error);
}

enum status load_prepare_newcomers(const struct load_options *options, struct batches *batches, struct error *error)
{
    struct settings settings = options->settings;
    settings.events = round_events(options);
    return deal(&settings, WORKLOAD_NEWCOMERS, batches, 1, error);
}

/* Batches until this many events, going round. */
static uint64_t batches_for(const struct batches *batches, uint64_t events)
{
    if (batches->events == 0)
        return 0;
    uint64_t count = events / batches->events * batches->count, left = events % batches->events;
    for (size_t i = 0; left > 0; i++, count++)
        left -= batches->list[i].events < left ? batches->list[i].events : left;
    return count;
}

static double mean_batch(const struct load_options *options)
{
    return (double)(options->settings.batch_least + options->settings.batch) / 2;
}

void load_set_lane(const struct load_options *options, int64_t start_ns, struct lane *lane)
{
    uint64_t events = options->settings.events;
    bool once = events > 0 && events <= options->distinct;
    if (!once) /* else what was dealt to it */
        lane->batches_left = events > 0 ? batches_for(&lane->batches, events / options->publishers) : UINT64_MAX;
    if (options->rate == 0 && options->batch_rate == 0)
        return;
    lane->paced = true;
    lane->by_events = options->rate > 0;
    double rate = (double)(lane->by_events ? options->rate : options->batch_rate) / (double)options->publishers;
    double phase = (double)lane->connection / (double)options->publishers;
    lane->pace = pace_start(rate, start_ns, (int64_t)options->ramp_s * 1000000000,
                            lane->by_events ? mean_batch(options) : 1, phase);
    if (options->poisson)
        pace_make_poisson(&lane->pace, options->settings.seed, lane->connection);
}

void load_set_newcomers(const struct load_options *options, int64_t start_ns, struct lane *lane)
{
    lane->batches_left = UINT64_MAX;
    lane->paced = lane->by_events = true;
    lane->pace =
        pace_start((double)options->newcomers, start_ns, (int64_t)options->ramp_s * 1000000000, mean_batch(options), 0);
    if (options->poisson)
        pace_make_poisson(&lane->pace, options->settings.seed, lane->connection);
}
