/* In the place of collector/gate.c: in this world nobody comes uninvited, and libzmq has no monitor. */
#include "collector/gate.h"

struct gate {
    uint32_t most;
};

static struct gate open_gate;

enum status gate_check(uint32_t most, struct error *error)
{
    (void)most, (void)error;
    return STATUS_OK;
}

enum status gate_open(void *context, uint32_t most, struct gate **gate, struct error *error)
{
    (void)context, (void)error;
    open_gate.most = most;
    *gate = &open_gate;
    return STATUS_OK;
}

enum status gate_watch(struct gate *gate, void *socket, bool curve, struct error *error)
{
    (void)gate, (void)socket, (void)curve, (void)error;
    return STATUS_OK;
}

enum status gate_start(struct gate *gate, struct error *error)
{
    (void)gate, (void)error;
    return STATUS_OK;
}

void gate_close(struct gate *gate)
{
    (void)gate;
}

struct gate_counts gate_counts(const struct gate *gate)
{
    (void)gate;
    return (struct gate_counts){0};
}
