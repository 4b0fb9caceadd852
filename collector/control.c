#include "collector/control.h"

#include "common/mp.h"

#include <msgpack.h>
#include <stdlib.h>

static const char *const op_names[CONTROL_OP_COUNT] = {
    [CONTROL_STATUS] = "status",
    [CONTROL_RELOAD] = "reload",
};

static void read_op(struct mp *mp, enum control_op *op)
{
    struct slice name = mp_str(mp);
    for (unsigned i = 0; i < CONTROL_OP_COUNT; i++)
        if (slice_equal(name, slice_of_text(op_names[i])))
            *op = (enum control_op)i;
    if (*op == CONTROL_OP_COUNT)
        mp_fail(mp, "an unknown `op`");
}

enum status control_read(struct slice request, enum control_op *op, struct error *error)
{
    struct mp mp = mp_open(request);
    enum control_op read = CONTROL_OP_COUNT;
    uint64_t version = 0;
    uint32_t pairs = mp_map(&mp);
    for (uint32_t i = 0; i < pairs && !mp.error; i++) {
        struct slice key = mp_str(&mp);
        if (slice_equal(key, slice_of_text("v")))
            version = mp_uint(&mp);
        else if (slice_equal(key, slice_of_text("op")))
            read_op(&mp, &read);
        else
            mp_fail(&mp, "an unknown key");
    }
    if (!mp_done(&mp) || version != 1 || read == CONTROL_OP_COUNT)
        return error_set(error, STATUS_PROTOCOL, "a control request is malformed: %s",
                         mp.error ? mp.error : "it needs `v` = 1 and `op`, once each");
    *op = read;
    return STATUS_OK;
}

struct control_answer {
    msgpack_sbuffer bytes;
    msgpack_packer packer;
};

struct control_answer *control_answer_open(const char *status, const char *detail, uint32_t field_count)
{
    struct control_answer *answer = mem_new(1, sizeof *answer);
    msgpack_sbuffer_init(&answer->bytes);
    msgpack_packer_init(&answer->packer, &answer->bytes, msgpack_sbuffer_write);
    msgpack_pack_map(&answer->packer, 3 + field_count);
    control_answer_natural(answer, "v", 1);
    control_answer_text(answer, "status", status);
    control_answer_text(answer, "detail", detail);
    return answer;
}

void control_answer_text(struct control_answer *answer, const char *name, const char *value)
{
    msgpack_pack_str_with_body(&answer->packer, name, strlen(name));
    msgpack_pack_str_with_body(&answer->packer, value, strlen(value));
}

void control_answer_natural(struct control_answer *answer, const char *name, uint64_t value)
{
    msgpack_pack_str_with_body(&answer->packer, name, strlen(name));
    msgpack_pack_uint64(&answer->packer, value);
}

struct slice control_answer_bytes(const struct control_answer *answer)
{
    return slice_of(answer->bytes.data, answer->bytes.size);
}

void control_answer_close(struct control_answer *answer)
{
    msgpack_sbuffer_destroy(&answer->bytes);
    free(answer);
}
