#include "clients/publisher/encode.h"

#include <msgpack/pack.h>

/* A room of fixed size that msgpack-c writes into; what is valid fits (encode.h). */
struct room {
    uint8_t *at;
    uint8_t *end;
};

static int room_write(void *argument, const char *bytes, size_t size)
{
    struct room *room = argument;
    ensure(size <= (size_t)(room->end - room->at));
    memcpy(room->at, bytes, size);
    room->at += size;
    return 0;
}

static void pack_text(msgpack_packer *packer, struct slice text)
{
    msgpack_pack_str(packer, text.size);
    msgpack_pack_str_body(packer, text.data, text.size);
}

static void pack_key(msgpack_packer *packer, const char *key)
{
    pack_text(packer, slice_of_text(key));
}

size_t encode_head(const struct encode_head *head, uint8_t bytes[ENCODE_HEAD_MAX])
{
    struct room room = {bytes, bytes + ENCODE_HEAD_MAX};
    msgpack_packer packer;
    msgpack_packer_init(&packer, &room, room_write);
    msgpack_pack_map(&packer, 6);
    pack_key(&packer, "v");
    msgpack_pack_uint8(&packer, WIRE_VERSION);
    pack_key(&packer, "session");
    msgpack_pack_bin(&packer, SESSION_BYTES);
    msgpack_pack_bin_body(&packer, head->session, SESSION_BYTES);
    pack_key(&packer, "seq");
    msgpack_pack_uint64(&packer, head->seq);
    pack_key(&packer, "acked");
    msgpack_pack_uint64(&packer, head->acked);
    pack_key(&packer, "sent");
    msgpack_pack_int64(&packer, head->sent_ms);
    pack_key(&packer, "events");
    msgpack_pack_array(&packer, head->events);
    return (size_t)(room.at - bytes);
}

size_t encode_event(const struct event *event, uint8_t bytes[ENCODE_EVENT_MAX])
{
    struct room room = {bytes, bytes + ENCODE_EVENT_MAX};
    msgpack_packer packer;
    msgpack_packer_init(&packer, &room, room_write);
    bool valued = kind_has_value(event->kind);
    msgpack_pack_array(&packer, valued ? 5 : 4);
    pack_text(&packer, slice_of_text(kind_name(event->kind)));
    msgpack_pack_int64(&packer, event->time_ms);
    pack_text(&packer, event->learner);
    pack_text(&packer, event->content);
    if (valued)
        msgpack_pack_uint32(&packer, event->value);
    return (size_t)(room.at - bytes);
}
