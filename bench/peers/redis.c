/* redis - one stream, XADD of five fields an event, MULTI … EXEC around a batch: written at once, then all answers are
 * read. Without MULTI there is an fsync for every 16 KiB that it reads.
 *
 * The server is started with appendonly; durable: appendfsync always: fsynced before the answers of EXEC leave. Relaxed:
 * everysec. A stream keeps its fields' names once for entries that share them. It answers
 * no question of this kind: a program would have to read it all. */
#include "bench/peers/net.h"
#include "bench/peers/peer.h"

#include <stdlib.h>

enum {
    FIELDS = 5
};

static enum status redis_open(const struct peer_settings *settings, void **state, struct error *error)
{
    struct net *net;
    uint16_t port = net_port(settings->at);
    if (port == 0)
        return error_set(error, STATUS_USAGE, "--at %s: not 127.0.0.1:PORT", settings->at);
    enum status status = net_open(port, &net, error);
    if (status == STATUS_OK)
        *state = net;
    return status;
}

static void add_string(struct peer_bytes *out, const char *text, size_t size)
{
    char head[32];
    int length = snprintf(head, sizeof head, "$%zu\r\n", size);
    peer_bytes_add(out, head, (size_t)length);
    peer_bytes_add(out, text, size);
    peer_bytes_add(out, "\r\n", 2);
}

static void add_field(struct peer_bytes *out, const char *name, const char *text, size_t size)
{
    add_string(out, name, strlen(name));
    add_string(out, text, size);
}

static void add_number(struct peer_bytes *out, const char *name, int64_t value)
{
    char digits[24];
    add_field(out, name, digits, (size_t)snprintf(digits, sizeof digits, "%lld", (long long)value));
}

static void redis_encode(const struct peer_settings *settings, const struct peer_load *load,
                         const struct peer_event *events, uint64_t count, struct peer_bytes *out)
{
    static const char multi[] = "*1\r\n$5\r\nMULTI\r\n", exec[] = "*1\r\n$4\r\nEXEC\r\n";
    (void)settings;
    peer_bytes_add(out, multi, sizeof multi - 1);
    for (uint64_t i = 0; i < count; i++) {
        const struct peer_event *event = &events[i];
        const struct peer_content *content = &load->contents[event->content];
        char head[16];
        peer_bytes_add(out, head, (size_t)snprintf(head, sizeof head, "*%d\r\n", 3 + 2 * FIELDS));
        add_string(out, "XADD", 4);
        add_string(out, "events", 6);
        add_string(out, "*", 1);
        add_number(out, "t", event->time_ms);
        add_field(out, "l", event->learner, event->learner_size);
        add_field(out, "c", content->text, content->size);
        add_number(out, "k", event->kind);
        add_number(out, "v", event->value);
    }
    peer_bytes_add(out, exec, sizeof exec - 1);
}

/* A line that begins with `first`; *number: what follows. */
static enum status expect(struct net *net, char first, uint64_t *number, struct error *error)
{
    const char *line;
    enum status status = net_line(net, &line, error);
    if (status == STATUS_OK && line[0] != first)
        status = error_set(error, STATUS_DATA, "redis: %s", line);
    if (status == STATUS_OK)
        *number = strtoull(line + 1, NULL, 10);
    return status;
}

/* Nothing is read while a batch is written: the server keeps its answers in memory meanwhile, without a bound. */
static enum status redis_put(void *state, const struct peer_load *load, const struct peer_batch *batch,
                             struct error *error)
{
    (void)load;
    struct net *net = state;
    uint64_t number = 0;
    enum status status = net_write(net, batch->bytes.data, batch->bytes.size, error);
    for (uint64_t i = 0; status == STATUS_OK && i < batch->count + 1; i++) /* OK, then QUEUED of each */
        status = expect(net, '+', &number, error);
    if (status == STATUS_OK)
        status = expect(net, '*', &number, error);
    if (status == STATUS_OK && number != batch->count)
        return error_set(error, STATUS_DATA, "redis: not as many entries as events");
    for (uint64_t i = 0; status == STATUS_OK && i < batch->count; i++) {
        char id[64];
        status = expect(net, '$', &number, error);
        if (status == STATUS_OK && number + 2 > sizeof id)
            return error_set(error, STATUS_PROTOCOL, "redis: a long entry id");
        if (status == STATUS_OK)
            status = net_read(net, id, number + 2, error);
    }
    return status;
}

/* Its append-only file as it is; it would be rewritten now and then. */
static enum status read_size(struct net *net, uint64_t *bytes, struct error *error)
{
    static const char command[] = "*2\r\n$4\r\nINFO\r\n$11\r\npersistence\r\n", name[] = "aof_current_size:";
    uint64_t size = 0;
    char text[4096];
    enum status status = net_write(net, command, sizeof command - 1, error);
    if (status == STATUS_OK)
        status = expect(net, '$', &size, error);
    if (status != STATUS_OK || size + 2 > sizeof text)
        return status != STATUS_OK ? status : error_set(error, STATUS_PROTOCOL, "redis: a long INFO");
    status = net_read(net, text, size + 2, error);
    text[size] = '\0';
    const char *found = status == STATUS_OK ? strstr(text, name) : NULL;
    if (found)
        *bytes = strtoull(found + sizeof name - 1, NULL, 10);
    return found ? STATUS_OK : error_set(error, STATUS_DATA, "redis: no size of its append-only file");
}

static enum status redis_settle(void *state, uint64_t events, uint64_t *bytes, struct error *error)
{
    struct net *net = state;
    static const char command[] = "*2\r\n$4\r\nXLEN\r\n$6\r\nevents\r\n";
    uint64_t there = 0;
    enum status status = net_write(net, command, sizeof command - 1, error);
    if (status == STATUS_OK)
        status = expect(net, ':', &there, error);
    if (status == STATUS_OK && there != events)
        status = error_set(error, STATUS_DATA, "redis holds %llu events of %llu", (unsigned long long)there,
                           (unsigned long long)events);
    return status == STATUS_OK ? read_size(net, bytes, error) : status;
}

static void redis_close(void *state)
{
    net_close(state);
}

int main(int argc, char **argv)
{
    static const struct peer peer = {.name = "redis",
                                     .at = "127.0.0.1:PORT of the server",
                                     .open = redis_open,
                                     .encode = redis_encode,
                                     .put = redis_put,
                                     .settle = redis_settle,
                                     .close = redis_close};
    return peer_main(&peer, argc, argv);
}
