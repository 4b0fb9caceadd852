/* loader - publishes prepared batches as fast as a collector acknowledges them, and checks every answer.
 *
 * Prints `name value` lines: events, seconds, events_per_s, message_bytes, latency_p50_us, latency_p99_us, busy; with
 * --warm the same before it as warm_events and so on. From the first batch sent to the last answer. Fails with a
 * sentence where anything but `ok` for every event comes back.
 */
#include "bench/lane.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <zmq.h>

struct load {
    const struct settings *settings;
    void *context;
    struct sock_options options;
    struct keypair pair;
    char server_public[KEY_TEXT_BYTES];
    struct lane *lanes;
    uint64_t opened; /* lanes */
};

static enum status read_key(const char *path, const char *end, bool secret, char text[KEY_TEXT_BYTES],
                            struct error *error)
{
    char *whole = mem_text("%s%s", path, end);
    enum status status = secret ? keyfile_read_secret(whole, text, error) : keyfile_read_public(whole, text, error);
    free(whole);
    return status;
}

static enum status set_options(struct load *load, struct error *error)
{
    const struct settings *settings = load->settings;
    load->options = (struct sock_options){.type = ZMQ_DEALER, .high_water_mark = (int)settings->in_flight + 1};
    if (!settings->curve)
        return STATUS_OK;
    enum status status = read_key(settings->curve, "/keys/server.public", false, load->server_public, error);
    if (status == STATUS_OK)
        status = read_key(settings->key, ".public", false, load->pair.public_key, error);
    if (status == STATUS_OK)
        status = read_key(settings->key, ".secret", true, load->pair.secret_key, error);
    load->options.server_public = load->server_public;
    load->options.client = &load->pair;
    return status;
}

static enum status open_lanes(struct load *load, enum workload_kind kind, struct error *error)
{
    const struct settings *settings = load->settings;
    struct workload *workload;
    enum status status = workload_open(settings, kind, clock_now_ms(), &workload, error);
    if (status != STATUS_OK)
        return status;
    struct batches *sets = mem_new(settings->publishers, sizeof *sets);
    batches_deal(workload, (uint32_t)settings->batch, sets, settings->publishers);
    workload_close(workload);
    load->lanes = mem_new(settings->publishers, sizeof *load->lanes);
    for (; status == STATUS_OK && load->opened < settings->publishers; load->opened++)
        status = lane_open(load->context, settings->to, &load->options, (uint32_t)settings->in_flight,
                           sets[load->opened], &load->lanes[load->opened], error);
    free(sets);
    return status;
}

static void close_lanes(struct load *load)
{
    for (uint64_t i = 0; i < load->opened; i++)
        lane_close(&load->lanes[i]);
    free(load->lanes);
    load->lanes = NULL;
    load->opened = 0;
}

static enum status turn(struct load *load, uint64_t *settled, bool *done, struct error *error)
{
    *done = true;
    for (uint64_t i = 0; i < load->opened; i++) {
        enum status status = lane_receive(&load->lanes[i], settled, error);
        if (status == STATUS_OK)
            status = lane_send(&load->lanes[i], error);
        if (status != STATUS_OK)
            return status;
        *done &= lane_done(&load->lanes[i]);
    }
    return STATUS_OK;
}

static void wait_for_answers(const struct load *load)
{
    zmq_pollitem_t items[64];
    for (uint64_t i = 0; i < load->opened; i++)
        items[i] = (zmq_pollitem_t){.socket = load->lanes[i].socket, .events = ZMQ_POLLIN};
    zmq_poll(items, (int)load->opened, 100);
}

static enum status drive(struct load *load, struct error *error)
{
    int64_t patience_ns = (int64_t)load->settings->patience_s * 1000000000, heard_ns = clock_mono_ns();
    for (bool done = false;;) {
        uint64_t settled = 0;
        enum status status = turn(load, &settled, &done, error);
        if (status != STATUS_OK || done)
            return status;
        int64_t now_ns = clock_mono_ns();
        if (settled > 0)
            heard_ns = now_ns;
        if (now_ns - heard_ns > patience_ns)
            return error_set(error, STATUS_UNAVAILABLE, "%s: nothing settled for %" PRIu64 " s", load->settings->to,
                             load->settings->patience_s);
        wait_for_answers(load);
    }
}

static int by_size(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void print_latencies(const struct load *load, const char *prefix)
{
    size_t count = 0, used = 0;
    for (uint64_t i = 0; i < load->opened; i++)
        count += load->lanes[i].batches.count;
    int64_t *all = mem_new(count, sizeof *all);
    for (uint64_t i = 0; i < load->opened; i++) {
        const struct lane *lane = &load->lanes[i];
        memcpy(all + used, lane->latency_ns, lane->batches.count * sizeof *all);
        used += lane->batches.count;
    }
    qsort(all, count, sizeof *all, by_size);
    printf("%slatency_p50_us %" PRId64 "\n", prefix, count > 0 ? all[count / 2] / 1000 : 0);
    printf("%slatency_p99_us %" PRId64 "\n", prefix, count > 0 ? all[count - 1 - count / 100] / 1000 : 0);
    free(all);
}

/* Sent equals accepted, or it fails: settle() has seen to each batch, this to their sum. */
static enum status print_results(const struct load *load, const char *prefix, int64_t took_ns, struct error *error)
{
    uint64_t sent = 0, accepted = 0, busy = 0, bytes = 0;
    for (uint64_t i = 0; i < load->opened; i++) {
        const struct lane *lane = &load->lanes[i];
        sent += lane->batches.events;
        accepted += lane->accepted;
        busy += lane->busy;
        bytes += lane->batches.used;
    }
    if (sent != accepted)
        return error_set(error, STATUS_DATA, "%" PRIu64 " events sent, %" PRIu64 " accepted", sent, accepted);
    double seconds = (double)took_ns / 1e9;
    printf("%sevents %" PRIu64 "\n%sseconds %.3f\n%sevents_per_s %.0f\n", prefix, accepted, prefix, seconds, prefix,
           (double)accepted / seconds);
    printf("%smessage_bytes_per_event %.1f\n%sbusy %" PRIu64 "\n", prefix, (double)bytes / (double)accepted, prefix,
           busy);
    print_latencies(load, prefix);
    return STATUS_OK;
}

static enum status pass(struct load *load, enum workload_kind kind, const char *prefix, struct error *error)
{
    enum status status = open_lanes(load, kind, error);
    int64_t started_ns = clock_mono_ns();
    if (status == STATUS_OK)
        status = drive(load, error);
    if (status == STATUS_OK)
        status = print_results(load, prefix, clock_mono_ns() - started_ns, error);
    close_lanes(load);
    return status;
}

static enum status run(struct load *load, struct error *error)
{
    const struct settings *settings = load->settings;
    if (!settings->to)
        return error_set(error, STATUS_USAGE, "--to ENDPOINT is missing");
    enum status status = set_options(load, error);
    if (status == STATUS_OK && settings->warm)
        status = pass(load, WORKLOAD_WARM, "warm_", error);
    if (status == STATUS_OK && settings->events > 0)
        status = pass(load, settings->course ? WORKLOAD_COURSE : WORKLOAD_INDEPENDENT, "", error);
    return status;
}

int main(int argc, char **argv)
{
    struct settings settings = settings_parse("loader", argc, argv);
    struct error error;
    struct load load = {.settings = &settings, .context = zmq_ctx_new()};
    enum status status = run(&load, &error);
    zmq_ctx_term(load.context);
    if (status != STATUS_OK)
        fprintf(stderr, "loader: %s\n", error.text);
    return status_exit_code(status);
}
