/* gate.h - the connection limit: an actor of its own, told by libzmq's monitor who comes and goes.
 *
 * libzmq takes connections until descriptors end, and then spins. Unbinding is no valve: libzmq 4.3.4 ends every connection of
 * an endpoint that is unbound (measured), so all publishers would be thrown out with the crowd. Instead a connection too many
 * is ended by shutdown() of its descriptor, which the monitor names; libzmq closes it then. Whose turn it is, lobby.h says.
 *
 * A thread, because a limit that waits for a commit, or for a store to open, is none. The descriptor may be another one by the
 * time it is ended: then a publisher is disconnected once, and comes again.
 */
#ifndef JEJAK_COLLECTOR_GATE_H
#define JEJAK_COLLECTOR_GATE_H

#include "common/status.h"

enum {
    GATE_MAX_SOCKETS = 4
};

struct gate;

/* Lets the process open as many files as it may. STATUS_CONFIG where `most` connections do not fit beside its own files. */
enum status gate_check(uint32_t most, struct error *error) must_check;
enum status gate_open(void *context, uint32_t most, struct gate **gate, struct error *error) must_check;
/* Before the socket is bound, by the thread that has it. curve: does it want a key? */
enum status gate_watch(struct gate *gate, void *socket, bool curve, struct error *error) must_check;
/* After the last gate_watch(). */
enum status gate_start(struct gate *gate, struct error *error) must_check;
/* Before the sockets are closed. */
void gate_close(struct gate *gate);

struct gate_counts {
    uint32_t connections; /* that are in */
    uint64_t ended;       /* because they were too many */
};
struct gate_counts gate_counts(const struct gate *gate);

#endif
