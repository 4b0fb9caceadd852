/* net.h - a TCP connection on loopback that blocks: for peers whose protocol is a few lines of text. */
#ifndef JEJAK_BENCH_PEERS_NET_H
#define JEJAK_BENCH_PEERS_NET_H

#include "common/status.h"

struct net {
    int fd;
    size_t start, end; /* what was read and not taken yet: buffer[start, end) */
    char buffer[1 << 16];
};

enum status net_open(uint16_t port, struct net **net, struct error *error) must_check;
void net_close(struct net *net);
enum status net_write(struct net *net, const void *bytes, size_t size, struct error *error) must_check;
/* A line without its CR LF; lives until the next call. */
enum status net_line(struct net *net, const char **line, struct error *error) must_check;
enum status net_read(struct net *net, char *bytes, size_t size, struct error *error) must_check;

/* The port of "127.0.0.1:6379"; 0 where it is none. */
uint16_t net_port(const char *at);

#endif
