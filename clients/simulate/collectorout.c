#include "clients/simulate/collectorout.h"

#include "clients/publisher/jejak.h"
#include "common/config.h"
#include "common/keyfile.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    EVENTS_BETWEEN_STEPS = 500, /* a batch of the library */
    WAIT_MS = 100,
    PATIENCE_MS = 60000, /* without anything settled */
};

struct collectorout {
    const struct course *course;
    struct jejak *publisher;
    uint32_t since_step;
    uint64_t settled;
    int64_t settled_ms; /* when that last grew, monotonic */
    char code[32];      /* of the first rejected event */
};

static enum status status_of(enum jejak_status result)
{
    switch (result) {
    case JEJAK_OK:
        return STATUS_OK;
    case JEJAK_USAGE:
        return STATUS_USAGE;
    case JEJAK_DENIED:
        return STATUS_DENIED;
    case JEJAK_REFUSED:
        return STATUS_PROTOCOL;
    case JEJAK_BUSY:
        return STATUS_BUSY;
    case JEJAK_UNAVAILABLE:
        return STATUS_UNAVAILABLE;
    case JEJAK_REJECTED:
    case JEJAK_CORRUPT:
        return STATUS_DATA;
    case JEJAK_FAILED:
    default:
        return STATUS_SYSTEM;
    }
}

/* ---- keys ------------------------------------------------------------------------------------------------------- */

static enum status read_keys(const char *folder, const char *name, char server_public[KEY_TEXT_BYTES],
                             struct keypair *own, struct error *error)
{
    char *server = mem_text("%s/server.public", folder);
    char *public = mem_text("%s/clients/%s.public", folder, name);
    char *secret = mem_text("%s/clients/%s.secret", folder, name);
    enum status status = keyfile_read_public(server, server_public, error);
    if (status == STATUS_OK)
        status = keyfile_read_public(public, own->public_key, error);
    if (status == STATUS_OK)
        status = keyfile_read_secret(secret, own->secret_key, error);
    free(server);
    free(public);
    free(secret);
    return status;
}

static enum status keys_of_home(const struct collectorout_options *options, char server_public[KEY_TEXT_BYTES],
                                struct keypair *own, struct error *error)
{
    struct config *config;
    enum status status = config_open(options->home, NULL, NULL, 0, &config, error);
    if (status != STATUS_OK)
        return status;
    status = read_keys(config_text(config, CONFIG_KEYS), options->name, server_public, own, error);
    config_close(config);
    return status;
}

/* ---- events ----------------------------------------------------------------------------------------------------- */

static void on_batch(void *argument, const struct jejak_batch *batch)
{
    struct collectorout *out = argument;
    if (batch->listed > 0 && !out->code[0])
        snprintf(out->code, sizeof out->code, "%s", batch->list[0].code);
    if (batch->outcome == JEJAK_SET_ASIDE && !out->code[0])
        snprintf(out->code, sizeof out->code, "refused");
}

enum status collectorout_open(const struct collectorout_options *options, const struct course *course,
                              struct collectorout **out, struct error *error)
{
    char server_public[KEY_TEXT_BYTES], text[JEJAK_ERROR_BYTES];
    struct keypair own;
    if (options->home) {
        enum status status = keys_of_home(options, server_public, &own, error);
        if (status != STATUS_OK)
            return status;
    }
    struct collectorout *made = mem_new(1, sizeof *made);
    made->course = course;
    made->settled_ms = clock_mono_ns() / 1000000;
    struct jejak_options wanted = {
        .endpoint = options->endpoint,
        .server_public = options->home ? server_public : NULL,
        .public_key = options->home ? own.public_key : NULL,
        .secret_key = options->home ? own.secret_key : NULL,
        .on_batch = on_batch,
        .argument = made,
    };
    enum jejak_status result = jejak_open(&wanted, &made->publisher, text);
    explicit_bzero(&own, sizeof own);
    if (result != JEJAK_OK) {
        free(made);
        return error_set(error, status_of(result), "%s", text);
    }
    *out = made;
    return STATUS_OK;
}

/* One step; STATUS_UNAVAILABLE where nothing has been settled for too long. */
static enum status step(struct collectorout *out, int timeout_ms, struct error *error)
{
    int64_t now_ms = clock_mono_ns() / 1000000;
    enum jejak_status result = jejak_step(out->publisher, timeout_ms);
    if (result != JEJAK_OK && result != JEJAK_BUSY)
        return error_set(error, status_of(result), "%s", jejak_error(out->publisher));
    uint64_t settled = jejak_settled(out->publisher);
    if (settled != out->settled)
        out->settled_ms = now_ms;
    out->settled = settled;
    if (now_ms - out->settled_ms > PATIENCE_MS)
        return error_set(error, STATUS_UNAVAILABLE, "the collector has settled nothing for %d s", PATIENCE_MS / 1000);
    return STATUS_OK;
}

static struct jejak_event event_of(const struct collectorout *out, const struct simulate_event *event,
                                   char id[SIMULATE_LEARNER_BYTES])
{
    const struct course_content *content = course_content(out->course, event->content);
    simulate_learner_id(event->learner, id);
    return (struct jejak_event){.kind = (enum jejak_kind)event->kind,
                                .time_ms = event->time_ms,
                                .learner = id,
                                .learner_size = SIMULATE_LEARNER_BYTES,
                                .content = content->text,
                                .content_size = content->size,
                                .value = event->value};
}
_Static_assert((int)JEJAK_COHORT == (int)KIND_COHORT && (int)JEJAK_OPEN == (int)KIND_OPEN, "the same order of kinds");

enum status collectorout_write(struct collectorout *out, const struct simulate_event *event, struct error *error)
{
    char id[SIMULATE_LEARNER_BYTES];
    struct jejak_event made = event_of(out, event, id);
    for (;;) {
        const char *code;
        enum jejak_status result = jejak_publish(out->publisher, &made, &code);
        if (result == JEJAK_OK)
            break;
        ensure(result != JEJAK_REJECTED); /* the model makes valid events only */
        if (result != JEJAK_BUSY)
            return error_set(error, status_of(result), "%s", jejak_error(out->publisher));
        enum status status = step(out, WAIT_MS, error);
        if (status != STATUS_OK)
            return status;
    }
    if (++out->since_step < EVENTS_BETWEEN_STEPS)
        return STATUS_OK;
    out->since_step = 0;
    return step(out, 0, error);
}

struct collectorout_counts collectorout_counts(const struct collectorout *out)
{
    struct jejak_counters counters;
    jejak_counters(out->publisher, &counters);
    return (struct collectorout_counts){counters.accepted, counters.rejected + counters.set_aside, counters.duplicate};
}

enum status collectorout_finish(struct collectorout *out, struct error *error)
{
    for (;;) {
        enum jejak_status result = jejak_flush(out->publisher, WAIT_MS);
        if (result == JEJAK_OK)
            break;
        if (result != JEJAK_UNAVAILABLE)
            return error_set(error, status_of(result), "%s", jejak_error(out->publisher));
        enum status status = step(out, 0, error);
        if (status != STATUS_OK)
            return status;
    }
    struct collectorout_counts counts = collectorout_counts(out);
    if (counts.rejected > 0)
        return error_set(error, STATUS_DATA, "the collector rejected %" PRIu64 " events, the first as %s",
                         counts.rejected, out->code);
    return STATUS_OK;
}

void collectorout_close(struct collectorout *out)
{
    if (!out)
        return;
    jejak_close(out->publisher);
    free(out);
}
