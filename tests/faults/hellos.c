/* hellos - strangers who say hello as fast as it goes: hellos PORT HELLO-FILE
 *
 * Connects to 127.0.0.1:PORT again and again, in crowds of CROWD, sends what stands in the file (a greeting and a HELLO of the
 * right shape that no key opens), gives the other side CROWD_MS to work on it and hangs up. Each crowd's number of hellos that
 * the kernel took goes to standard output, a line each. Ends with standard input.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    CROWD = 40,
    CROWD_MS = 2,
    CONNECT_MS = 5,
    HELLO_MAX_BYTES = 4096,
};

static int stranger(in_port_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (descriptor >= 0 && connect(descriptor, (struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS) {
        close(descriptor);
        return -1;
    }
    return descriptor;
}

static unsigned say_hello(in_port_t port, const char *hello, size_t size)
{
    struct pollfd crowd[CROWD];
    unsigned said = 0;
    for (int i = 0; i < CROWD; i++)
        crowd[i] = (struct pollfd){.fd = stranger(port), .events = POLLOUT};
    for (int i = 0; i < CROWD; i++) /* who is not let in at once does not hold up the others */
        if (crowd[i].fd >= 0 && poll(&crowd[i], 1, i == 0 ? CONNECT_MS : 0) == 1)
            said += send(crowd[i].fd, hello, size, MSG_NOSIGNAL) == (ssize_t)size;
    usleep(CROWD_MS * 1000);
    for (int i = 0; i < CROWD; i++)
        if (crowd[i].fd >= 0)
            close(crowd[i].fd);
    return said;
}

int main(int argc, char **argv)
{
    char hello[HELLO_MAX_BYTES];
    int file = argc == 3 ? open(argv[2], O_RDONLY | O_CLOEXEC) : -1;
    ssize_t size = file < 0 ? -1 : read(file, hello, sizeof hello);
    struct pollfd end = {.fd = STDIN_FILENO, .events = POLLIN};
    if (size <= 0) {
        fprintf(stderr, "usage: hellos PORT HELLO-FILE\n");
        return 64;
    }
    while (poll(&end, 1, 0) == 0) {
        printf("%u\n", say_hello((in_port_t)strtoul(argv[1], NULL, 10), hello, (size_t)size));
        fflush(stdout);
    }
    return 0;
}
