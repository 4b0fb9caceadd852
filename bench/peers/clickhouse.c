/* clickhouse - a MergeTree by module and learner, INSERT ... FORMAT RowBinary over HTTP, a request a batch.
 *
 * ClickHouse 18.16 acknowledges when the part is in the page cache; it has no setting that syncs. So there is no durable
 * variant. Small batches are no use of it: each makes a part, and past 300 parts it delays, then refuses. */
#include "bench/peers/net.h"
#include "bench/peers/peer.h"

#include <math.h>
#include <stdlib.h>

enum {
    ANSWER_BYTES = 1 << 20
};

struct head {
    bool good, chunked;
    size_t size; /* where it is not chunked */
};

static enum status read_head(struct net *net, struct head *head, struct error *error)
{
    const char *line;
    enum status status = net_line(net, &line, error);
    if (status != STATUS_OK)
        return status;
    *head = (struct head){.good = strncmp(line, "HTTP/1.1 200", 12) == 0};
    while ((status = net_line(net, &line, error)) == STATUS_OK && *line) {
        if (strcmp(line, "Transfer-Encoding: chunked") == 0)
            head->chunked = true;
        else if (strncmp(line, "Content-Length: ", 16) == 0)
            head->size = strtoull(line + 16, NULL, 10);
    }
    return status;
}

/* Appends a piece of the body to the answer. */
static enum status read_piece(struct net *net, size_t size, char answer[ANSWER_BYTES], size_t *used,
                              struct error *error)
{
    if (*used + size + 1 > ANSWER_BYTES)
        return error_set(error, STATUS_PROTOCOL, "clickhouse: an answer of more than %d bytes", ANSWER_BYTES);
    enum status status = net_read(net, answer + *used, size, error);
    *used += size;
    answer[*used] = '\0';
    return status;
}

static enum status read_body(struct net *net, const struct head *head, char answer[ANSWER_BYTES], struct error *error)
{
    size_t used = 0, size = head->size;
    const char *line;
    if (!head->chunked)
        return read_piece(net, size, answer, &used, error);
    do {
        enum status status = net_line(net, &line, error);
        size = status == STATUS_OK ? strtoull(line, NULL, 16) : 0;
        if (status == STATUS_OK)
            status = read_piece(net, size, answer, &used, error);
        if (status == STATUS_OK)
            status = net_line(net, &line, error);
        if (status != STATUS_OK)
            return status;
    } while (size > 0);
    return STATUS_OK;
}

/* One request on the open connection; the body of the answer is in `answer`, NUL at its end. */
static enum status request(struct net *net, const char *query, struct slice body, char answer[ANSWER_BYTES],
                           struct error *error)
{
    struct head head = {0};
    char *text =
        mem_text("POST /?query=%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n", query, body.size);
    enum status status = net_write(net, text, strlen(text), error);
    free(text);
    if (status == STATUS_OK)
        status = net_write(net, body.data, body.size, error);
    if (status == STATUS_OK)
        status = read_head(net, &head, error);
    if (status == STATUS_OK)
        status = read_body(net, &head, answer, error);
    if (status == STATUS_OK && !head.good)
        status = error_set(error, STATUS_DATA, "clickhouse: %.200s", answer);
    return status;
}

struct clickhouse {
    struct net *net;
    char answer[ANSWER_BYTES];
};

static enum status clickhouse_open(const struct peer_settings *settings, void **state, struct error *error)
{
    uint16_t port = net_port(settings->at);
    if (port == 0)
        return error_set(error, STATUS_USAGE, "--at %s: not 127.0.0.1:PORT", settings->at);
    if (settings->durable)
        return error_set(error, STATUS_USAGE, "this version syncs nothing: --relaxed only");
    struct clickhouse *clickhouse = mem_new(1, sizeof *clickhouse);
    *state = clickhouse;
    enum status status = net_open(port, &clickhouse->net, error);
    if (status != STATUS_OK)
        return status;
    return request(clickhouse->net, "",
                   slice_of_text("CREATE TABLE events (time Int64, learner String, module String, part String,"
                                 " kind UInt8, value UInt32) ENGINE = MergeTree"
                                 " PARTITION BY tuple() ORDER BY (module, learner)"),
                   clickhouse->answer, error);
}

static void add_string(struct peer_bytes *out, const char *text, size_t size)
{
    uint8_t length = (uint8_t)size; /* a varint of less than 128 */
    peer_bytes_add(out, &length, 1);
    peer_bytes_add(out, text, size);
}

static void clickhouse_encode(const struct peer_settings *settings, const struct peer_load *load,
                              const struct peer_event *events, uint64_t count, struct peer_bytes *out)
{
    (void)settings;
    for (uint64_t i = 0; i < count; i++) {
        const struct peer_event *event = &events[i];
        const struct peer_content *content = &load->contents[event->content];
        peer_bytes_add(out, &event->time_ms, 8);
        add_string(out, event->learner, event->learner_size);
        add_string(out, content->text, content->module_size);
        add_string(out, content->text + content->part, (size_t)content->size - content->part);
        peer_bytes_add(out, &event->kind, 1);
        peer_bytes_add(out, &event->value, 4);
    }
}

static enum status clickhouse_put(void *state, const struct peer_load *load, const struct peer_batch *batch,
                                  struct error *error)
{
    (void)load;
    struct clickhouse *clickhouse = state;
    return request(clickhouse->net, "INSERT%20INTO%20events%20FORMAT%20RowBinary", batch->bytes, clickhouse->answer,
                   error);
}

static enum status number(struct clickhouse *clickhouse, const char *sql, uint64_t *value, struct error *error)
{
    enum status status = request(clickhouse->net, "", slice_of_text(sql), clickhouse->answer, error);
    if (status == STATUS_OK)
        *value = strtoull(clickhouse->answer, NULL, 10);
    return status;
}

static enum status clickhouse_settle(void *state, uint64_t events, uint64_t *bytes, struct error *error)
{
    struct clickhouse *clickhouse = state;
    uint64_t there = 0;
    enum status status = number(clickhouse, "SELECT count() FROM events", &there, error);
    if (status == STATUS_OK && there != events)
        return error_set(error, STATUS_DATA, "clickhouse holds %llu events of %llu", (unsigned long long)there,
                         (unsigned long long)events);
    if (status == STATUS_OK)
        status = request(clickhouse->net, "", slice_of_text("OPTIMIZE TABLE events FINAL"), clickhouse->answer, error);
    if (status == STATUS_OK)
        status = number(clickhouse, "SELECT sum(bytes_on_disk) FROM system.parts WHERE active AND table = 'events'",
                        bytes, error);
    return status;
}

static enum status clickhouse_ask(void *state, int64_t from_ms, int64_t to_ms, struct peer_answers *answers,
                                  struct error *error)
{
    struct clickhouse *clickhouse = state;
    char *query =
        mem_text("SELECT module, count(), sum(opens), quantileExactIf(0.5)(dwell, dwells > 0), sum(dwells > 0)"
                 " FROM (SELECT module, learner, countIf(kind = 0) AS opens,"
                 "  sumIf(least(value, 1800000), kind = 1) AS dwell, countIf(kind = 1) AS dwells FROM events"
                 "  WHERE kind <= 1 AND time < %lld AND time + if(kind = 1, least(value, 1800000), 1) > %lld"
                 "  GROUP BY module, learner) GROUP BY module FORMAT TabSeparated",
                 (long long)to_ms, (long long)from_ms);
    enum status status = request(clickhouse->net, "", slice_of_text(query), clickhouse->answer, error);
    free(query);
    for (char *line = clickhouse->answer, *end; status == STATUS_OK && *line; line = end + (*end == '\n')) {
        end = line + strcspn(line, "\n");
        size_t size = strcspn(line, "\t");
        struct peer_answer *answer = peer_answer(answers, line, size);
        if (!answer)
            return error_set(error, STATUS_DATA, "clickhouse answers %.60s", line);
        char *at = line + size;
        answer->learners = strtoull(at, &at, 10);
        answer->opens = strtoull(at, &at, 10);
        double median = strtod(at, &at);
        answer->median_ms = strtoull(at, &at, 10) > 0 ? median : (double)NAN;
        if (at != end)
            return error_set(error, STATUS_DATA, "clickhouse answers %.60s", line);
    }
    return status;
}

static void clickhouse_close(void *state)
{
    struct clickhouse *clickhouse = state;
    net_close(clickhouse->net);
    free(clickhouse);
}

int main(int argc, char **argv)
{
    static const struct peer peer = {.name = "clickhouse",
                                     .at = "127.0.0.1:PORT of the server's HTTP",
                                     .open = clickhouse_open,
                                     .encode = clickhouse_encode,
                                     .put = clickhouse_put,
                                     .settle = clickhouse_settle,
                                     .ask = clickhouse_ask,
                                     .close = clickhouse_close};
    return peer_main(&peer, argc, argv);
}
