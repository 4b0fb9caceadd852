/* pipe - the raw ZeroMQ pipe: the loader's messages over TCP loopback from PUSH to PULL, and no work.
 *
 * What no collector on this machine can beat. Prints `name value` lines: events, seconds, events_per_s,
 * message_bytes_per_event. From the first message received to the last.
 */
#include "bench/batches.h"
#include "common/cli.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zmq.h>

enum {
    ENDPOINT_BYTES = 64,
    QUEUE_MESSAGES = 256
};

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "bench-pipe: %s: %s\n", what, zmq_strerror(zmq_errno()));
    exit(EX_OSERR);
}

static void *open_socket(void *context, int type)
{
    int queue = QUEUE_MESSAGES, linger_ms = 10000;
    void *socket = zmq_socket(context, type);
    if (!socket || zmq_setsockopt(socket, ZMQ_SNDHWM, &queue, sizeof queue) != 0 ||
        zmq_setsockopt(socket, ZMQ_RCVHWM, &queue, sizeof queue) != 0 ||
        zmq_setsockopt(socket, ZMQ_LINGER, &linger_ms, sizeof linger_ms) != 0)
        fail("a socket");
    return socket;
}

/* The other process: sends everything, then ends. */
static _Noreturn void push(struct batches *batches, int endpoint_fd)
{
    static const uint8_t session[SESSION_BYTES] = {1};
    char endpoint[ENDPOINT_BYTES] = "";
    if (read(endpoint_fd, endpoint, sizeof endpoint) != sizeof endpoint)
        exit(EX_OSERR);
    void *context = zmq_ctx_new(), *socket = open_socket(context, ZMQ_PUSH);
    if (zmq_connect(socket, endpoint) != 0)
        fail(endpoint);
    for (size_t i = 0; i < batches->count; i++) {
        struct encode_head head = {.session = session, .seq = i + 1, .acked = i, .sent_ms = clock_now_ms()};
        struct slice bytes = batches_message(batches, i, head);
        zmq_msg_t message;
        zmq_msg_init_data(&message, batches->bytes + (bytes.data - batches->bytes), bytes.size, NULL, NULL);
        if (zmq_msg_send(&message, socket, 0) < 0)
            fail("sending");
    }
    zmq_close(socket);
    zmq_ctx_term(context);
    exit(EX_OK);
}

/* Receives `count` messages; from the first to the last, in ns. */
static int64_t pull(void *socket, size_t count, uint64_t *bytes)
{
    int64_t started_ns = 0;
    for (size_t i = 0; i < count; i++) {
        zmq_msg_t message;
        zmq_msg_init(&message);
        if (zmq_msg_recv(&message, socket, 0) < 0)
            fail("receiving");
        *bytes += zmq_msg_size(&message);
        zmq_msg_close(&message);
        if (i == 0)
            started_ns = clock_mono_ns();
    }
    return clock_mono_ns() - started_ns;
}

static void print_results(const struct batches *batches, int64_t took_ns, uint64_t bytes)
{
    double seconds = (double)took_ns / 1e9;
    uint64_t events = batches->events - batches->list[0].events; /* the first started the clock */
    printf("events %" PRIu64 "\nseconds %.3f\nevents_per_s %.0f\nmessage_bytes_per_event %.1f\n", batches->events,
           seconds, (double)events / seconds, (double)bytes / (double)batches->events);
}

static void check(bool as_expected, const char *what)
{
    if (as_expected)
        return;
    fprintf(stderr, "bench-pipe: %s\n", what);
    exit(EX_DATAERR);
}

static void prepare(const struct settings *settings, struct batches *batches)
{
    struct error error;
    struct workload *workload;
    if (workload_open(settings, WORKLOAD_INDEPENDENT, clock_now_ms(), &workload, &error) != STATUS_OK)
        exit(cli_fail(&error));
    batches_deal(workload, (uint32_t)settings->batch, batches, 1);
    workload_close(workload);
    check(batches->count >= 2, "at least two batches are needed: --events");
}

static error_t on_option(int key, char *text, struct argp_state *state)
{
    struct settings *settings = state->input;
    if (key == ARGP_KEY_INIT)
        state->child_inputs[0] = settings;
    else if (key == 'e')
        settings->events = settings_number(state, "events", text, 1, SETTINGS_MAX_EVENTS);
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

int main(int argc, char **argv)
{
    static const struct argp_option options[] = {{"events", 'e', "N", 0, "how many (2000000)", 0}, {0}};
    static const struct argp_child children[] = {{&settings_argp, 0, NULL, 0}, {0}};
    static const struct argp argp = {
        options,  on_option, NULL, "What ZeroMQ carries from PUSH to PULL over TCP, without any work.",
        children, NULL,      NULL};
    struct settings settings = settings_default;
    struct batches batches = {0};
    cli_start("bench-pipe");
    argp_parse(&argp, argc, argv, 0, NULL, &settings);
    prepare(&settings, &batches);
    int ends[2];
    check(pipe(ends) == 0, "no pipe to the other process");
    pid_t child = fork();
    check(child >= 0, "no other process");
    if (child == 0)
        push(&batches, ends[0]);
    void *context = zmq_ctx_new(), *socket = open_socket(context, ZMQ_PULL);
    char endpoint[ENDPOINT_BYTES] = "";
    size_t size = sizeof endpoint;
    if (zmq_bind(socket, "tcp://127.0.0.1:*") != 0 || zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, endpoint, &size) != 0)
        fail("tcp://127.0.0.1:*");
    check(write(ends[1], endpoint, sizeof endpoint) == sizeof endpoint, "the other process has gone");
    uint64_t bytes = 0;
    int64_t took_ns = pull(socket, batches.count, &bytes);
    int status;
    check(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0,
          "the sending process failed");
    print_results(&batches, took_ns, bytes);
    zmq_close(socket);
    zmq_ctx_term(context);
    batches_close(&batches);
    return EX_OK;
}
