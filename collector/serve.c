#include "collector/serve_inner.h"

#include "collector/ballast.h"
#include "common/logline.h"

#include <errno.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum {
    SWEEP_SECONDS = 3600,
    BALLAST_SECONDS = 60, /* is there room for it again? */
};

enum item {
    ITEM_SIGNAL,
    ITEM_TIMER,
    ITEM_ZAP,
    ITEM_COMMITTER,
    ITEM_RESOLVER,
    ITEM_CONTROL,
    ITEM_INGEST,
    ITEM_DROPOFF,
    ITEM_COUNT
};

const struct config *serve_config(const struct server *server)
{
    return server->reloaded ? server->reloaded : server->options->config;
}

uint64_t *serve_counter(struct server *server, enum counter counter)
{
    return &pipeline_counters(server->pipeline)->count[counter];
}

static void take_signals(struct server *server)
{
    struct signalfd_siginfo info;
    struct error error;
    while (read(server->signal_fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo != SIGHUP)
            server->stop = true;
        else if (serve_reload(server, &error) != STATUS_OK)
            log_error("not all keys and limits could be read again", LOG_TEXT("error", error.text));
    }
}

static void tick(struct server *server)
{
    uint64_t expirations;
    if (read(server->timer_fd, &expirations, sizeof expirations) != sizeof expirations)
        return;
    serve_try_store_again(server);
    serve_tell_gate(server);
    if (server->ticks % BALLAST_SECONDS == BALLAST_SECONDS - 1)
        ballast_keep(serve_config(server));
    if (server->ticks++ % SWEEP_SECONDS == 0) /* the first one soon after the start */
        pipeline_sweep(server->pipeline, clock_now_ms());
}

static enum status answer_zap(struct server *server, struct error *error)
{
    return zap_answer(server->zap, server->roles, serve_counter(server, COUNTER_HANDSHAKES_REFUSED), error);
}

static enum status loop(struct server *server, struct error *error)
{
    zmq_pollitem_t items[ITEM_COUNT] = {
        [ITEM_SIGNAL] = {.fd = server->signal_fd, .events = ZMQ_POLLIN},
        [ITEM_TIMER] = {.fd = server->timer_fd, .events = ZMQ_POLLIN},
        [ITEM_ZAP] = {.socket = server->zap, .events = ZMQ_POLLIN},
        [ITEM_COMMITTER] = {.fd = committer_fd(server->committer), .events = ZMQ_POLLIN},
        [ITEM_RESOLVER] = {.fd = resolver_fd(server->resolver), .events = ZMQ_POLLIN},
        [ITEM_CONTROL] = {.socket = server->control, .events = ZMQ_POLLIN},
        [ITEM_INGEST] = {.socket = server->ingest, .events = ZMQ_POLLIN},
        [ITEM_DROPOFF] = {.socket = server->dropoff, .events = ZMQ_POLLIN},
    };
    int all = server->dropoff ? ITEM_COUNT : ITEM_DROPOFF;
    while (!server->stop) {
        /* A full group takes nothing more: batches are not even looked for until the committer is done. */
        int count = group_full(server->open) ? ITEM_INGEST : all;
        bool waits = count == ITEM_INGEST || !pipeline_ready(server->pipeline);
        if (zmq_poll(items, count, waits ? -1 : 0) < 0 && errno != EINTR)
            return error_set(error, STATUS_SYSTEM, "waiting for messages failed: %s", zmq_strerror(errno));
        if (items[ITEM_SIGNAL].revents)
            take_signals(server);
        if (items[ITEM_TIMER].revents)
            tick(server);
        if (items[ITEM_ZAP].revents && answer_zap(server, error) != STATUS_OK)
            return error->status;
        if (items[ITEM_COMMITTER].revents)
            serve_take_back(server);
        if (items[ITEM_RESOLVER].revents)
            serve_take_met(server);
        if (items[ITEM_CONTROL].revents)
            serve_take_control(server);
        if (count > ITEM_INGEST)
            serve_take_batches(server);
        serve_hand_over(server);
    }
    return STATUS_OK;
}

static void finish_flying(struct server *server)
{
    struct group *group = committer_wait(server->committer);
    if (group)
        serve_finish_group(server, group);
}

/* What was received is stored and answered, what is parked is answered busy; nothing more is received. */
static void drain(struct server *server)
{
    finish_flying(server);
    serve_hand_over(server);
    finish_flying(server);
    serve_turn_parked(server);
    serve_hand_over(server);
    finish_flying(server);
}

enum status serve_run(const struct serve_options *options, struct error *error)
{
    struct server server = {.options = options, .signal_fd = -1, .timer_fd = -1};
    enum status status = serve_open_descriptors(&server, error);
    if (status == STATUS_OK)
        status = serve_open_state(&server, error);
    if (status == STATUS_OK)
        status = serve_open_sockets(&server, error);
    if (status == STATUS_OK) {
        log_info("ready", LOG_UINT("learners", pipeline_learner_count(server.pipeline)),
                 LOG_UINT("sessions", pipeline_session_count(server.pipeline)),
                 LOG_UINT("publishers", roles_listed_count(server.roles, ROLE_PUBLISHER)));
        status = loop(&server, error);
        drain(&server);
        log_info("stopped", LOG_UINT("events", *serve_counter(&server, COUNTER_EVENTS)));
    }
    serve_close(&server);
    return status;
}
