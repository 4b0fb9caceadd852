#include "collector/control.h"

#include "common/mp.h"

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

struct packer *control_answer(const char *status, const char *detail, uint32_t field_count)
{
    struct packer *answer = packer_open();
    packer_map(answer, 3 + field_count);
    packer_pair_natural(answer, "v", 1);
    packer_pair_text(answer, "status", status);
    packer_pair_text(answer, "detail", detail);
    return answer;
}
