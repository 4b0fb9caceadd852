#include "collector/serve_inner.h"

#include "collector/control.h"
#include "common/logline.h"

#include <stdio.h>

enum {
    DAY_MS = 24 * 3600 * 1000,
    TOLD_TICKS = 60, /* seconds */
};

void serve_apply_limits(struct server *server)
{
    const struct config *config = serve_config(server);
    bool import = config_switch(config, CONFIG_IMPORT) ||
                  (server->options->store->log && eventlog_import(server->options->store->log));
    struct pipeline_limits limits = {
        .retention_ms = import ? 0 : config_whole(config, CONFIG_RETENTION_DAYS) * DAY_MS,
        .max_sessions = (uint32_t)config_whole(config, CONFIG_MAX_SESSIONS),
        .max_learners = (uint32_t)config_whole(config, CONFIG_MAX_LEARNERS),
        .max_new_learners = (uint32_t)config_whole(config, CONFIG_MAX_NEW_LEARNERS),
        .retry_ms = (uint32_t)config_whole(config, CONFIG_RETRY_MS),
        .rates = {.events = (uint64_t)config_whole(config, CONFIG_PUBLISHER_EVENTS),
                  .bytes = (uint64_t)config_whole(config, CONFIG_PUBLISHER_BYTES)},
        .session_ms = config_whole(config, CONFIG_SESSION_DAYS) * DAY_MS,
    };
    pipeline_limit(server->pipeline, &limits);
    serve_limit_log(server);
}

enum status serve_reload(struct server *server, struct error *error)
{
    struct config *config;
    struct error of_keys;
    enum status status = server->options->reload(&config, error);
    if (status == STATUS_OK) {
        config_close(server->reloaded);
        server->reloaded = config;
        serve_apply_limits(server);
    }
    /* Whatever is wrong with the configuration, a key that was removed is out. */
    uint32_t max_publishers = (uint32_t)config_whole(serve_config(server), CONFIG_MAX_PUBLISHERS);
    reader_pause(server->reader);
    enum status keys_status = roles_reload(server->roles, max_publishers, &of_keys);
    reader_resume(server->reader);
    if (keys_status != STATUS_OK) {
        *error = of_keys;
        return keys_status;
    }
    if (status != STATUS_OK)
        return status;
    log_info("keys and limits were read again",
             LOG_UINT("publishers", roles_listed_count(server->roles, ROLE_PUBLISHER)));
    return STATUS_OK;
}

void serve_tell_gate(struct server *server)
{
    struct gate_counts gate = gate_counts(server->gate);
    bool soon = server->ended_told > 0 && server->ticks - server->ended_told_tick < TOLD_TICKS;
    if (gate.ended == server->ended_told || soon)
        return;
    log_warning("too many connections: those that had shown no key were ended",
                LOG_UINT("ended", gate.ended - server->ended_told), LOG_UINT("connections", gate.connections),
                LOG_UINT("max_connections", (uint64_t)config_whole(serve_config(server), CONFIG_MAX_CONNECTIONS)));
    server->ended_told = gate.ended;
    server->ended_told_tick = server->ticks;
}

static void add_store_fields(struct server *server, struct packer *answer)
{
    struct store *store = server->options->store;
    struct logstore_next next = store->log ? eventlog_next(store->log) : (struct logstore_next){0};
    struct logstore_identity identity = store->log ? eventlog_identity(store->log) : (struct logstore_identity){0};
    char log_id[2 * LOG_ID_BYTES + 1] = "";
    for (size_t i = 0; i < LOG_ID_BYTES; i++)
        snprintf(log_id + 2 * i, 3, "%02x", identity.log_id[i]);
    packer_pair_text(answer, "store", store->log ? "open" : "being opened again");
    packer_pair_text(answer, "log", log_id);
    packer_pair_natural(answer, "epoch", identity.epoch);
    packer_pair_natural(answer, "offset", next.offset);
    packer_pair_natural(answer, "learners", next.learners);
    packer_pair_natural(answer, "segments", store->log ? eventlog_segment_count(store->log) : 0);
    packer_pair_natural(answer, "lost_offsets", store->log ? eventlog_lost(store->log) : 0);
}

static struct packer *status_answer(struct server *server)
{
    const struct counters *counters = pipeline_counters(server->pipeline);
    struct packer *answer = control_answer("ok", "", 12 + COUNTER_COUNT + VERDICT_COUNT - 1);
    add_store_fields(server, answer);
    packer_pair_natural(answer, "uptime_s", (uint64_t)(clock_now_ms() - server->started_ms) / 1000);
    packer_pair_natural(answer, "publishers", roles_listed_count(server->roles, ROLE_PUBLISHER));
    packer_pair_natural(answer, "sessions", pipeline_session_count(server->pipeline));
    struct gate_counts gate = gate_counts(server->gate);
    packer_pair_natural(answer, "connections", gate.connections);
    packer_pair_natural(answer, "connections_ended", gate.ended);
    for (unsigned i = 0; i < COUNTER_COUNT; i++)
        packer_pair_natural(answer, counter_name((enum counter)i), counters->count[i]);
    for (unsigned i = 1; i < VERDICT_COUNT; i++) {
        char name[64];
        snprintf(name, sizeof name, "rejected_%s", verdict_name((enum verdict)i));
        packer_pair_natural(answer, name, counters->verdicts[i]);
    }
    return answer;
}

static struct packer *control_answer_to(struct server *server, struct slice request)
{
    enum control_op op;
    struct error error;
    if (control_read(request, &op, &error) != STATUS_OK)
        return control_answer("malformed", error.text, 0);
    if (op == CONTROL_STATUS)
        return status_answer(server);
    return serve_reload(server, &error) == STATUS_OK ? control_answer("ok", "", 0)
                                                     : control_answer("failed", error.text, 0);
}

void serve_take_control(struct server *server)
{
    struct message message;
    while (serve_receive(server->control, &message)) {
        const char *user = zmq_msg_gets(&message.payload, "User-Id");
        if (user && roles_listed(server->roles, ROLE_ADMIN, user)) {
            struct packer *answer = control_answer_to(server, serve_payload(&message.payload));
            struct slice bytes = packer_bytes(answer);
            if (zmq_send(server->control, message.from.routing_id, message.from.size, ZMQ_SNDMORE | ZMQ_DONTWAIT) >=
                0) {
                if (message.from.delimiter)
                    zmq_send(server->control, "", 0, ZMQ_SNDMORE | ZMQ_DONTWAIT);
                zmq_send(server->control, bytes.data, bytes.size, ZMQ_DONTWAIT);
            }
            packer_close(answer);
        }
        zmq_msg_close(&message.payload);
    }
}
