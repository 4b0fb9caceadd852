#include "bench/peers/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum status net_open(uint16_t port, struct net **net, struct error *error)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (fd < 0 || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0 ||
        connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        enum status status = error_errno(error, STATUS_UNAVAILABLE, "127.0.0.1:%u", port);
        if (fd >= 0)
            close(fd);
        return status;
    }
    *net = mem_new(1, sizeof **net);
    (*net)->fd = fd;
    return STATUS_OK;
}

void net_close(struct net *net)
{
    if (!net)
        return;
    close(net->fd);
    free(net);
}

enum status net_write(struct net *net, const void *bytes, size_t size, struct error *error)
{
    for (size_t at = 0; at < size;) {
        ssize_t written = send(net->fd, (const char *)bytes + at, size - at, MSG_NOSIGNAL);
        if (written < 0 && errno != EINTR)
            return error_errno(error, STATUS_IO, "writing to the peer");
        at += written > 0 ? (size_t)written : 0;
    }
    return STATUS_OK;
}

/* More bytes behind those that are there. */
static enum status fill(struct net *net, struct error *error)
{
    if (net->start > 0) {
        memmove(net->buffer, net->buffer + net->start, net->end - net->start);
        net->end -= net->start;
        net->start = 0;
    }
    if (net->end == sizeof net->buffer)
        return error_set(error, STATUS_PROTOCOL, "the peer's line is too long");
    ssize_t got = recv(net->fd, net->buffer + net->end, sizeof net->buffer - net->end, 0);
    if (got == 0)
        return error_set(error, STATUS_PROTOCOL, "the peer hung up");
    if (got < 0)
        return error_errno(error, STATUS_IO, "reading from the peer");
    net->end += (size_t)got;
    return STATUS_OK;
}

enum status net_line(struct net *net, const char **line, struct error *error)
{
    for (size_t looked = 0;;) {
        char *from = net->buffer + net->start, *end = memchr(from + looked, '\n', net->end - net->start - looked);
        if (end) {
            *(end > from && end[-1] == '\r' ? end - 1 : end) = '\0';
            net->start = (size_t)(end - net->buffer) + 1;
            *line = from;
            return STATUS_OK;
        }
        looked = net->end - net->start;
        enum status status = fill(net, error);
        if (status != STATUS_OK)
            return status;
    }
}

enum status net_read(struct net *net, char *bytes, size_t size, struct error *error)
{
    while (size > 0) {
        size_t there = net->end - net->start, some = there < size ? there : size;
        memcpy(bytes, net->buffer + net->start, some);
        net->start += some;
        bytes += some;
        size -= some;
        enum status status = size > 0 ? fill(net, error) : STATUS_OK;
        if (status != STATUS_OK)
            return status;
    }
    return STATUS_OK;
}

uint16_t net_port(const char *at)
{
    const char *colon = strrchr(at, ':');
    char *end;
    unsigned long port = colon ? strtoul(colon + 1, &end, 10) : 0;
    return port > 0 && port <= UINT16_MAX && *end == '\0' ? (uint16_t)port : 0;
}
