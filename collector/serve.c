#include "collector/serve.h"

#include "collector/commit.h"
#include "collector/control.h"
#include "collector/reader.h"
#include "collector/zap.h"
#include "common/logline.h"
#include "common/sock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <zmq.h>

enum {
    INGEST_RECEIVE_QUEUE = 32, /* messages of one connection that wait in memory */
    INGEST_SEND_QUEUE = 4096,  /* answers of one connection: small, and as many as it has in flight */
    READER_SEND_QUEUE = 4096,  /* parts: an answer is a header and its records */
    DROPOFF_QUEUE = 32,
    TURN_MS = 20, /* of receiving between two looks at everything else */
    SWEEP_SECONDS = 3600,
    INGEST_LINGER_MS = 1000,
    DAY_MS = 24 * 3600 * 1000,
};

enum item {
    ITEM_SIGNAL,
    ITEM_TIMER,
    ITEM_ZAP,
    ITEM_COMMITTER,
    ITEM_CONTROL,
    ITEM_INGEST,
    ITEM_DROPOFF,
    ITEM_COUNT
};

struct server {
    const struct serve_options *options;
    struct config *reloaded; /* after SIGHUP; NULL: options->config */
    void *context;
    void *zap, *ingest, *dropoff, *control;
    int signal_fd, timer_fd;
    struct roles *roles;
    struct pipeline *pipeline;
    struct committer *committer;
    struct reader *reader;
    struct group *groups[2];
    struct group *open;
    uint64_t group_number;
    struct answer_buffer *answer_bytes;
    uint64_t ticks;
    int64_t started_ms;
    bool stop;
};

static const struct config *config_now(const struct server *server)
{
    return server->reloaded ? server->reloaded : server->options->config;
}

static uint64_t *counted(struct server *server, enum counter counter)
{
    return &pipeline_counters(server->pipeline)->count[counter];
}

/* ---- answers ---- */

static void send_answer(struct server *server, const struct group *group, struct group_answer *queued)
{
    struct answer *answer = &queued->answer;
    answer->rejected = group->rejected + queued->first_rejected;
    struct slice bytes = answer_encode(server->answer_bytes, answer);
    int flags = ZMQ_DONTWAIT;
    bool sent = zmq_send(server->ingest, queued->to.routing_id, queued->to.size, flags | ZMQ_SNDMORE) >= 0;
    if (sent && queued->to.delimiter)
        sent = zmq_send(server->ingest, "", 0, flags | ZMQ_SNDMORE) >= 0;
    if (sent)
        sent = zmq_send(server->ingest, bytes.data, bytes.size, flags) >= 0;
    *counted(server, COUNTER_UNSENT) += sent ? 0 : 1;
}

/* Whatever was taken may or may not be stored: to be sent again, it will be a duplicate or be taken. */
static void turn_busy(struct server *server, struct group *group)
{
    uint32_t retry_ms = (uint32_t)config_whole(config_now(server), CONFIG_RETRY_MS);
    for (uint32_t i = 0; i < group->answer_count; i++) {
        struct answer *answer = &group->answers[i].answer;
        if (answer->has_session && answer->has_seq) {
            answer->status = ANSWER_BUSY;
            answer->retry_ms = retry_ms;
        }
    }
}

static void send_answers(struct server *server, struct group *group)
{
    for (uint32_t i = 0; i < group->answer_count; i++)
        send_answer(server, group, &group->answers[i]);
}

static void clear_group(struct server *server, struct group *group)
{
    group_clear(group, ++server->group_number);
}

/* ---- the store fails, and comes back ---- */

static void close_store(struct server *server)
{
    struct error error;
    reader_pause(server->reader);
    store_close(server->options->store);
    reader_resume(server->reader);
    if (pipeline_attach(server->pipeline, NULL, &error) != STATUS_OK)
        log_error("sessions could not be put aside", LOG_TEXT("error", error.text));
}

/* What the open group took since then hangs on state that is unknown now: it is not stored, and is told so. */
static void fail_store(struct server *server, const struct error *error)
{
    ++*counted(server, COUNTER_FAILED_GROUPS);
    log_alarm("the store failed; answering busy and opening it again", LOG_TEXT("error", error->text));
    turn_busy(server, server->open);
    send_answers(server, server->open);
    clear_group(server, server->open);
    close_store(server);
}

static void limit_log(struct server *server)
{
    if (server->options->store->log)
        eventlog_limit(server->options->store->log, (uint64_t)config_whole(config_now(server), CONFIG_SEGMENT_BYTES));
}

static void try_store_again(struct server *server)
{
    struct store_options options = {.create = false};
    struct error error;
    if (server->options->store->log)
        return;
    memcpy(options.pseudonym_key, server->options->keys->pseudonym, KEY_BYTES);
    reader_pause(server->reader);
    /* Where it stands is as it was at the start, whatever SIGHUP read since. */
    enum status status = store_open(server->options->config, &options, server->options->store, &error);
    if (status == STATUS_OK)
        limit_log(server);
    if (status == STATUS_OK)
        status = pipeline_attach(server->pipeline, server->options->store, &error);
    if (status != STATUS_OK)
        store_close(server->options->store);
    reader_resume(server->reader);
    if (status != STATUS_OK)
        log_warning("the store cannot be opened yet", LOG_TEXT("error", error.text));
    else
        log_info("the store is open again", LOG_UINT("offset", eventlog_next(server->options->store->log).offset));
}

/* ---- groups ---- */

static void finish_group(struct server *server, struct group *group)
{
    if (group->result == STATUS_OK) {
        pipeline_durable(server->pipeline, group);
        send_answers(server, group);
        clear_group(server, group);
        return;
    }
    turn_busy(server, group);
    send_answers(server, group);
    struct error error = group->error;
    clear_group(server, group);
    fail_store(server, &error);
}

static void take_back(struct server *server)
{
    struct group *group = committer_take(server->committer);
    if (group)
        finish_group(server, group);
}

static void hand_over(struct server *server)
{
    struct error error;
    if (pipeline_broken(server->pipeline, &error) && committer_idle(server->committer))
        fail_store(server, &error);
    if (group_empty(server->open) || !committer_idle(server->committer))
        return;
    group_freeze(server->open, server->roles);
    committer_submit(server->committer, server->open);
    server->open = server->open == server->groups[0] ? server->groups[1] : server->groups[0];
    pipeline_fill(server->pipeline, server->open);
}

/* ---- batches ---- */

/* A received message: routing id, perhaps an empty part, the batch. */
struct message {
    struct group_address from;
    zmq_msg_t payload;
    bool misshapen;
};

/* False: none waits. The payload is the last part; a message of another shape is read to its end. */
static bool receive_payload(void *socket, struct message *message)
{
    int parts = 0;
    message->from.delimiter = false;
    message->misshapen = false;
    zmq_msg_init(&message->payload);
    for (bool more = true; more; parts++) {
        if (zmq_msg_recv(&message->payload, socket, ZMQ_DONTWAIT) < 0)
            break;
        more = zmq_msg_more(&message->payload);
        if (more && parts == 0 && zmq_msg_size(&message->payload) == 0)
            message->from.delimiter = true;
        else if (more)
            message->misshapen = true;
    }
    return parts > 0;
}

/* The same from a ROUTER: the routing id first. */
static bool receive(void *socket, struct message *message)
{
    int size = zmq_recv(socket, message->from.routing_id, ROUTING_ID_MAX_BYTES, ZMQ_DONTWAIT);
    if (size < 0)
        return false;
    message->from.size = (uint8_t)size;
    if (!receive_payload(socket, message))
        message->misshapen = true;
    return true;
}

/* The publisher by the key that its connection proved, if it is listed now; ROLE_NOBODY: not a byte is decoded. */
static uint32_t authenticate(struct server *server, zmq_msg_t *payload)
{
    const char *user = zmq_msg_gets(payload, "User-Id");
    uint32_t publisher = user ? roles_publisher(server->roles, user) : ROLE_NOBODY;
    *counted(server, COUNTER_UNLISTED) += publisher == ROLE_NOBODY ? 1 : 0;
    return publisher;
}

static struct slice payload_of(zmq_msg_t *payload)
{
    return slice_of(zmq_msg_data(payload), zmq_msg_size(payload));
}

static bool take_batch(struct server *server, int64_t now_ms)
{
    struct message message;
    if (!receive(server->ingest, &message))
        return false;
    uint32_t publisher = authenticate(server, &message.payload);
    if (publisher != ROLE_NOBODY && message.misshapen)
        pipeline_misshapen(server->pipeline, &message.from);
    else if (publisher != ROLE_NOBODY)
        pipeline_batch(server->pipeline, publisher, payload_of(&message.payload), &message.from, now_ms);
    zmq_msg_close(&message.payload);
    return true;
}

static bool take_dropoff(struct server *server, int64_t now_ms)
{
    struct message message;
    if (!server->dropoff)
        return false;
    bool there = receive_payload(server->dropoff, &message);
    uint32_t publisher = there ? authenticate(server, &message.payload) : ROLE_NOBODY;
    if (publisher != ROLE_NOBODY && message.misshapen)
        ++*counted(server, COUNTER_MISSHAPEN);
    else if (publisher != ROLE_NOBODY)
        pipeline_dropoff(server->pipeline, publisher, payload_of(&message.payload), now_ms);
    zmq_msg_close(&message.payload);
    return there;
}

/* Fills the open group with what waits; not for longer than a turn, nor while the committer waits for it. */
static void take_batches(struct server *server)
{
    int64_t now_ms = clock_now_ms(), until_ns = clock_mono_ns() + (int64_t)TURN_MS * 1000000;
    bool more = true;
    while (more && !group_full(server->open) && clock_mono_ns() < until_ns) {
        more = take_batch(server, now_ms);
        if (!group_full(server->open))
            more |= take_dropoff(server, now_ms);
    }
}

/* ---- control, signals, timer ---- */

static void apply_limits(struct server *server)
{
    const struct config *config = config_now(server);
    bool import = config_switch(config, CONFIG_IMPORT) ||
                  (server->options->store->log && eventlog_import(server->options->store->log));
    struct pipeline_limits limits = {
        .retention_ms = import ? 0 : config_whole(config, CONFIG_RETENTION_DAYS) * DAY_MS,
        .max_sessions = (uint32_t)config_whole(config, CONFIG_MAX_SESSIONS),
        .max_learners = (uint32_t)config_whole(config, CONFIG_MAX_LEARNERS),
        .max_new_learners = (uint32_t)config_whole(config, CONFIG_MAX_NEW_LEARNERS),
        .retry_ms = (uint32_t)config_whole(config, CONFIG_RETRY_MS),
        .session_ms = config_whole(config, CONFIG_SESSION_DAYS) * DAY_MS,
    };
    pipeline_limit(server->pipeline, &limits);
    limit_log(server);
}

static enum status reload(struct server *server, struct error *error)
{
    struct config *config;
    enum status status = server->options->reload(&config, error);
    if (status != STATUS_OK)
        return status;
    reader_pause(server->reader);
    status = roles_reload(server->roles, (uint32_t)config_whole(config, CONFIG_MAX_PUBLISHERS), error);
    reader_resume(server->reader);
    if (status != STATUS_OK) {
        config_close(config);
        return status;
    }
    config_close(server->reloaded);
    server->reloaded = config;
    apply_limits(server);
    log_info("keys and limits were read again",
             LOG_UINT("publishers", roles_listed_count(server->roles, ROLE_PUBLISHER)));
    return STATUS_OK;
}

static void take_signals(struct server *server)
{
    struct signalfd_siginfo info;
    struct error error;
    while (read(server->signal_fd, &info, sizeof info) == sizeof info) {
        if (info.ssi_signo != SIGHUP)
            server->stop = true;
        else if (reload(server, &error) != STATUS_OK)
            log_error("keys and limits stay as they were", LOG_TEXT("error", error.text));
    }
}

static void tick(struct server *server)
{
    uint64_t expirations;
    if (read(server->timer_fd, &expirations, sizeof expirations) != sizeof expirations)
        return;
    try_store_again(server);
    if (server->ticks++ % SWEEP_SECONDS == 0) /* the first one soon after the start */
        pipeline_sweep(server->pipeline, clock_now_ms());
}

static void add_store_fields(struct server *server, struct control_answer *answer)
{
    struct store *store = server->options->store;
    struct logstore_next next = store->log ? eventlog_next(store->log) : (struct logstore_next){0};
    struct logstore_identity identity = store->log ? eventlog_identity(store->log) : (struct logstore_identity){0};
    char log_id[2 * LOG_ID_BYTES + 1] = "";
    for (size_t i = 0; i < LOG_ID_BYTES; i++)
        snprintf(log_id + 2 * i, 3, "%02x", identity.log_id[i]);
    control_answer_text(answer, "store", store->log ? "open" : "being opened again");
    control_answer_text(answer, "log", log_id);
    control_answer_natural(answer, "epoch", identity.epoch);
    control_answer_natural(answer, "offset", next.offset);
    control_answer_natural(answer, "learners", next.learners);
    control_answer_natural(answer, "segments", store->log ? eventlog_segment_count(store->log) : 0);
}

static struct control_answer *status_answer(struct server *server)
{
    const struct counters *counters = pipeline_counters(server->pipeline);
    struct control_answer *answer = control_answer_open("ok", "", 9 + COUNTER_COUNT + VERDICT_COUNT - 1);
    add_store_fields(server, answer);
    control_answer_natural(answer, "uptime_s", (uint64_t)(clock_now_ms() - server->started_ms) / 1000);
    control_answer_natural(answer, "publishers", roles_listed_count(server->roles, ROLE_PUBLISHER));
    control_answer_natural(answer, "sessions", pipeline_session_count(server->pipeline));
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        control_answer_natural(answer, counter_name((enum counter)i), counters->count[i]);
    for (unsigned i = 1; i < VERDICT_COUNT; i++) {
        char name[64];
        snprintf(name, sizeof name, "rejected_%s", verdict_name((enum verdict)i));
        control_answer_natural(answer, name, counters->verdicts[i]);
    }
    return answer;
}

static struct control_answer *control_answer_to(struct server *server, struct slice request)
{
    enum control_op op;
    struct error error;
    if (control_read(request, &op, &error) != STATUS_OK)
        return control_answer_open("malformed", error.text, 0);
    if (op == CONTROL_STATUS)
        return status_answer(server);
    return reload(server, &error) == STATUS_OK ? control_answer_open("ok", "", 0)
                                               : control_answer_open("failed", error.text, 0);
}

static void take_control(struct server *server)
{
    struct message message;
    while (receive(server->control, &message)) {
        const char *user = zmq_msg_gets(&message.payload, "User-Id");
        if (user && roles_listed(server->roles, ROLE_ADMIN, user)) {
            struct control_answer *answer = control_answer_to(server, payload_of(&message.payload));
            struct slice bytes = control_answer_bytes(answer);
            if (zmq_send(server->control, message.from.routing_id, message.from.size, ZMQ_SNDMORE | ZMQ_DONTWAIT) >=
                0) {
                if (message.from.delimiter)
                    zmq_send(server->control, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT);
                zmq_send(server->control, bytes.data, bytes.size, ZMQ_DONTWAIT);
            }
            control_answer_close(answer);
        }
        zmq_msg_close(&message.payload);
    }
}

/* ---- the loop ---- */

static enum status loop(struct server *server, struct error *error)
{
    zmq_pollitem_t items[ITEM_COUNT] = {
        [ITEM_SIGNAL] = {.fd = server->signal_fd, .events = ZMQ_POLLIN},
        [ITEM_TIMER] = {.fd = server->timer_fd, .events = ZMQ_POLLIN},
        [ITEM_ZAP] = {.socket = server->zap, .events = ZMQ_POLLIN},
        [ITEM_COMMITTER] = {.fd = committer_fd(server->committer), .events = ZMQ_POLLIN},
        [ITEM_CONTROL] = {.socket = server->control, .events = ZMQ_POLLIN},
        [ITEM_INGEST] = {.socket = server->ingest, .events = ZMQ_POLLIN},
        [ITEM_DROPOFF] = {.socket = server->dropoff, .events = ZMQ_POLLIN},
    };
    int all = server->dropoff ? ITEM_COUNT : ITEM_DROPOFF;
    while (!server->stop) {
        /* A full group takes nothing more: batches are not even looked for until the committer is done. */
        int count = group_full(server->open) ? ITEM_INGEST : all;
        if (zmq_poll(items, count, -1) < 0 && errno != EINTR)
            return error_set(error, STATUS_SYSTEM, "waiting for messages failed: %s", zmq_strerror(errno));
        if (items[ITEM_SIGNAL].revents)
            take_signals(server);
        if (items[ITEM_TIMER].revents)
            tick(server);
        if (items[ITEM_ZAP].revents)
            while (zap_answer(server->zap, server->roles, counted(server, COUNTER_HANDSHAKES_REFUSED))) {
            }
        if (items[ITEM_COMMITTER].revents)
            take_back(server);
        if (items[ITEM_CONTROL].revents)
            take_control(server);
        if (count > ITEM_INGEST)
            take_batches(server);
        hand_over(server);
    }
    return STATUS_OK;
}

/* What was received is stored and answered; nothing more is received. */
static void drain(struct server *server)
{
    struct group *group = committer_wait(server->committer);
    if (group)
        finish_group(server, group);
    hand_over(server);
    group = committer_wait(server->committer);
    if (group)
        finish_group(server, group);
}

/* ---- opening and closing ---- */

static enum status open_socket(struct server *server, struct sock_options *options, enum role role,
                               enum config_key endpoint_key, void **socket, struct error *error)
{
    const char *endpoint = config_text(config_now(server), endpoint_key);
    bool ipc = sock_ipc_path(endpoint) != NULL;
    bool plain = role == ROLE_PUBLISHER ? config_switch(config_now(server), CONFIG_PLAIN) : ipc;
    if (plain && !sock_endpoint_is_local(endpoint))
        return error_set(
            error, STATUS_CONFIG,
            "%s = %s: an endpoint without CURVE may stand on loopback or ipc only; leave `plain` off, or bind "
            "127.0.0.1",
            config_key_name(endpoint_key), endpoint);
    if (plain)
        roles_allow_plain(server->roles, role);
    options->zap_domain = role_domain(role);
    options->server_secret = plain ? NULL : server->options->keys->server.secret_key;
    options->max_message_bytes = config_whole(config_now(server), CONFIG_MAX_MESSAGE_BYTES);
    return sock_open(server->context, options, socket, error);
}

static enum status bind_socket(struct server *server, void *socket, enum config_key endpoint_key, int send_queue,
                               struct error *error)
{
    char bound[256] = "";
    zmq_setsockopt(socket, ZMQ_SNDHWM, &send_queue, sizeof send_queue);
    enum status status = sock_bind(socket, config_text(config_now(server), endpoint_key), error);
    if (status == STATUS_OK)
        status = sock_bound_endpoint(socket, bound, sizeof bound, error);
    if (status == STATUS_OK)
        log_info("listening", LOG_TEXT("for", config_key_name(endpoint_key)), LOG_TEXT("endpoint", bound));
    else
        error_prefix(error, "%s", config_key_name(endpoint_key));
    return status;
}

static enum status open_reader(struct server *server, struct error *error)
{
    struct sock_options options = {.type = ZMQ_ROUTER};
    void *socket = NULL;
    enum status status = open_socket(server, &options, ROLE_READER, CONFIG_READER, &socket, error);
    if (status == STATUS_OK)
        status = bind_socket(server, socket, CONFIG_READER, READER_SEND_QUEUE, error);
    if (status == STATUS_OK)
        status = reader_open(socket, server->roles, server->options->store, &server->reader, error);
    if (status != STATUS_OK)
        sock_close(socket);
    return status;
}

static enum status open_dropoff(struct server *server, struct error *error)
{
    struct sock_options options = {.type = ZMQ_PULL, .high_water_mark = DROPOFF_QUEUE};
    if (config_text(config_now(server), CONFIG_DROPOFF)[0] == '\0')
        return STATUS_OK;
    enum status status = open_socket(server, &options, ROLE_PUBLISHER, CONFIG_DROPOFF, &server->dropoff, error);
    return status == STATUS_OK ? bind_socket(server, server->dropoff, CONFIG_DROPOFF, DROPOFF_QUEUE, error) : status;
}

/* ZAP first: no socket is bound before its judge is there. Ingest last: whoever is answered finds all else running. */
static enum status open_sockets(struct server *server, struct error *error)
{
    struct sock_options control = {.type = ZMQ_ROUTER};
    struct sock_options ingest = {.type = ZMQ_ROUTER, .high_water_mark = INGEST_RECEIVE_QUEUE};
    enum status status = zap_open(server->context, &server->zap, error);
    if (status == STATUS_OK)
        status = open_socket(server, &control, ROLE_ADMIN, CONFIG_CONTROL, &server->control, error);
    if (status == STATUS_OK)
        status = bind_socket(server, server->control, CONFIG_CONTROL, 64, error);
    if (status == STATUS_OK)
        status = open_reader(server, error);
    if (status == STATUS_OK)
        status = open_dropoff(server, error);
    if (status == STATUS_OK)
        status = open_socket(server, &ingest, ROLE_PUBLISHER, CONFIG_INGEST, &server->ingest, error);
    if (status == STATUS_OK)
        status = committer_open(server->options->store, reader_durable_fd(server->reader), &server->committer, error);
    if (status == STATUS_OK)
        status = bind_socket(server, server->ingest, CONFIG_INGEST, INGEST_SEND_QUEUE, error);
    return status;
}

static enum status open_descriptors(struct server *server, struct error *error)
{
    struct itimerspec second = {.it_interval = {.tv_sec = 1}, .it_value = {.tv_sec = 1}};
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    server->signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    server->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (server->signal_fd < 0 || server->timer_fd < 0 || timerfd_settime(server->timer_fd, 0, &second, NULL) != 0)
        return error_errno(error, STATUS_SYSTEM, "signals and timer cannot be had");
    return STATUS_OK;
}

static enum status open_state(struct server *server, struct error *error)
{
    const struct keys *keys = server->options->keys;
    const struct config *config = config_now(server);
    uint32_t max_publishers = (uint32_t)config_whole(config, CONFIG_MAX_PUBLISHERS);
    server->context = zmq_ctx_new();
    server->answer_bytes = answer_buffer_open();
    server->started_ms = clock_now_ms();
    server->roles = roles_open(config_text(config, CONFIG_KEYS), max_publishers);
    server->pipeline = pipeline_open(server->roles, keys->lookup, keys->session);
    for (int i = 0; i < 2; i++) {
        server->groups[i] = group_open((uint32_t)config_whole(config, CONFIG_GROUP_EVENTS),
                                       (size_t)config_whole(config, CONFIG_MAX_MESSAGE_BYTES));
        clear_group(server, server->groups[i]);
    }
    server->open = server->groups[0];
    pipeline_fill(server->pipeline, server->open);
    apply_limits(server);
    enum status status = roles_reload(server->roles, max_publishers, error);
    if (status == STATUS_OK)
        status = pipeline_attach(server->pipeline, server->options->store, error);
    return status;
}

/* The last answers get a moment to leave. */
static void close_ingest(void *socket)
{
    int linger_ms = INGEST_LINGER_MS;
    if (!socket)
        return;
    zmq_setsockopt(socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms);
    zmq_close(socket);
}

static void close_server(struct server *server)
{
    committer_close(server->committer);
    reader_close(server->reader);
    close_ingest(server->ingest);
    sock_close(server->dropoff);
    sock_close(server->control);
    sock_close(server->zap);
    if (server->context)
        zmq_ctx_term(server->context);
    pipeline_close(server->pipeline);
    roles_close(server->roles);
    group_close_memory(server->groups[0]);
    group_close_memory(server->groups[1]);
    answer_buffer_close(server->answer_bytes);
    config_close(server->reloaded);
    if (server->signal_fd >= 0)
        close(server->signal_fd);
    if (server->timer_fd >= 0)
        close(server->timer_fd);
}

enum status serve_run(const struct serve_options *options, struct error *error)
{
    struct server server = {.options = options, .signal_fd = -1, .timer_fd = -1};
    enum status status = open_descriptors(&server, error);
    if (status == STATUS_OK)
        status = open_state(&server, error);
    if (status == STATUS_OK)
        status = open_sockets(&server, error);
    if (status == STATUS_OK) {
        log_info("ready", LOG_UINT("learners", pipeline_learner_count(server.pipeline)),
                 LOG_UINT("sessions", pipeline_session_count(server.pipeline)),
                 LOG_UINT("publishers", roles_listed_count(server.roles, ROLE_PUBLISHER)));
        status = loop(&server, error);
        drain(&server);
        log_info("stopped", LOG_UINT("events", *counted(&server, COUNTER_EVENTS)));
    }
    close_server(&server);
    return status;
}
