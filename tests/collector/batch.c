#include "tests/collector/batch.h"

#include <msgpack.h>
#include <stdlib.h>

static void pack_text(msgpack_packer *packer, const char *text)
{
    msgpack_pack_str_with_body(packer, text, strlen(text));
}

static void pack_number(msgpack_packer *packer, const char *key, uint64_t number)
{
    pack_text(packer, key);
    msgpack_pack_uint64(packer, number);
}

static void pack_event(msgpack_packer *packer, const struct batch_event *event)
{
    bool valued = event->value != BATCH_NO_VALUE;
    msgpack_pack_array(packer, valued ? 5 : 4);
    pack_text(packer, event->kind);
    msgpack_pack_int64(packer, event->time_ms);
    pack_text(packer, event->learner);
    pack_text(packer, event->content);
    if (valued)
        msgpack_pack_int64(packer, event->value);
}

struct slice batch_make(const struct batch_head *head, const struct batch_event *events, uint32_t count)
{
    msgpack_sbuffer bytes;
    msgpack_packer packer;
    msgpack_sbuffer_init(&bytes);
    msgpack_packer_init(&packer, &bytes, msgpack_sbuffer_write);
    msgpack_pack_map(&packer, head->session ? 5 : 4);
    pack_number(&packer, "v", head->version);
    if (head->session) {
        pack_text(&packer, "session");
        msgpack_pack_bin_with_body(&packer, head->session, SESSION_BYTES);
    }
    pack_number(&packer, "seq", head->seq);
    pack_number(&packer, "acked", head->acked);
    pack_text(&packer, "events");
    msgpack_pack_array(&packer, count);
    for (uint32_t i = 0; i < count; i++)
        pack_event(&packer, &events[i]);
    size_t size = bytes.size;
    return slice_of(msgpack_sbuffer_release(&bytes), size);
}

void batch_free(struct slice batch)
{
    free((void *)(uintptr_t)batch.data);
}
