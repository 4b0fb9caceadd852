/* control.h - what jejakctl asks the collector (docs/PROTOCOL.md, "Control"): msgpack maps over the control socket.
 *
 *     request  { "v": 1, "op": "status" | "reload" }
 *     answer   { "v": 1, "status": "ok" | "failed" | "malformed", "detail": str, …fields: str or uint }
 */
#ifndef JEJAK_COLLECTOR_CONTROL_H
#define JEJAK_COLLECTOR_CONTROL_H

#include "common/status.h"

enum control_op {
    CONTROL_STATUS,
    CONTROL_RELOAD,
    CONTROL_OP_COUNT
};
/* STATUS_PROTOCOL with what is wrong. */
enum status control_read(struct slice request, enum control_op *op, struct error *error) must_check;

struct control_answer;
struct control_answer *control_answer_open(const char *status, const char *detail, uint32_t field_count);
void control_answer_text(struct control_answer *answer, const char *name, const char *value);
void control_answer_natural(struct control_answer *answer, const char *name, uint64_t value);
struct slice control_answer_bytes(const struct control_answer *answer);
void control_answer_close(struct control_answer *answer);

#endif
