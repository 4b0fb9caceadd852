#include "collector/serve_inner.h"

#include "common/logline.h"

enum {
    /* So many take about as long to receive as to write. Were all that waits taken before an idle committer gets
     * something, one group would hold the publishers' whole windows, and nothing would come while it is written; were
     * it handed over at once, small batches would pay for many small groups. */
    WORTH_EVENTS = 8192,
};

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
    *serve_counter(server, COUNTER_UNSENT) += sent ? 0 : 1;
}

/* Whatever was taken may or may not be stored: to be sent again, it will be a duplicate or be taken. */
static void turn_busy(struct server *server, struct group *group)
{
    uint32_t retry_ms = (uint32_t)config_whole(serve_config(server), CONFIG_RETRY_MS);
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

void serve_clear_group(struct server *server, struct group *group)
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
    ++*serve_counter(server, COUNTER_FAILED_GROUPS);
    log_alarm("the store failed; answering busy and opening it again", LOG_TEXT("error", error->text));
    turn_busy(server, server->open);
    send_answers(server, server->open);
    serve_clear_group(server, server->open);
    serve_turn_parked(server);
    send_answers(server, server->open);
    serve_clear_group(server, server->open);
    close_store(server);
}

void serve_turn_parked(struct server *server)
{
    resolver_recall(server->resolver);
    pipeline_turn_parked(server->pipeline);
}

void serve_limit_log(struct server *server)
{
    if (server->options->store->log)
        eventlog_limit(server->options->store->log, (uint64_t)config_whole(serve_config(server), CONFIG_SEGMENT_BYTES));
}

void serve_try_store_again(struct server *server)
{
    struct store_options options = {.create = false, .pseudonym_key = server->options->keys->pseudonym};
    struct error error;
    if (server->options->store->log)
        return;
    reader_pause(server->reader);
    /* Where it stands is as it was at the start, whatever SIGHUP read since. */
    enum status status = store_open(server->options->config, &options, server->options->store, &error);
    if (status == STATUS_OK)
        serve_limit_log(server);
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

/* The open group to the committer, which must be idle; the other one is open then. */
static void submit(struct server *server)
{
    group_freeze(server->open, server->roles);
    committer_submit(server->committer, server->open);
    server->open = server->open == server->groups[0] ? server->groups[1] : server->groups[0];
    pipeline_fill(server->pipeline, server->open);
}

bool serve_worth_writing(const struct server *server)
{
    return server->open->event_count >= WORTH_EVENTS;
}

/* A next group that is worth it is written while the answers of this one leave. */
void serve_finish_group(struct server *server, struct group *group)
{
    struct error broken;
    if (group->result == STATUS_OK) {
        pipeline_durable(server->pipeline, group);
        if (serve_worth_writing(server) && !pipeline_broken(server->pipeline, &broken))
            submit(server);
        send_answers(server, group);
        serve_clear_group(server, group);
        return;
    }
    turn_busy(server, group);
    send_answers(server, group);
    struct error error = group->error;
    serve_clear_group(server, group);
    fail_store(server, &error);
}

void serve_take_back(struct server *server)
{
    struct group *group = committer_take(server->committer);
    if (group)
        serve_finish_group(server, group);
}

void serve_hand_over(struct server *server)
{
    struct error error;
    if (pipeline_broken(server->pipeline, &error) && committer_idle(server->committer))
        fail_store(server, &error);
    if (!group_empty(server->open) && committer_idle(server->committer))
        submit(server);
}
