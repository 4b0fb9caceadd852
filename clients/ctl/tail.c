#include "clients/ctl/ctl.h"

#include "common/fetch.h"
#include "common/sock.h"

#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum {
    WAIT_MS = 2000,
    ANSWER_TIMEOUT_MS = 10000,
};

/* Pseudonyms are made anew for each run: SipHash of the learner's number under a random key, so that two runs, or a run
 * and the log, cannot be joined by them. */
struct tail {
    struct startup startup;
    uint64_t limit, shown; /* 0: without end */
    bool json;
    uint8_t salt[crypto_shorthash_KEYBYTES];
    struct fetch_request request;
    struct block_buffer buffer;
};

static const struct argp_option options[] = {
    {"count", 'n', "N", 0, "Stop after N events", 0},
    {"json", 'j', NULL, 0, "One JSON object a line", 0},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct tail *tail = state->input;
    char *end;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &tail->startup;
        return 0;
    case 'n':
        tail->limit = strtoull(value, &end, 10);
        if (*end != '\0' || tail->limit == 0)
            argp_error(state, "--count takes a whole number of events");
        return 0;
    case 'j':
        tail->json = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static uint64_t tag_of(const struct tail *tail, uint32_t learner)
{
    uint64_t tag;
    crypto_shorthash((uint8_t *)&tag, (const uint8_t *)&learner, sizeof learner, tail->salt);
    return tag & 0xffffffff;
}

static void print_event(const struct tail *tail, const struct block_columns *columns, uint32_t i)
{
    char moment[32];
    enum kind kind = (enum kind)columns->kind[i];
    struct slice path = columns->paths[columns->content[i]];
    time_t seconds = (time_t)(columns->time_ms[i] / 1000);
    struct tm utc;
    strftime(moment, sizeof moment, "%Y-%m-%dT%H:%M:%S", gmtime_r(&seconds, &utc));
    if (tail->json)
        printf("{\"time\":\"%s.%03dZ\",\"learner\":\"%08" PRIx64 "\",\"kind\":\"%s\",\"content\":\"%.*s\"", moment,
               (int)(columns->time_ms[i] % 1000), tag_of(tail, columns->learner[i]), kind_name(kind), (int)path.size,
               (const char *)path.data);
    else
        printf("%s.%03dZ  %08" PRIx64 "  %-10s %.*s", moment, (int)(columns->time_ms[i] % 1000),
               tag_of(tail, columns->learner[i]), kind_name(kind), (int)path.size, (const char *)path.data);
    if (kind_has_value(kind))
        printf(tail->json ? ",\"value\":%u" : "  %u", columns->value[i]);
    printf(tail->json ? "}\n" : "\n");
}

static bool enough(const struct tail *tail)
{
    return tail->limit > 0 && tail->shown >= tail->limit;
}

static enum status print_record(struct tail *tail, struct slice record, struct error *error)
{
    struct record_header header;
    struct block_columns columns;
    enum status status = record_open(record, &header, error);
    if (status != STATUS_OK || header.kind != RECORD_EVENTS)
        return status;
    status = block_decode(record, &header, &tail->buffer, &columns, error);
    for (uint32_t i = 0; status == STATUS_OK && i < columns.count && !enough(tail); i++, tail->shown++)
        print_event(tail, &columns, i);
    fflush(stdout);
    return status;
}

static enum status ask(struct tail *tail, const char *endpoint, struct sock_parts *parts, struct fetch_answer *answer,
                       struct error *error)
{
    struct sock_options socket = {.max_message_bytes = BLOCK_MAX_BYTES};
    struct slice request = fetch_request_encode(&tail->request);
    enum status status = sock_ask(endpoint, &socket, request, ANSWER_TIMEOUT_MS, parts, error);
    free((void *)(uintptr_t)request.data);
    if (status != STATUS_OK)
        return status;
    status = fetch_answer_decode(parts->part[0], answer, error);
    if (status == STATUS_OK && answer->status != FETCH_OK)
        status = error_set(error, answer->status == FETCH_FORKED ? STATUS_FORKED : STATUS_UNAVAILABLE,
                           "the collector says: %.*s", (int)answer->detail.size, (const char *)answer->detail.data);
    if (status != STATUS_OK)
        sock_parts_free(parts);
    return status;
}

/* Where the log ends now: what is stored from here on is shown. */
static enum status find_end(struct tail *tail, const char *endpoint, struct error *error)
{
    struct sock_parts parts;
    struct fetch_answer answer;
    enum status status = ask(tail, endpoint, &parts, &answer, error);
    if (status != STATUS_OK)
        return status;
    memcpy(tail->request.log_id, answer.log_id, LOG_ID_BYTES);
    tail->request.has_log = true;
    tail->request.epoch = answer.epoch;
    tail->request.offset = answer.durable;
    tail->request.learners = 0;
    sock_parts_free(&parts);
    return STATUS_OK;
}

static enum status follow(struct tail *tail, const char *endpoint, struct error *error)
{
    tail->request = (struct fetch_request){.max_bytes = 1};
    enum status status = find_end(tail, endpoint, error);
    tail->request.max_bytes = FETCH_MAX_BYTES;
    tail->request.wait_ms = WAIT_MS;
    while (status == STATUS_OK && !enough(tail)) {
        struct sock_parts parts;
        struct fetch_answer answer;
        status = ask(tail, endpoint, &parts, &answer, error);
        if (status != STATUS_OK)
            break;
        tail->request.learners += (uint32_t)(answer.learners.size / LID_BYTES);
        tail->request.offset = answer.next;
        for (size_t i = 1; i < parts.count && status == STATUS_OK; i++)
            status = print_record(tail, parts.part[i], error);
        sock_parts_free(&parts);
    }
    return status;
}

int ctl_tail(int argc, char **argv)
{
    static const struct argp_child children[] = {{&startup_argp, 0, NULL, 10}, {0}};
    static const struct argp argp = {
        options,
        parse,
        NULL,
        "Shows events as they are stored. Learners appear under tags that are made anew for "
        "each run and lead nowhere.",
        children,
        NULL,
        NULL};
    struct tail tail = {0};
    struct config *config = NULL;
    struct error error;
    argp_parse(&argp, argc, argv, 0, NULL, &tail);
    randombytes_buf(tail.salt, sizeof tail.salt);
    enum status status = startup_config(&tail.startup, &config, &error);
    if (status == STATUS_OK)
        status = follow(&tail, config_text(config, CONFIG_READER), &error);
    block_buffer_close(&tail.buffer);
    config_close(config);
    startup_close(&tail.startup);
    return status == STATUS_OK ? 0 : cli_fail(&error);
}
