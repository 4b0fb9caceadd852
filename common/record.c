#include "common/block_layout.h"
#include "common/format.h"

#include <xxhash.h>

static const char record_magic[4] = {'J', 'R', 'E', 'C'};

static void put_header(const struct record_header *header, uint8_t *out)
{
    memset(out, 0, RECORD_HEADER_BYTES);
    memcpy(out, record_magic, sizeof record_magic);
    put_u16(out + 4, RECORD_VERSION);
    out[6] = (uint8_t)header->kind;
    memcpy(out + 8, header->log_id, LOG_ID_BYTES);
    put_u32(out + 24, header->epoch);
    put_u32(out + 28, header->span);
    put_u64(out + 32, header->first_offset);
    put_u64(out + 40, header->vault_rows);
    put_u32(out + 48, header->learners);
    put_u32(out + 52, header->events);
    put_u32(out + 56, header->body_size);
    put_u64(out + 64, (uint64_t)header->least_ms);
    put_u64(out + 72, (uint64_t)header->greatest_ms);
    put_u64(out + 80, (uint64_t)header->received_ms);
}

size_t record_seal(const struct record_header *header, uint8_t *out)
{
    size_t size = RECORD_HEADER_BYTES + header->body_size;
    put_header(header, out);
    put_u64(out + size, XXH3_64bits(out, size));
    return size + RECORD_CHECKSUM_BYTES;
}

static size_t encode_control(struct record_header *header, int64_t now_ms, uint8_t *out)
{
    header->span = 1;
    header->events = 0;
    header->least_ms = header->greatest_ms = header->received_ms = now_ms;
    return record_seal(header, out);
}

size_t record_encode_lid(struct record_header *header, enum record_kind kind, const uint8_t lid[LID_BYTES],
                         int64_t now_ms, uint8_t *out)
{
    ensure(kind == RECORD_FORGET || kind == RECORD_RESTRICT || kind == RECORD_LIFT);
    header->kind = kind;
    header->body_size = LID_BYTES;
    memcpy(out + RECORD_HEADER_BYTES, lid, LID_BYTES);
    return encode_control(header, now_ms, out);
}

size_t record_encode_cut(struct record_header *header, int64_t cut_ms, int64_t now_ms, uint8_t *out)
{
    header->kind = RECORD_CUT;
    header->body_size = 8;
    put_u64(out + RECORD_HEADER_BYTES, (uint64_t)cut_ms);
    return encode_control(header, now_ms, out);
}

size_t record_encode_lost(struct record_header *header, uint8_t *out)
{
    header->kind = RECORD_LOST;
    header->vault_rows = 0;
    header->learners = header->events = header->body_size = 0;
    header->received_ms = header->greatest_ms;
    return record_seal(header, out);
}

/* ---- reading ---- */

enum status record_corrupt(struct error *error, const struct record_header *header, const char *what)
{
    return error_set(error, STATUS_CORRUPT, "the record at offset %llu is damaged: %s",
                     (unsigned long long)header->first_offset, what);
}

static const char *control_fault(const struct record_header *header)
{
    uint32_t expected = header->kind == RECORD_CUT ? 8 : LID_BYTES;
    if (header->span != 1 || header->events != 0)
        return "a control record covers one offset";
    return header->body_size == expected ? NULL : "a control record of a wrong size";
}

static const char *events_fault(const struct record_header *header)
{
    if (header->events > header->span || header->span > BLOCK_MAX_EVENTS || header->span == 0)
        return "the counts of events and offsets do not fit";
    if (header->least_ms > header->greatest_ms || header->least_ms < 0 || header->greatest_ms > TIME_MAX_MS)
        return "the times do not fit";
    return header->body_size >= DIRECTORY_BYTES ? NULL : "the body is too short";
}

static const char *lost_fault(const struct record_header *header)
{
    if (header->span == 0 || header->events != 0 || header->learners != 0 || header->body_size != 0)
        return "a lost record has offsets and nothing else";
    return header->least_ms <= header->greatest_ms ? NULL : "the times do not fit";
}

static const char *kind_fault(const struct record_header *header)
{
    if (header->first_offset > UINT64_MAX - header->span)
        return "its offsets end beyond 64 bits";
    switch (header->kind) {
    case RECORD_EVENTS:
        return events_fault(header);
    case RECORD_FORGET:
    case RECORD_RESTRICT:
    case RECORD_LIFT:
    case RECORD_CUT:
        return control_fault(header);
    case RECORD_LOST:
        return lost_fault(header);
    }
    return "an unknown kind of record";
}

/* The bytes of the header that this version does not use. */
static bool spare_is_zero(const uint8_t *at)
{
    return at[7] == 0 && get_u32(at + 60) == 0 && get_u64(at + 88) == 0;
}

static void read_header(const uint8_t *at, struct record_header *header)
{
    header->kind = (enum record_kind)at[6];
    memcpy(header->log_id, at + 8, LOG_ID_BYTES);
    header->epoch = get_u32(at + 24);
    header->span = get_u32(at + 28);
    header->first_offset = get_u64(at + 32);
    header->vault_rows = get_u64(at + 40);
    header->learners = get_u32(at + 48);
    header->events = get_u32(at + 52);
    header->body_size = get_u32(at + 56);
    header->least_ms = (int64_t)get_u64(at + 64);
    header->greatest_ms = (int64_t)get_u64(at + 72);
    header->received_ms = (int64_t)get_u64(at + 80);
}

enum status record_open(struct slice record, struct record_header *header, struct error *error)
{
    struct record_header read = {0};
    if (record.size < RECORD_HEADER_BYTES + RECORD_CHECKSUM_BYTES || record.size > BLOCK_MAX_BYTES)
        return error_set(error, STATUS_CORRUPT, "a record of %zu bytes cannot be", record.size);
    if (memcmp(record.data, record_magic, sizeof record_magic) != 0)
        return error_set(error, STATUS_CORRUPT, "a record without its mark \"JREC\"");
    size_t sealed = record.size - RECORD_CHECKSUM_BYTES;
    read_header(record.data, &read);
    if (get_u64(record.data + sealed) != XXH3_64bits(record.data, sealed))
        return record_corrupt(error, &read, "its checksum does not match");
    unsigned version = get_u16(record.data + 4);
    if (format_check(version, RECORD_VERSION, error) != STATUS_OK)
        return error_prefix(error, "the record at offset %llu", (unsigned long long)read.first_offset);
    if (!spare_is_zero(record.data))
        return record_corrupt(error, &read, "its header is of no version");
    if (sealed != RECORD_HEADER_BYTES + (size_t)read.body_size)
        return record_corrupt(error, &read, "its size does not match");
    const char *fault = kind_fault(&read);
    if (fault)
        return record_corrupt(error, &read, fault);
    *header = read;
    return STATUS_OK;
}

const uint8_t *record_lid(struct slice record)
{
    return record.data + RECORD_HEADER_BYTES;
}

int64_t record_cut(struct slice record)
{
    return (int64_t)get_u64(record.data + RECORD_HEADER_BYTES);
}
