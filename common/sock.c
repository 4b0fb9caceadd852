#include "common/sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <zmq.h>

enum {
    DEFAULT_MESSAGE_BYTES = 1 << 20,
    DEFAULT_HIGH_WATER_MARK = 8,
    IPC_PATH_MAX = sizeof((struct sockaddr_un *)0)->sun_path - 1, /* 107 on Linux */
};

/* What every socket has. A time to live of 65,600 ms and more overflows in libzmq 4.3.4. What is sent before a
 * connection stands waits in the queue, which the high-water mark bounds (IMMEDIATE 0). */
static const struct {
    int option;
    int value;
} common_options[] = {
    {ZMQ_LINGER, 0},
    {ZMQ_IPV6, 0},
    {ZMQ_IMMEDIATE, 0},
    {ZMQ_HANDSHAKE_IVL, 2000},
    {ZMQ_HEARTBEAT_IVL, 5000},
    {ZMQ_HEARTBEAT_TIMEOUT, 15000},
    {ZMQ_HEARTBEAT_TTL, 15000},
    {ZMQ_TCP_KEEPALIVE, 1},
    {ZMQ_BACKLOG, 1024}, /* of a server: as many connect at once when it comes back */
};

static bool set_number(void *socket, int option, int value)
{
    return zmq_setsockopt(socket, option, &value, sizeof value) == 0;
}

static bool set_text(void *socket, int option, const char *text)
{
    return zmq_setsockopt(socket, option, text, strlen(text)) == 0;
}

static bool set_bounds(void *socket, const struct sock_options *options)
{
    int64_t bytes = options->max_message_bytes ? options->max_message_bytes : DEFAULT_MESSAGE_BYTES;
    int mark = options->high_water_mark ? options->high_water_mark : DEFAULT_HIGH_WATER_MARK;
    bool set = zmq_setsockopt(socket, ZMQ_MAXMSGSIZE, &bytes, sizeof bytes) == 0 &&
               set_number(socket, ZMQ_SNDHWM, mark) && set_number(socket, ZMQ_RCVHWM, mark);
    for (size_t i = 0; set && i < ARRAY_COUNT(common_options); i++)
        set = set_number(socket, common_options[i].option, common_options[i].value);
    /* Mandatory: a message to a peer that is gone fails instead of vanishing. No handover: a client cannot take over
     * the routing id of another. */
    if (set && options->type == ZMQ_ROUTER)
        set = set_number(socket, ZMQ_ROUTER_MANDATORY, 1) && set_number(socket, ZMQ_ROUTER_HANDOVER, 0);
    return set && (!options->routing_id || set_text(socket, ZMQ_ROUTING_ID, options->routing_id));
}

static bool set_keys(void *socket, const struct sock_options *options)
{
    bool set = true;
    if (options->zap_domain)
        set = set_text(socket, ZMQ_ZAP_DOMAIN, options->zap_domain) &&
              set_number(socket, SOCK_OPTION_ZAP_ENFORCE_DOMAIN, 1);
    if (set && options->server_secret)
        set = set_number(socket, ZMQ_CURVE_SERVER, 1) && set_text(socket, ZMQ_CURVE_SECRETKEY, options->server_secret);
    if (set && options->client && options->server_public)
        set = set_text(socket, ZMQ_CURVE_SERVERKEY, options->server_public) &&
              set_text(socket, ZMQ_CURVE_PUBLICKEY, options->client->public_key) &&
              set_text(socket, ZMQ_CURVE_SECRETKEY, options->client->secret_key);
    return set;
}

enum status sock_open(void *context, const struct sock_options *options, void **socket, struct error *error)
{
    /* CURVE without a list of who may come in lets everybody in. */
    ensure(!options->server_secret || options->zap_domain);
    ensure(!options->server_public == !options->client);
    void *opened = zmq_socket(context, options->type);
    if (!opened)
        return error_set(error, STATUS_SYSTEM, "no socket can be opened: %s", zmq_strerror(zmq_errno()));
    if (!set_bounds(opened, options) || !set_keys(opened, options)) {
        enum status status =
            error_set(error, STATUS_SYSTEM, "libzmq refuses an option of a socket: %s", zmq_strerror(zmq_errno()));
        zmq_close(opened);
        return status;
    }
    *socket = opened;
    return STATUS_OK;
}

void sock_close(void *socket)
{
    if (!socket)
        return;
    set_number(socket, ZMQ_LINGER, 0);
    zmq_close(socket);
}

const char *sock_ipc_path(const char *endpoint)
{
    return strncmp(endpoint, "ipc://", 6) == 0 ? endpoint + 6 : NULL;
}

bool sock_endpoint_is_local(const char *endpoint)
{
    if (sock_ipc_path(endpoint) || strncmp(endpoint, "inproc://", 9) == 0)
        return true;
    if (strncmp(endpoint, "tcp://", 6) != 0)
        return false;
    const char *host = endpoint + 6, *colon = strrchr(host, ':');
    char text[64];
    if (!colon || (size_t)(colon - host) >= sizeof text)
        return false;
    memcpy(text, host, (size_t)(colon - host));
    text[colon - host] = '\0';
    struct in_addr address;
    if (inet_pton(AF_INET, text, &address) == 1)
        return ntohl(address.s_addr) >> 24 == 127;
    return strcmp(text, "localhost") == 0 || strcmp(text, "[::1]") == 0;
}

static enum status not_an_endpoint(struct error *error, const char *endpoint)
{
    return error_set(error, STATUS_CONFIG,
                     "\"%s\" is not an endpoint; it looks like tcp://127.0.0.1:7411 or ipc:///path/to/file.sock",
                     endpoint);
}

/* libzmq takes a port's last 16 bits without a word: 99999 would be 34463. */
static bool port_valid(const char *endpoint)
{
    const char *port = strrchr(endpoint, ':') + 1;
    if (strcmp(port, "*") == 0)
        return true;
    size_t digits = strspn(port, "0123456789");
    return digits >= 1 && digits <= 5 && port[digits] == '\0' && strtol(port, NULL, 10) <= 65535;
}

/* libzmq's errno as a sentence about this endpoint. `does`: "listen" or "connect". */
static enum status endpoint_error(struct error *error, const char *endpoint, const char *does)
{
    int number = zmq_errno();
    switch (number) {
    case EADDRINUSE:
        return error_set(error, STATUS_SYSTEM, "%s: the address is in use; does another program listen there?",
                         endpoint);
    case EADDRNOTAVAIL:
    case ENODEV:
        return error_set(error, STATUS_CONFIG, "%s: this machine has no such address to %s at", endpoint, does);
    case EACCES:
    case EPERM:
        return error_set(error, STATUS_DENIED,
                         "%s: not allowed to %s there (ports below 1024 and other users' folders "
                         "need rights)",
                         endpoint, does);
    case EINVAL:
    case EPROTONOSUPPORT:
        return not_an_endpoint(error, endpoint);
    default:
        return error_set(error, STATUS_SYSTEM, "%s: cannot %s: %s", endpoint, does, zmq_strerror(number));
    }
}

/* A path that a unix socket can have: the system keeps it in a field of fixed size. */
static enum status ipc_check(const char *path, struct error *error)
{
    size_t length = strlen(path);
    if (length == 0 || path[0] == '@')
        return error_set(error, STATUS_CONFIG, "ipc://%s: an ipc endpoint is a path of a file", path);
    if (length > IPC_PATH_MAX)
        return error_set(error, STATUS_CONFIG,
                         "ipc://%s: the path has %zu bytes and a socket's has at most %d; choose a shorter --home, or "
                         "another endpoint",
                         path, length, (int)IPC_PATH_MAX);
    return STATUS_OK;
}

/* libzmq itself would take the path over without asking. */
int sock_ipc_probe(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) > IPC_PATH_MAX)
        return ENAMETOOLONG;
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int number = connect(fd, (const struct sockaddr *)&address, sizeof address) == 0 ? 0 : errno;
    close(fd);
    return number == EAGAIN ? 0 : number; /* EAGAIN: listens, with a full queue */
}

/* Makes the folder and sees that the path is free: nothing there, or the socket of a program that is gone. */
static enum status ipc_prepare(const char *path, struct error *error)
{
    enum status status = ipc_check(path, error);
    const char *slash = strrchr(path, '/');
    if (status == STATUS_OK && slash && slash != path) {
        char *folder = mem_text("%.*s", (int)(slash - path), path);
        status = folder_make(folder, error);
        free(folder);
    }
    struct stat there;
    if (status != STATUS_OK || lstat(path, &there) != 0)
        return status;
    if (!S_ISSOCK(there.st_mode))
        return error_set(error, STATUS_CONFIG, "ipc://%s: there is a file that is not a socket; it stays", path);
    int number = sock_ipc_probe(path);
    if (number == 0)
        return error_set(error, STATUS_SYSTEM, "ipc://%s: the address is in use; another program listens there", path);
    return number == EACCES ? error_set(error, STATUS_DENIED, "ipc://%s: the socket there is another user's", path)
                            : STATUS_OK;
}

enum status sock_bind(void *socket, const char *endpoint, struct error *error)
{
    const char *path = sock_ipc_path(endpoint);
    if (strncmp(endpoint, "tcp://", 6) == 0 && !port_valid(endpoint))
        return not_an_endpoint(error, endpoint);
    if (!path)
        return zmq_bind(socket, endpoint) == 0 ? STATUS_OK : endpoint_error(error, endpoint, "listen");
    enum status status = ipc_prepare(path, error);
    if (status != STATUS_OK)
        return status;
    /* The umask is the only say that one has in the mode of libzmq's file. For "*" it makes a folder as well. */
    mode_t before = umask(strcmp(path, "*") == 0 ? 0077 : 0177);
    int bound = zmq_bind(socket, endpoint);
    umask(before);
    return bound == 0 ? STATUS_OK : endpoint_error(error, endpoint, "listen");
}

enum status sock_connect(void *socket, const char *endpoint, struct error *error)
{
    const char *path = sock_ipc_path(endpoint);
    enum status status = path ? ipc_check(path, error) : STATUS_OK;
    if (strncmp(endpoint, "tcp://", 6) == 0 && !port_valid(endpoint))
        status = not_an_endpoint(error, endpoint);
    if (status != STATUS_OK)
        return status;
    return zmq_connect(socket, endpoint) == 0 ? STATUS_OK : endpoint_error(error, endpoint, "connect");
}

enum status sock_bound_endpoint(void *socket, char *endpoint, size_t size, struct error *error)
{
    char bound[256];
    size_t length = sizeof bound;
    if (zmq_getsockopt(socket, ZMQ_LAST_ENDPOINT, bound, &length) != 0 || length > size)
        return error_set(error, STATUS_SYSTEM, "the endpoint that was bound is not known");
    memcpy(endpoint, bound, length);
    return STATUS_OK;
}
