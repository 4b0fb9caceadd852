#include "collector/zap.h"

#include <errno.h>
#include <zmq.h>

/* A request's parts after the delimiter that REP takes off: version, request id, domain, address, routing id,
 * mechanism, and with CURVE the key, 32 bytes. */
enum {
    PART_VERSION,
    PART_REQUEST_ID,
    PART_DOMAIN,
    PART_ADDRESS,
    PART_ROUTING_ID,
    PART_MECHANISM,
    PART_KEY,
    PART_COUNT,
    PART_MAX_BYTES = 256,
};

struct request {
    int count;
    size_t size[PART_COUNT];
    uint8_t part[PART_COUNT][PART_MAX_BYTES];
};

enum status zap_open(void *context, void **socket, struct error *error)
{
    void *opened = zmq_socket(context, ZMQ_REP);
    int linger = 0;
    if (!opened)
        return error_set(error, STATUS_SYSTEM, "no socket for the ZAP handler: %s", zmq_strerror(errno));
    zmq_setsockopt(opened, ZMQ_LINGER, &linger, sizeof linger);
    if (zmq_bind(opened, "inproc://zeromq.zap.01") != 0) {
        zmq_close(opened);
        return error_set(error, STATUS_SYSTEM, "the ZAP handler cannot be bound: %s", zmq_strerror(errno));
    }
    *socket = opened;
    return STATUS_OK;
}

static bool more(void *socket)
{
    int follows = 0;
    size_t size = sizeof follows;
    zmq_getsockopt(socket, ZMQ_RCVMORE, &follows, &size);
    return follows != 0;
}

/* STATUS_UNAVAILABLE: none waits. */
static enum status receive(void *socket, struct request *request, struct error *error)
{
    request->count = 0;
    do {
        bool fits = request->count < PART_COUNT;
        int size = fits ? zmq_recv(socket, request->part[request->count], PART_MAX_BYTES, ZMQ_DONTWAIT)
                        : zmq_recv(socket, NULL, 0, ZMQ_DONTWAIT);
        if (size < 0 && request->count == 0 && (errno == EAGAIN || errno == EINTR))
            return STATUS_UNAVAILABLE;
        if (size < 0)
            return error_set(error, STATUS_SYSTEM, "the ZAP handler is gone: %s", zmq_strerror(errno));
        if (fits)
            request->size[request->count] = (size_t)size;
        request->count++;
    } while (more(socket));
    return STATUS_OK;
}

static struct slice part(const struct request *request, int index)
{
    size_t size = request->size[index];
    return slice_of(request->part[index], size <= PART_MAX_BYTES ? size : 0);
}

/* The user id of whoever asks, or NULL: not let in. */
static const char *judge(const struct request *request, const struct roles *roles, char key[KEY_TEXT_BYTES])
{
    enum role role;
    if (request->count < PART_MECHANISM + 1 || !role_from_domain(part(request, PART_DOMAIN), &role))
        return NULL;
    if (slice_equal(part(request, PART_MECHANISM), slice_of_text("NULL")))
        return roles_listed(roles, role, ROLE_PLAIN_USER) ? ROLE_PLAIN_USER : NULL;
    bool curve = slice_equal(part(request, PART_MECHANISM), slice_of_text("CURVE"));
    if (!curve || request->count != PART_COUNT || request->size[PART_KEY] != KEY_BYTES)
        return NULL;
    if (!zmq_z85_encode(key, request->part[PART_KEY], KEY_BYTES))
        return NULL;
    return roles_listed(roles, role, key) ? key : NULL;
}

static enum status answer(void *socket, const struct request *request, const char *user, struct error *error)
{
    const char *code = user ? "200" : "400", *text = user ? "OK" : "not listed";
    struct slice id = slice_of("", 0);
    if (request->count > PART_REQUEST_ID)
        id = part(request, PART_REQUEST_ID);
    bool sent = zmq_send(socket, "1.0", 3, ZMQ_SNDMORE) >= 0 && zmq_send(socket, id.data, id.size, ZMQ_SNDMORE) >= 0 &&
                zmq_send(socket, code, 3, ZMQ_SNDMORE) >= 0 && zmq_send(socket, text, strlen(text), ZMQ_SNDMORE) >= 0 &&
                zmq_send(socket, user ? user : "", user ? strlen(user) : 0, ZMQ_SNDMORE) >= 0 &&
                zmq_send(socket, "", 0, 0) >= 0;
    return sent ? STATUS_OK : error_set(error, STATUS_SYSTEM, "the ZAP handler cannot answer: %s", zmq_strerror(errno));
}

enum status zap_answer(void *socket, const struct roles *roles, uint64_t *refused, struct error *error)
{
    for (;;) {
        struct request request;
        char key[KEY_TEXT_BYTES];
        enum status status = receive(socket, &request, error);
        if (status != STATUS_OK)
            return status == STATUS_UNAVAILABLE ? STATUS_OK : status;
        const char *user = judge(&request, roles, key);
        *refused += user ? 0 : 1;
        status = answer(socket, &request, user, error);
        if (status != STATUS_OK)
            return status;
    }
}
