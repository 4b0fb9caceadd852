#include "common/logread.h"

/* What stands, or what is wrong, at one place of a segment. */
enum found {
    FOUND_RECORD,
    FOUND_DAMAGE,
    FOUND_END,
    FOUND_FAILURE, /* of the disk, or a record of a newer program */
};

struct place {
    struct logread *read;
    struct rocks_family *segment;
    struct rocks_iterator *iterator;
    enum found found;
    struct slice record;
    struct record_header header;
    struct error error; /* of damage and failures */
};

static struct place place_open(struct logread *read, struct rocks_family *segment)
{
    return (struct place){
        .read = read, .segment = segment, .iterator = rocks_iterator_open(read->store, segment), .found = FOUND_END};
}

static enum found found_of(enum status status)
{
    return status == STATUS_OK ? FOUND_RECORD : status == STATUS_CORRUPT ? FOUND_DAMAGE : FOUND_FAILURE;
}

/* `record` stands under the key of `offset`. */
static void judge(struct place *place, uint64_t offset, struct slice record)
{
    enum status status = record_open(record, &place->header, &place->error);
    if (status == STATUS_OK && place->header.first_offset != offset)
        status = error_set(&place->error, STATUS_CORRUPT, "the record of offset %llu stands under %llu",
                           (unsigned long long)place->header.first_offset, (unsigned long long)offset);
    if (status == STATUS_OK && place->header.kind == RECORD_LOST)
        status = error_set(&place->error, STATUS_CORRUPT, "a lost record is stored at offset %llu",
                           (unsigned long long)offset);
    place->record = record;
    place->found = found_of(status);
}

/* Where the iterator stands. */
static void look(struct place *place)
{
    if (!rocks_iterator_valid(place->iterator)) {
        enum status status = rocks_iterator_status(place->iterator, &place->error);
        place->found = status == STATUS_OK ? FOUND_END : found_of(status);
        return;
    }
    struct slice key = rocks_iterator_key(place->iterator);
    if (key.size == 8) {
        judge(place, get_be64(key.data), rocks_iterator_value(place->iterator));
        return;
    }
    error_set(&place->error, STATUS_CORRUPT, "a key of %zu bytes stands in a segment", key.size);
    place->found = FOUND_DAMAGE;
}

/* Damage, and the iterator is nowhere. */
static bool unreadable(const struct place *place)
{
    return place->found == FOUND_DAMAGE && !rocks_iterator_valid(place->iterator);
}

/* An iterator that met damage may go on failing wherever it is sent (RocksDB 7.8, measured): it is made anew. */
static void renew(struct place *place)
{
    if (!unreadable(place))
        return;
    rocks_iterator_close(place->iterator);
    place->iterator = rocks_iterator_open(place->read->store, place->segment);
}

static void seek(struct place *place, uint64_t offset)
{
    uint8_t key[8];
    put_be64(key, offset);
    renew(place);
    rocks_iterator_seek(place->iterator, slice_of(key, sizeof key));
    look(place);
}

static void seek_before(struct place *place, uint64_t offset)
{
    uint8_t key[8];
    put_be64(key, offset);
    renew(place);
    rocks_iterator_seek_before(place->iterator, slice_of(key, sizeof key));
    look(place);
}

static void step(struct place *place)
{
    rocks_iterator_next(place->iterator);
    look(place);
}

/* From the record that covers `offset`, or the first one after it. */
static void begin(struct place *place, uint64_t offset)
{
    seek_before(place, offset);
    if (place->found == FOUND_END || unreadable(place) ||
        (place->found == FOUND_RECORD && place->header.first_offset + place->header.span <= offset))
        seek(place, offset);
}

/* From damage that reaches beyond `offset` to the first place before `end` where something stands. */
static void find_behind(struct place *place, uint64_t offset, uint64_t end)
{
    uint64_t bad = offset, good = end, stride = LOGREAD_STRIDE;
    for (uint32_t strides = 0; unreadable(place) && bad < end; strides++) {
        good = end - bad > stride ? bad + stride : end;
        seek(place, good);
        if (unreadable(place))
            bad = good;
        if (strides >= LOGREAD_STRIDES)
            stride *= 2;
    }
    while (good > bad + 1 && place->found != FOUND_FAILURE) {
        uint64_t middle = bad + (good - bad) / 2;
        seek(place, middle);
        if (unreadable(place))
            bad = middle;
        else
            good = middle;
    }
    if (place->found != FOUND_FAILURE)
        seek(place, good);
}

/* When the record before `offset` was received; 0: it cannot be told. */
static int64_t received_before(struct logread *read, struct rocks_family *segment, uint64_t offset)
{
    struct place place = place_open(read, segment);
    int64_t received_ms = 0;
    if (offset > 0)
        seek_before(&place, offset - 1);
    if (offset > 0 && place.found == FOUND_RECORD)
        received_ms = place.header.received_ms;
    rocks_iterator_close(place.iterator);
    return received_ms;
}

static const char not_there[] = "the records of these offsets are not there";

/* Lost records from read->offset up to `next`, where the place is. */
static void give_lost(struct place *place, uint64_t next, const char *what)
{
    struct logread *read = place->read;
    int64_t least_ms = received_before(read, place->segment, read->offset);
    int64_t greatest_ms = place->found == FOUND_RECORD ? place->header.received_ms : read->now_ms;
    while (read->offset < next && !read->stopped) {
        uint8_t bytes[CONTROL_RECORD_MAX];
        uint64_t span = next - read->offset;
        struct record_header header = {
            .epoch = read->identity.epoch,
            .first_offset = read->offset,
            .span = span < UINT32_MAX ? (uint32_t)span : UINT32_MAX,
            .least_ms = least_ms < greatest_ms ? least_ms : greatest_ms,
            .greatest_ms = greatest_ms,
        };
        memcpy(header.log_id, read->identity.log_id, LOG_ID_BYTES);
        size_t size = record_encode_lost(&header, bytes);
        read->stopped = !read->each(slice_of(bytes, size), &header, what, read->argument);
        read->offset += header.span;
    }
}

/* The damage is named, and what stands behind it found. */
static void pass_damage(struct place *place)
{
    struct logread *read = place->read;
    struct error damage = place->error;
    if (!unreadable(place))
        step(place);
    if (unreadable(place))
        find_behind(place, read->offset, read->end);
    if (place->found == FOUND_FAILURE)
        return;
    uint64_t next = read->end;
    if (rocks_iterator_valid(place->iterator)) {
        struct slice key = rocks_iterator_key(place->iterator);
        uint64_t at = key.size == 8 ? get_be64(key.data) : read->end;
        next = at > read->offset && at < read->end ? at : read->end;
    }
    give_lost(place, next, damage.text);
}

static void pass_record(struct place *place)
{
    struct logread *read = place->read;
    const struct record_header *header = &place->header;
    uint64_t next = header->first_offset + header->span;
    if (header->first_offset > read->offset)
        give_lost(place, header->first_offset < read->end ? header->first_offset : read->end, not_there);
    if (read->stopped || header->first_offset >= read->end)
        return;
    if (next > read->offset) {
        read->stopped = !read->each(place->record, header, NULL, read->argument);
        read->offset = next;
    }
    if (!read->stopped && read->offset < read->end)
        step(place);
}

enum status logread_segment(struct logread *read, struct rocks_family *segment, struct error *error)
{
    struct place place = place_open(read, segment);
    enum status status = STATUS_OK;
    begin(&place, read->offset);
    while (read->offset < read->end && !read->stopped && place.found != FOUND_FAILURE) {
        if (place.found == FOUND_RECORD)
            pass_record(&place);
        else if (place.found == FOUND_DAMAGE)
            pass_damage(&place);
        else
            give_lost(&place, read->end, not_there);
    }
    if (place.found == FOUND_FAILURE) {
        *error = place.error;
        status = error->status;
    }
    rocks_iterator_close(place.iterator);
    return status;
}

enum status logread_segments(struct logread *read, const struct logread_segment *segments, size_t count,
                             uint64_t durable, struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK && !read->stopped; i++) {
        read->end = i + 1 < count && segments[i + 1].first_offset < durable ? segments[i + 1].first_offset : durable;
        if (read->offset < segments[i].first_offset && i == 0)
            read->offset = segments[i].first_offset;
        if (read->offset < read->end)
            status = logread_segment(read, segments[i].family, error);
    }
    return status;
}
