#include "bench/load_print.h"

#include <inttypes.h>
#include <stdio.h>

struct sheet {
    bool json;
    bool begun;
};

static void start_field(struct sheet *sheet, const char *prefix, const char *name)
{
    if (sheet->json)
        printf("%s\n  \"%s%s\": ", sheet->begun ? "," : "{", prefix, name);
    else
        printf("%s%s ", prefix, name);
    sheet->begun = true;
}

static void put_number(struct sheet *sheet, const char *prefix, const char *name, double value, int decimals)
{
    start_field(sheet, prefix, name);
    printf("%.*f%s", decimals, value, sheet->json ? "" : "\n");
}

/* Without a character that JSON escapes: an endpoint that could be connected to, or our own words. */
static void put_text(struct sheet *sheet, const char *name, const char *value)
{
    start_field(sheet, "", name);
    printf(sheet->json ? "\"%s\"" : "%s\n", value);
}

static void put_latencies(struct sheet *sheet, const char *prefix, const struct latency *latency)
{
    static const struct {
        const char *name;
        double share;
    } quantiles[] = {
        {"latency_p50_us", 0.5},    {"latency_p90_us", 0.9}, {"latency_p99_us", 0.99},
        {"latency_p999_us", 0.999}, {"latency_max_us", 1},
    };
    for (size_t i = 0; i < ARRAY_COUNT(quantiles); i++)
        put_number(sheet, prefix, quantiles[i].name, (double)latency_at(latency, quantiles[i].share) / 1000, 0);
    put_number(sheet, prefix, "latency_mean_us", latency_mean_ns(latency) / 1000, 0);
    put_number(sheet, prefix, "latency_batches", (double)latency->total, 0);
}

static void put_side(struct sheet *sheet, const char *prefix, const struct load_side *side, double seconds)
{
    const struct lane_counts *counts = &side->counts;
    put_number(sheet, prefix, "events", (double)counts->events, 0);
    put_number(sheet, prefix, "batches", (double)counts->batches, 0);
    put_number(sheet, prefix, "seconds", seconds, 3);
    put_number(sheet, prefix, "events_per_s", (double)counts->measured_events / seconds, 0);
    put_number(sheet, prefix, "batches_per_s", (double)counts->measured_batches / seconds, 0);
    if (counts->events > 0)
        put_number(sheet, prefix, "message_bytes_per_event", (double)counts->bytes / (double)counts->events, 1);
    put_latencies(sheet, prefix, &side->latency);
    put_number(sheet, prefix, "busy", (double)counts->busy, 0);
    put_number(sheet, prefix, "resent", (double)counts->resent, 0);
    put_number(sheet, prefix, "duplicate", (double)counts->duplicate, 0);
    put_number(sheet, prefix, "unsent", (double)side->unsent, 0);
    put_number(sheet, prefix, "late_ms", (double)counts->late_ns / 1e6, 3);
}

static void put_settings(struct sheet *sheet, const struct load_options *options, const struct load_keys *keys)
{
    bool paced = options->rate > 0 || options->batch_rate > 0;
    put_text(sheet, "endpoint", keys->endpoint);
    put_text(sheet, "encryption", keys->plain ? "plain" : "curve");
    put_text(sheet, "loop", !paced ? "closed" : options->poisson ? "poisson" : "constant");
    put_number(sheet, "", "asked_events_per_s", (double)options->rate, 0);
    put_number(sheet, "", "asked_batches_per_s", (double)options->batch_rate, 0);
    put_number(sheet, "", "asked_new_learners_per_s", (double)options->newcomers, 0);
    put_number(sheet, "", "publishers", (double)options->publishers, 0);
    put_number(sheet, "", "keys", keys->plain ? 0 : (double)keys->count, 0);
    put_number(sheet, "", "in_flight", (double)options->in_flight, 0);
    put_number(sheet, "", "batch_least", (double)options->settings.batch_least, 0);
    put_number(sheet, "", "batch_most", (double)options->settings.batch, 0);
    put_number(sheet, "", "learners", (double)options->settings.learners, 0);
    put_number(sheet, "", "modules", (double)options->settings.modules, 0);
}

void load_print(const struct load_options *options, const struct load_keys *keys, const struct load_result *introduced,
                const struct load_result *result)
{
    struct sheet sheet = {.json = options->json};
    put_settings(&sheet, options, keys);
    if (introduced)
        put_side(&sheet, "introduced_", &introduced->known, introduced->seconds);
    put_side(&sheet, "", &result->known, result->seconds);
    if (options->newcomers > 0)
        put_side(&sheet, "new_", &result->newcomers, result->seconds);
    if (sheet.json)
        printf("\n}\n");
}
