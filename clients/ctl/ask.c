#include "clients/ctl/ctl.h"

#include "common/packer.h"
#include "common/sock.h"

#include <stdlib.h>

static struct slice encode_request(const char *op)
{
    struct packer *packer = packer_open();
    packer_map(packer, 2);
    packer_pair_natural(packer, "v", 1);
    packer_pair_text(packer, "op", op);
    return packer_take(packer);
}

enum status ctl_ask(const struct config *config, const char *op, struct slice *answer, struct error *error)
{
    struct sock_parts parts;
    struct slice request = encode_request(op);
    enum status status = sock_ask(config_text(config, CONFIG_CONTROL), NULL, request, CTL_TIMEOUT_MS, &parts, error);
    if (status == STATUS_OK) {
        uint8_t *copy = mem_new(parts.part[0].size, 1);
        memcpy(copy, parts.part[0].data, parts.part[0].size);
        *answer = slice_of(copy, parts.part[0].size);
        sock_parts_free(&parts);
    }
    free((void *)(uintptr_t)request.data);
    return status;
}

enum status ctl_answer_status(struct slice answer, struct error *error)
{
    struct mp mp = mp_open(answer);
    struct slice state = {NULL, 0}, detail = {NULL, 0};
    uint32_t pairs = mp_map(&mp);
    for (uint32_t i = 0; i < pairs && !mp.error; i++) {
        struct slice key = mp_str(&mp);
        if (slice_equal(key, slice_of_text("status")))
            state = mp_str(&mp);
        else if (slice_equal(key, slice_of_text("detail")))
            detail = mp_str(&mp);
        else
            mp_skip(&mp);
    }
    if (!mp_done(&mp))
        return error_set(error, STATUS_PROTOCOL, "the collector's answer is malformed: %s",
                         mp.error ? mp.error : "bytes left over");
    if (slice_equal(state, slice_of_text("ok")))
        return STATUS_OK;
    return error_set(error, STATUS_CONFIG, "the collector says: %.*s", (int)detail.size, (const char *)detail.data);
}
