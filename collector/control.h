/* control.h - what jejakctl asks the collector (docs/PROTOCOL.md, "Control"): msgpack maps over the control socket.
 *
 *     request  { "v": 1, "op": "status" | "reload" }
 *     answer   { "v": 1, "status": "ok" | "failed" | "malformed", "detail": str, …fields: str or uint }
 */
#ifndef JEJAK_COLLECTOR_CONTROL_H
#define JEJAK_COLLECTOR_CONTROL_H

#include "common/packer.h"
#include "common/status.h"

enum control_op {
    CONTROL_STATUS,
    CONTROL_RELOAD,
    CONTROL_OP_COUNT
};
/* STATUS_PROTOCOL with what is wrong. */
enum status control_read(struct slice request, enum control_op *op, struct error *error) must_check;

/* An answer that `field_count` pairs are still to be put into. To be closed. */
struct packer *control_answer(const char *status, const char *detail, uint32_t field_count) must_check;

#endif
