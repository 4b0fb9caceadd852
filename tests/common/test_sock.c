#include "common/sock.h"
#include "tests/scratch.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <zmq.h>

static void *context;
static char *folder;
static struct error error;

static void begin(void)
{
    context = zmq_ctx_new();
    folder = scratch_make();
}
static void end(void)
{
    zmq_ctx_term(context);
    scratch_remove(folder);
}
TestSuite(sock, .init = begin, .fini = end, .timeout = 30);

static void *open_plain(int type)
{
    void *socket = NULL;
    cr_assert_eq(sock_open(context, &(struct sock_options){.type = type}, &socket, &error), STATUS_OK, "%s",
                 error.text);
    return socket;
}

static char *ipc_endpoint(const char *name)
{
    return mem_text("ipc://%s/%s", folder, name);
}

static int64_t option(void *socket, int name, size_t size)
{
    int64_t value = 0;
    cr_assert_eq(zmq_getsockopt(socket, name, &value, &size), 0);
    return value;
}

Test(sock, every_socket_is_bounded)
{
    void *socket = open_plain(ZMQ_ROUTER);
    cr_assert_eq(option(socket, ZMQ_MAXMSGSIZE, 8), 1 << 20);
    cr_assert_eq(option(socket, ZMQ_SNDHWM, 4), 8);
    cr_assert_eq(option(socket, ZMQ_RCVHWM, 4), 8);
    cr_assert_eq(option(socket, ZMQ_LINGER, 4), 0);
    cr_assert_eq(option(socket, ZMQ_HANDSHAKE_IVL, 4), 2000);
    cr_assert_lt(option(socket, ZMQ_HEARTBEAT_TTL, 4), 65600);
    sock_close(socket);
    struct sock_options options = {.type = ZMQ_DEALER, .max_message_bytes = 1 << 24, .high_water_mark = 100};
    cr_assert_eq(sock_open(context, &options, &socket, &error), STATUS_OK);
    cr_assert_eq(option(socket, ZMQ_MAXMSGSIZE, 8), 1 << 24);
    cr_assert_eq(option(socket, ZMQ_SNDHWM, 4), 100);
    sock_close(socket);
    sock_close(NULL);
}

Test(sock, which_endpoints_stay_on_this_machine)
{
    static const char *const local[] = {"ipc:///run/x.sock", "inproc://x", "tcp://127.0.0.1:7411", "tcp://127.9.8.7:*",
                                        "tcp://localhost:1"};
    static const char *const remote[] = {"tcp://0.0.0.0:7411",       "tcp://*:7411",           "tcp://10.0.0.1:7411",
                                         "tcp://127.0.0.1",          "tcp://127.0.0.1.evil:1", "tcp://lo:7411",
                                         "tcp://127.0.0.1:0;10.1:1", "udp://127.0.0.1:1",      "",
                                         "tcp://localhost.example:1"};
    for (size_t i = 0; i < ARRAY_COUNT(local); i++)
        cr_assert(sock_endpoint_is_local(local[i]), "%s", local[i]);
    for (size_t i = 0; i < ARRAY_COUNT(remote); i++)
        cr_assert_not(sock_endpoint_is_local(remote[i]), "%s", remote[i]);
    cr_assert_str_eq(sock_ipc_path("ipc:///a/b"), "/a/b");
    cr_assert_null(sock_ipc_path("tcp://127.0.0.1:1"));
}

Test(sock, an_ipc_endpoint_gets_a_private_folder_and_file)
{
    char *endpoint = ipc_endpoint("run/deep/x.sock");
    struct stat file;
    void *socket = open_plain(ZMQ_ROUTER);
    umask(0);
    cr_assert_eq(sock_bind(socket, endpoint, &error), STATUS_OK, "%s", error.text);
    cr_assert_eq(umask(0), 0, "the umask comes back");
    cr_assert_eq(stat(sock_ipc_path(endpoint), &file), 0);
    cr_assert_eq(file.st_mode & 07777, 0600);
    char *run = scratch_path(folder, "run");
    cr_assert_eq(stat(run, &file), 0);
    cr_assert_eq(file.st_mode & 07777, 0700);
    sock_close(socket);
    free(run), free(endpoint);
}

Test(sock, an_ipc_endpoint_in_use_is_refused_and_a_stale_one_taken)
{
    char *endpoint = ipc_endpoint("x.sock");
    void *first = open_plain(ZMQ_ROUTER), *second = open_plain(ZMQ_ROUTER);
    cr_assert_eq(sock_bind(first, endpoint, &error), STATUS_OK);
    cr_assert_eq(sock_bind(second, endpoint, &error), STATUS_SYSTEM);
    cr_assert_not_null(strstr(error.text, "in use"));

    char *stale = ipc_endpoint("stale.sock");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strcpy(address.sun_path, sock_ipc_path(stale));
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(bind(fd, (const struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    cr_assert_eq(sock_bind(second, stale, &error), STATUS_OK, "%s", error.text);

    void *third = open_plain(ZMQ_ROUTER);
    char *precious = scratch_path(folder, "file"), *there = ipc_endpoint("file");
    scratch_write(precious, "data", 4, 0600);
    cr_assert_eq(sock_bind(third, there, &error), STATUS_CONFIG);
    cr_assert_eq(access(precious, R_OK), 0, "a file that is no socket stays");
    sock_close(first), sock_close(second), sock_close(third);
    free(endpoint), free(stale), free(precious), free(there);
}

Test(sock, what_cannot_be_bound_is_told_in_a_sentence)
{
    char long_path[200] = "ipc:///", bound[64];
    memset(long_path + 7, 'x', 107); /* one byte too many with the slash */
    void *first = open_plain(ZMQ_ROUTER), *socket = open_plain(ZMQ_ROUTER);
    cr_assert_eq(sock_bind(first, "tcp://127.0.0.1:*", &error), STATUS_OK);
    cr_assert_eq(sock_bound_endpoint(first, bound, sizeof bound, &error), STATUS_OK);
    struct {
        const char *endpoint;
        enum status status;
        const char *says;
    } cases[] = {
        {long_path, STATUS_CONFIG, "at most 107"},
        {bound, STATUS_SYSTEM, "in use"},
        {"tcp://203.0.113.9:7411", STATUS_CONFIG, "no such address"},
        {"tcp://127.0.0.1:99999", STATUS_CONFIG, "not an endpoint"},
        {"quack://x", STATUS_CONFIG, "not an endpoint"},
        {"127.0.0.1:7411", STATUS_CONFIG, "not an endpoint"},
        {"", STATUS_CONFIG, "not an endpoint"},
        {"ipc://", STATUS_CONFIG, "a path"},
        {"ipc://@abstract", STATUS_CONFIG, "a path"},
    };
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        cr_assert_eq(sock_bind(socket, cases[i].endpoint, &error), cases[i].status, "%s: %s", cases[i].endpoint,
                     error.text);
        cr_assert_not_null(strstr(error.text, cases[i].says), "%s: %s", cases[i].endpoint, error.text);
    }
    cr_assert_eq(sock_connect(socket, long_path, &error), STATUS_CONFIG);
    cr_assert_eq(sock_connect(socket, "quack://x", &error), STATUS_CONFIG);
    sock_close(first), sock_close(socket);
}

/* A stranger with a key of her own says hello; is she heard where no ZAP handler answers? */
static bool stranger_is_heard(bool enforced)
{
    struct keypair server, stranger;
    cr_assert_eq(keypair_make(&server, &error), STATUS_OK);
    cr_assert_eq(keypair_make(&stranger, &error), STATUS_OK);
    struct sock_options options = {.type = ZMQ_ROUTER, .zap_domain = "publisher", .server_secret = server.secret_key};
    void *router = NULL, *dealer = NULL;
    cr_assert_eq(sock_open(context, &options, &router, &error), STATUS_OK, "%s", error.text);
    if (!enforced)
        zmq_setsockopt(router, SOCK_OPTION_ZAP_ENFORCE_DOMAIN, &(int){0}, sizeof(int));
    char endpoint[64];
    cr_assert_eq(sock_bind(router, "tcp://127.0.0.1:*", &error), STATUS_OK);
    cr_assert_eq(sock_bound_endpoint(router, endpoint, sizeof endpoint, &error), STATUS_OK);
    options = (struct sock_options){.type = ZMQ_DEALER, .server_public = server.public_key, .client = &stranger};
    cr_assert_eq(sock_open(context, &options, &dealer, &error), STATUS_OK);
    cr_assert_eq(sock_connect(dealer, endpoint, &error), STATUS_OK);
    zmq_send(dealer, "hello", 5, ZMQ_DONTWAIT);
    zmq_pollitem_t item = {.socket = router, .events = ZMQ_POLLIN};
    bool heard = zmq_poll(&item, 1, enforced ? 700 : 5000) == 1;
    sock_close(dealer), sock_close(router);
    return heard;
}

Test(sock, curve_lets_nobody_in_while_no_zap_handler_answers)
{
    cr_assert(stranger_is_heard(false), "the control: this libzmq fails open by itself");
    cr_assert_not(stranger_is_heard(true));
}

struct server {
    void *router;
    int answers; /* parts in the answer */
};

/* Answers one request with what it got, in that many parts, the last empty where there are several. */
static void *serve_once(void *argument)
{
    struct server *server = argument;
    char id[64], text[64];
    int id_size = zmq_recv(server->router, id, sizeof id, 0), size = zmq_recv(server->router, text, sizeof text, 0);
    zmq_send(server->router, id, id_size, ZMQ_SNDMORE);
    for (int i = 0; i < server->answers; i++)
        zmq_send(server->router, text, i > 0 ? 0 : size, i + 1 < server->answers ? ZMQ_SNDMORE : 0);
    return NULL;
}

static enum status ask_echo(int answers, struct sock_parts *parts)
{
    struct server server = {open_plain(ZMQ_ROUTER), answers};
    char *endpoint = ipc_endpoint("echo.sock");
    pthread_t thread;
    cr_assert_eq(sock_bind(server.router, endpoint, &error), STATUS_OK);
    pthread_create(&thread, NULL, serve_once, &server);
    enum status status = sock_ask(endpoint, NULL, slice_of("ping", 4), 5000, parts, &error);
    pthread_join(thread, NULL);
    sock_close(server.router);
    free(endpoint);
    return status;
}

Test(sock, an_answer_comes_back_whole)
{
    struct sock_parts parts = {0};
    cr_assert_eq(ask_echo(3, &parts), STATUS_OK, "%s", error.text);
    cr_assert_eq(parts.count, 3);
    cr_assert(slice_equal(parts.part[0], slice_of_text("ping")));
    cr_assert_eq(parts.part[2].size, 0);
    sock_parts_free(&parts);
    cr_assert_eq(parts.count, 0);
}

Test(sock, an_answer_of_too_many_parts_is_refused)
{
    struct sock_parts parts = {0};
    cr_assert_eq(ask_echo(5000, &parts), STATUS_PROTOCOL);
    cr_assert_eq(parts.count, 0);
}

Test(sock, asking_nobody_or_the_silent_ends_in_time)
{
    struct sock_parts parts = {0};
    char *endpoint = ipc_endpoint("none.sock");
    cr_assert_eq(sock_ask(endpoint, NULL, slice_of("x", 1), 60000, &parts, &error), STATUS_UNAVAILABLE);
    void *silent = open_plain(ZMQ_ROUTER);
    cr_assert_eq(sock_bind(silent, endpoint, &error), STATUS_OK);
    int64_t before_ns = clock_mono_ns();
    cr_assert_eq(sock_ask(endpoint, NULL, slice_of("x", 1), 200, &parts, &error), STATUS_UNAVAILABLE);
    cr_assert_gt(clock_mono_ns() - before_ns, 150 * 1000000);
    cr_assert_lt(clock_mono_ns() - before_ns, 5000 * 1000000L);
    sock_close(silent);
    free(endpoint);
}

/* Takes a request and goes without an answer. */
static void *hang_up(void *argument)
{
    char bytes[64];
    zmq_recv(argument, bytes, sizeof bytes, 0), zmq_recv(argument, bytes, sizeof bytes, 0);
    sock_close(argument);
    return NULL;
}

Test(sock, whoever_hangs_up_is_not_waited_for)
{
    struct sock_parts parts = {0};
    void *router = open_plain(ZMQ_ROUTER);
    char *endpoint = ipc_endpoint("gone.sock");
    pthread_t thread;
    cr_assert_eq(sock_bind(router, endpoint, &error), STATUS_OK);
    pthread_create(&thread, NULL, hang_up, router);
    int64_t before_ns = clock_mono_ns();
    cr_assert_eq(sock_ask(endpoint, NULL, slice_of("x", 1), 60000, &parts, &error), STATUS_UNAVAILABLE);
    cr_assert_lt(clock_mono_ns() - before_ns, 30000 * 1000000L);
    cr_assert(strstr(error.text, "before it answered"), "%s", error.text);
    pthread_join(thread, NULL);
    free(endpoint);
}
