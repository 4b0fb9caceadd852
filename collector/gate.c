#include "collector/gate.h"

#include "collector/lobby.h"
#include "collector/store.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zmq.h>

enum {
    /* What the process opens for itself: sockets, monitors, threads, logs, connections over ipc; the stores' table files;
     * and connections that libzmq took and the gate has not ended yet. */
    OWN_FILES = 72,
    STORES_FILES = EVENTLOG_OPEN_FILES + VAULT_OPEN_FILES,
    LATE_FILES = 16,
    AUDIT_MS = 1000,
    /* More than this a stranger cannot send and stay: CURVE's greeting and HELLO have 266 bytes, and an INITIATE, which
     * proves a key, has more than 250; of a plain one, the greeting. */
    SHOWN_CURVE_BYTES = 500,
    SHOWN_PLAIN_BYTES = 64,
};

struct watched {
    void *socket;  /* whose connections */
    void *monitor; /* PAIR */
};

struct gate {
    void *context;
    struct lobby *lobby;
    uint32_t most;
    uint64_t shown_bytes; /* the greatest that any of the sockets needs */
    struct watched watched[GATE_MAX_SOCKETS];
    int watched_count;
    int stop_fd;
    bool started;
    pthread_t thread;
    _Atomic uint32_t connections;
    _Atomic uint64_t ended;
};

enum status gate_check(uint32_t most, struct error *error)
{
    struct rlimit files;
    uint64_t own = OWN_FILES + STORES_FILES + LATE_FILES;
    if (getrlimit(RLIMIT_NOFILE, &files) != 0)
        return error_errno(error, STATUS_SYSTEM, "the limit of open files is not known");
    files.rlim_cur = files.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &files) != 0)
        return error_errno(error, STATUS_SYSTEM, "the limit of open files cannot be raised to %llu",
                           (unsigned long long)files.rlim_max);
    if (files.rlim_cur >= most + own)
        return STATUS_OK;
    if (files.rlim_cur <= own)
        return error_set(error, STATUS_CONFIG,
                         "%llu open files are allowed, and the collector needs %llu for itself; raise the limit "
                         "(ulimit -n, LimitNOFILE=)",
                         (unsigned long long)files.rlim_cur, (unsigned long long)own);
    return error_set(error, STATUS_CONFIG,
                     "max_connections = %u does not fit: %llu open files are allowed and %llu are the collector's own; "
                     "set it to %llu at most, or raise the limit (ulimit -n, LimitNOFILE=)",
                     most, (unsigned long long)files.rlim_cur, (unsigned long long)own,
                     (unsigned long long)(files.rlim_cur - own));
}

static bool shown(int descriptor, void *argument)
{
    const struct gate *gate = argument;
    struct tcp_info info = {0};
    socklen_t size = sizeof info;
    if (getsockopt(descriptor, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
        return true;
    return info.tcpi_bytes_received > gate->shown_bytes;
}

static bool gone(int descriptor)
{
    struct sockaddr_storage peer;
    socklen_t size = sizeof peer;
    return getpeername(descriptor, (struct sockaddr *)&peer, &size) != 0;
}

enum status gate_open(void *context, uint32_t most, struct gate **gate, struct error *error)
{
    struct gate *opened = mem_new(1, sizeof *opened);
    opened->context = context;
    opened->most = most;
    opened->shown_bytes = SHOWN_PLAIN_BYTES;
    opened->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    opened->lobby = lobby_open(most, shown, opened);
    *gate = opened;
    return opened->stop_fd >= 0 ? STATUS_OK : error_errno(error, STATUS_SYSTEM, "the gate cannot be opened");
}

enum status gate_watch(struct gate *gate, void *socket, bool curve, struct error *error)
{
    int unlimited = 0; /* else libzmq's thread would wait for the gate */
    char endpoint[64];
    ensure(gate->watched_count < GATE_MAX_SOCKETS && !gate->started);
    struct watched *watched = &gate->watched[gate->watched_count];
    snprintf(endpoint, sizeof endpoint, "inproc://gate-%d", gate->watched_count);
    if (zmq_socket_monitor(socket, endpoint, ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_DISCONNECTED) != 0)
        return error_set(error, STATUS_SYSTEM, "a socket cannot be watched: %s", zmq_strerror(errno));
    watched->socket = socket;
    watched->monitor = zmq_socket(gate->context, ZMQ_PAIR);
    gate->watched_count++;
    if (!watched->monitor || zmq_setsockopt(watched->monitor, ZMQ_RCVHWM, &unlimited, sizeof unlimited) != 0 ||
        zmq_connect(watched->monitor, endpoint) != 0)
        return error_set(error, STATUS_SYSTEM, "a socket cannot be watched: %s", zmq_strerror(errno));
    if (curve)
        gate->shown_bytes = SHOWN_CURVE_BYTES;
    return STATUS_OK;
}

/* An event is two parts: be it 16 bits of what happened and 32 of the descriptor, then the endpoint. */
static bool take_event(struct gate *gate, void *monitor)
{
    uint8_t event[6];
    uint16_t what;
    int32_t descriptor;
    if (zmq_recv(monitor, event, sizeof event, ZMQ_DONTWAIT) != (int)sizeof event)
        return false;
    zmq_recv(monitor, NULL, 0, ZMQ_DONTWAIT);
    memcpy(&what, event, sizeof what);
    memcpy(&descriptor, event + sizeof what, sizeof descriptor);
    if (what == ZMQ_EVENT_DISCONNECTED) {
        lobby_leave(gate->lobby, descriptor);
    } else if (what == ZMQ_EVENT_ACCEPTED) {
        int ended = lobby_enter(gate->lobby, descriptor, clock_mono_ns() / 1000000);
        if (ended != LOBBY_NOBODY) {
            shutdown(ended, SHUT_RDWR); /* fails where it is gone already */
            atomic_fetch_add(&gate->ended, 1);
        }
    }
    return true;
}

static void *run(void *argument)
{
    struct gate *gate = argument;
    zmq_pollitem_t items[GATE_MAX_SOCKETS + 1] = {{.fd = gate->stop_fd, .events = ZMQ_POLLIN}};
    for (int i = 0; i < gate->watched_count; i++)
        items[i + 1] = (zmq_pollitem_t){.socket = gate->watched[i].monitor, .events = ZMQ_POLLIN};
    while (!(items[0].revents & ZMQ_POLLIN)) {
        int ready = zmq_poll(items, gate->watched_count + 1, AUDIT_MS);
        if (ready < 0 && errno != EINTR)
            break;
        /* A connection that libzmq ends by itself is not always heard of. */
        if (ready == 0 && lobby_count(gate->lobby) >= gate->most)
            lobby_audit(gate->lobby, gone);
        for (int i = 0; i < gate->watched_count; i++)
            while (take_event(gate, gate->watched[i].monitor)) {
            }
        atomic_store(&gate->connections, lobby_count(gate->lobby));
    }
    return NULL;
}

enum status gate_start(struct gate *gate, struct error *error)
{
    errno = pthread_create(&gate->thread, NULL, run, gate);
    gate->started = errno == 0;
    return gate->started ? STATUS_OK : error_errno(error, STATUS_SYSTEM, "the gate's thread cannot be started");
}

/* libzmq's thread waits for whoever listens to a monitor: so they end first, while the gate still does. Stopping a monitor
 * is guarded by a lock of its own: the socket may be another thread's. */
void gate_close(struct gate *gate)
{
    uint64_t one = 1;
    if (!gate)
        return;
    for (int i = 0; i < gate->watched_count; i++)
        zmq_socket_monitor(gate->watched[i].socket, NULL, 0);
    if (gate->started) {
        ensure(write(gate->stop_fd, &one, sizeof one) == sizeof one);
        pthread_join(gate->thread, NULL);
    }
    for (int i = 0; i < gate->watched_count; i++)
        if (gate->watched[i].monitor)
            zmq_close(gate->watched[i].monitor);
    if (gate->stop_fd >= 0)
        close(gate->stop_fd);
    lobby_close(gate->lobby);
    free(gate);
}

struct gate_counts gate_counts(const struct gate *gate)
{
    return (struct gate_counts){atomic_load(&gate->connections), atomic_load(&gate->ended)};
}
