/* jejak.c - the library's face (jejak.h). An event's way: check, encode, spool, open batch, seal; then deliver.c. */
#include "clients/publisher/deliver.h"
#include "clients/publisher/encode.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

enum {
    DEFAULT_BATCH_EVENTS = 500,
    DEFAULT_BATCH_AGE_MS = 1000,
    DEFAULT_MEMORY_BYTES = 16 << 20,
    DEFAULT_SPOOL_BYTES = 256 << 20,
    LEAST_MEMORY_BYTES = 64 << 10,
};

#define SAME(a, b) _Static_assert((int)(a) == (int)(b), "jejak.h and common/ agree")
SAME(JEJAK_OPEN, KIND_OPEN);
SAME(JEJAK_DWELL, KIND_DWELL);
SAME(JEJAK_FAVORITE, KIND_FAVORITE);
SAME(JEJAK_UNFAVORITE, KIND_UNFAVORITE);
SAME(JEJAK_PROGRESS, KIND_PROGRESS);
SAME(JEJAK_COHORT, KIND_COHORT);
SAME(JEJAK_COHORT + 1, KIND_COUNT);
SAME(JEJAK_ERROR_BYTES, ERROR_TEXT_BYTES);
SAME(JEJAK_SESSION_BYTES, SESSION_BYTES);

static const enum jejak_status public_statuses[STATUS_COUNT] = {
    [STATUS_OK] = JEJAK_OK,
    [STATUS_USAGE] = JEJAK_USAGE,
    [STATUS_CONFIG] = JEJAK_USAGE,
    [STATUS_BUSY] = JEJAK_BUSY,
    [STATUS_FULL] = JEJAK_BUSY,
    [STATUS_UNAVAILABLE] = JEJAK_UNAVAILABLE,
    [STATUS_PROTOCOL] = JEJAK_REFUSED,
    [STATUS_DENIED] = JEJAK_DENIED,
    [STATUS_FOREIGN] = JEJAK_DENIED,
    [STATUS_CORRUPT] = JEJAK_CORRUPT,
    [STATUS_NEWER] = JEJAK_CORRUPT,
};

static enum jejak_status public_status(enum status status)
{
    if (status == STATUS_OK || public_statuses[status] != JEJAK_OK)
        return public_statuses[status];
    return JEJAK_FAILED;
}

static enum status check_options(const struct jejak_options *options, struct error *error)
{
    int keys = (options->server_public != NULL) + (options->public_key != NULL) + (options->secret_key != NULL);
    if (!options->endpoint)
        return error_set(error, STATUS_USAGE, "an endpoint is needed");
    if (keys != 0 && keys != 3)
        return error_set(error, STATUS_USAGE, "the collector's key and both own keys are needed, or none of them");
    if (options->batch_events > BATCH_MAX_EVENTS)
        return error_set(error, STATUS_USAGE, "a batch holds at most %d events", BATCH_MAX_EVENTS);
    if (options->in_flight > STREAM_WINDOW_MAX)
        return error_set(error, STATUS_USAGE, "at most %d batches may be in flight", STREAM_WINDOW_MAX);
    if (options->session && options->spool)
        return error_set(error, STATUS_USAGE, "a spool knows its own session");
    return STATUS_OK;
}

static void take_options(struct jejak *publisher, const struct jejak_options *options)
{
    publisher->batch_events = options->batch_events ? options->batch_events : DEFAULT_BATCH_EVENTS;
    publisher->batch_age_ms = options->batch_age_ms ? options->batch_age_ms : DEFAULT_BATCH_AGE_MS;
    publisher->in_flight = options->in_flight ? options->in_flight : STREAM_WINDOW_MAX;
    publisher->memory_bytes = options->memory_bytes ? options->memory_bytes : DEFAULT_MEMORY_BYTES;
    if (publisher->memory_bytes < LEAST_MEMORY_BYTES)
        publisher->memory_bytes = LEAST_MEMORY_BYTES;
    publisher->on_batch = options->on_batch;
    publisher->on_notice = options->on_notice;
    publisher->argument = options->argument;
}

static enum status open_link(struct jejak *publisher, const struct jejak_options *options)
{
    struct keypair pair;
    if (!options->server_public)
        return link_open(options->endpoint, NULL, NULL, &publisher->link, &publisher->error);
    if (strlen(options->public_key) >= KEY_TEXT_BYTES || strlen(options->secret_key) >= KEY_TEXT_BYTES)
        return error_set(&publisher->error, STATUS_USAGE, "a key is longer than 40 characters");
    snprintf(pair.public_key, sizeof pair.public_key, "%s", options->public_key);
    snprintf(pair.secret_key, sizeof pair.secret_key, "%s", options->secret_key);
    enum status status =
        link_open(options->endpoint, options->server_public, &pair, &publisher->link, &publisher->error);
    explicit_bzero(&pair, sizeof pair);
    return status;
}

static enum status open_spool(struct jejak *publisher, const struct jejak_options *options,
                              const uint8_t session[SESSION_BYTES])
{
    uint8_t secret[KEY_BYTES];
    struct spool_options wanted = {
        .folder = options->spool,
        .secret = NULL,
        .max_bytes = options->spool_bytes ? options->spool_bytes : DEFAULT_SPOOL_BYTES,
    };
    if (options->secret_key) {
        ensure(link_key_bytes(options->secret_key, secret)); /* link_open() has looked */
        wanted.secret = secret;
    }
    enum status status = spool_open(&wanted, session, &publisher->spool, &publisher->error);
    explicit_bzero(secret, sizeof secret);
    if (status != STATUS_OK)
        return status;
    uint64_t cut = spool_cut_bytes(publisher->spool);
    if (cut > 0)
        deliver_notice(publisher, "%llu bytes of a write that a crash cut off were taken back in the spool %s",
                       (unsigned long long)cut, options->spool);
    return deliver_adopt(publisher);
}

static enum status open_session(struct jejak *publisher, const struct jejak_options *options)
{
    uint8_t session[SESSION_BYTES];
    if (getrandom(session, sizeof session, 0) != sizeof session)
        return error_errno(&publisher->error, STATUS_SYSTEM, "random bytes");
    if (options->spool)
        return open_spool(publisher, options, session);
    stream_start(&publisher->stream, options->session ? options->session : session, options->settled,
                 publisher->in_flight);
    outbox_start(&publisher->outbox, options->settled);
    return STATUS_OK;
}

enum jejak_status jejak_open(const struct jejak_options *options, struct jejak **publisher,
                             char error[JEJAK_ERROR_BYTES])
{
    struct jejak *opened = calloc(1, sizeof *opened);
    if (!opened) {
        snprintf(error, JEJAK_ERROR_BYTES, "no memory for a publisher");
        return JEJAK_FAILED;
    }
    enum status status = check_options(options, &opened->error);
    if (status == STATUS_OK) {
        take_options(opened, options);
        status = open_link(opened, options);
    }
    if (status == STATUS_OK)
        status = open_session(opened, options);
    if (status != STATUS_OK) {
        snprintf(error, JEJAK_ERROR_BYTES, "%s", opened->error.text);
        jejak_close(opened);
        return public_status(status);
    }
    opened->counters.connections = 1;
    *publisher = opened;
    return JEJAK_OK;
}

void jejak_close(struct jejak *publisher)
{
    if (!publisher)
        return;
    link_close(publisher->link);
    spool_close(publisher->spool);
    outbox_free(&publisher->outbox);
    free(publisher);
}

static enum verdict check(const struct jejak_event *given, struct event *event)
{
    if (given->kind < 0 || (int)given->kind >= KIND_COUNT)
        return VERDICT_KIND;
    *event = (struct event){
        .kind = (enum kind)given->kind,
        .time_ms = given->time_ms,
        .learner = slice_of(given->learner, given->learner_size),
        .content = slice_of(given->content, given->content_size),
        .value = given->value,
    };
    return event_check(event, 0, TIME_MAX_MS);
}

/* Room for one more event: a batch that is full, in events or bytes, is sealed first. */
static enum status make_room(struct jejak *publisher)
{
    const struct outbox *outbox = &publisher->outbox;
    bool full = outbox->open.events >= publisher->batch_events ||
                outbox->open.size + ENCODE_EVENT_MAX + ENCODE_HEAD_MAX > BATCH_MAX_BYTES;
    if (full && outbox->open.events > 0) {
        enum status status = deliver_seal(publisher);
        if (status != STATUS_OK)
            return status;
    }
    if (!publisher->spool && outbox->bytes + ENCODE_EVENT_MAX > publisher->memory_bytes)
        return error_set(&publisher->error, STATUS_BUSY, "%llu bytes of events wait already",
                         (unsigned long long)outbox->bytes);
    return STATUS_OK;
}

/* At a bound with nothing on its way, only the open batch can make room. */
static enum status make_way(struct jejak *publisher, enum status status)
{
    const struct outbox *outbox = &publisher->outbox;
    if (status == STATUS_BUSY && outbox->count == 0 && outbox->open.events > 0)
        (void)!deliver_seal(publisher);
    return status;
}

static enum status take(struct jejak *publisher, const struct event *event)
{
    enum status status = make_room(publisher);
    if (status != STATUS_OK)
        return make_way(publisher, status);
    uint8_t *room = outbox_room(&publisher->outbox, ENCODE_EVENT_MAX);
    if (!room)
        return error_set(&publisher->error, STATUS_BUSY, "no memory for an event");
    size_t size = encode_event(event, room);
    if (publisher->spool)
        status = spool_event(publisher->spool, slice_of(room, size), &publisher->error);
    if (status != STATUS_OK)
        return make_way(publisher, status);
    if (publisher->outbox.open.events == 0 && publisher->batch_age_ms >= 0)
        publisher->opened_ms = deliver_now_ms();
    outbox_add(&publisher->outbox, size);
    publisher->counters.taken++;
    return STATUS_OK;
}

enum jejak_status jejak_publish(struct jejak *publisher, const struct jejak_event *given, const char **code)
{
    struct event event;
    enum verdict verdict = check(given, &event);
    if (verdict != VERDICT_ACCEPTED) {
        error_set(&publisher->error, STATUS_DATA, "the event was not taken: %s", verdict_sentence(verdict));
        if (code)
            *code = verdict_name(verdict);
        return JEJAK_REJECTED;
    }
    enum status status = take(publisher, &event);
    if (status != STATUS_OK)
        return public_status(status);
    /* The event is taken: what fails from here on is tried again by the next call. */
    if (publisher->outbox.open.events >= publisher->batch_events && deliver_seal(publisher) == STATUS_OK)
        (void)jejak_step(publisher, 0);
    return JEJAK_OK;
}

enum jejak_status jejak_step(struct jejak *publisher, int timeout_ms)
{
    bool busy = false;
    enum status status = deliver_round(publisher, &busy);
    if (status != STATUS_OK || busy || timeout_ms <= 0)
        return public_status(status);
    link_wait(publisher->link, deliver_patience_ms(publisher, deliver_now_ms(), timeout_ms));
    return public_status(deliver_round(publisher, &busy));
}

enum jejak_status jejak_cut(struct jejak *publisher)
{
    if (publisher->outbox.open.events == 0)
        return JEJAK_OK;
    return public_status(deliver_seal(publisher));
}

enum jejak_status jejak_flush(struct jejak *publisher, int timeout_ms)
{
    int64_t until_ms = deliver_now_ms() + timeout_ms;
    enum jejak_status status = jejak_cut(publisher);
    while (status == JEJAK_OK && !stream_idle(&publisher->stream)) {
        int64_t left_ms = until_ms - deliver_now_ms();
        if (left_ms <= 0)
            return public_status(error_set(&publisher->error, STATUS_UNAVAILABLE,
                                           "the collector did not settle everything within %d ms", timeout_ms));
        status = jejak_step(publisher, (int)left_ms);
    }
    return status;
}

const char *jejak_error(const struct jejak *publisher)
{
    return publisher->error.text;
}

void jejak_counters(const struct jejak *publisher, struct jejak_counters *counters)
{
    *counters = publisher->counters;
    counters->made = publisher->stream.made;
    counters->waiting = publisher->outbox.events;
    counters->memory_bytes = publisher->outbox.bytes;
    counters->spool_bytes = publisher->spool ? spool_bytes(publisher->spool) : 0;
}

const uint8_t *jejak_session(const struct jejak *publisher)
{
    return publisher->stream.session;
}

uint64_t jejak_settled(const struct jejak *publisher)
{
    return publisher->stream.acked;
}

const char *jejak_version(void)
{
    return JEJAK_VERSION;
}
