/* A record of the log. Its mark, version, size and checksum are put right first, so that what lies behind them is
 * reached; a block that is taken is written and read again. */
#include "tests/fuzz/fuzz.h"

#include "common/block.h"

#include <xxhash.h>

static void reseal(uint8_t *record, size_t size)
{
    size_t sealed = size - RECORD_CHECKSUM_BYTES;
    memcpy(record, "JREC\1\0", 6);
    put_u32(record + 56, (uint32_t)(sealed - RECORD_HEADER_BYTES));
    put_u64(record + sealed, XXH3_64bits(record, sealed));
}

/* Reads every element, so that a sanitizer sees an array that is too short. */
static void check_events(const struct record_header *header, const struct block_columns *columns)
{
    promise(columns->count == header->events && columns->count + columns->hole_count == header->span);
    for (uint32_t i = 0; i < columns->count; i++) {
        promise(columns->kind[i] < KIND_COUNT && columns->learner[i] < header->learners);
        promise(columns->content[i] < columns->path_count && value_valid(columns->kind[i], columns->value[i]));
        promise(columns->time_ms[i] >= header->least_ms && columns->time_ms[i] <= header->greatest_ms);
    }
}

static void check_dictionaries(const struct record_header *header, const struct block_columns *columns)
{
    uint64_t in_runs = 0;
    for (uint32_t i = 0; i < columns->path_count; i++)
        promise(content_valid(columns->paths[i]));
    for (uint32_t i = 0; i < columns->run_count; in_runs += columns->runs[i++].events)
        promise(columns->runs[i].publisher < columns->publisher_count);
    promise(in_runs == columns->count);
    for (uint32_t i = 0; i < columns->hole_count; i++)
        promise(columns->holes[i] < header->span && (i == 0 || columns->holes[i] > columns->holes[i - 1]));
    promise(header->first_offset + header->span >= header->first_offset);
}

static void check_again(struct record_header header, const struct block_columns *columns)
{
    struct block_buffer buffer = {0};
    struct block_columns again;
    struct record_header opened;
    struct error error;
    uint8_t *out = malloc(block_bound(columns));
    size_t size = block_encode(&header, columns, out);
    promise(size <= block_bound(columns));
    promise(record_open(slice_of(out, size), &opened, &error) == STATUS_OK);
    promise(block_decode(slice_of(out, size), &opened, &buffer, &again, &error) == STATUS_OK);
    promise(again.count == columns->count && again.run_count == columns->run_count);
    promise(again.path_count == columns->path_count && again.hole_count == columns->hole_count);
    promise(memcmp(again.time_ms, columns->time_ms, again.count * sizeof *again.time_ms) == 0);
    promise(memcmp(again.learner, columns->learner, again.count * sizeof *again.learner) == 0);
    promise(memcmp(again.value, columns->value, again.count * sizeof *again.value) == 0);
    for (uint32_t i = 0; i < again.run_count; i++)
        promise(again.runs[i].received_ms == columns->runs[i].received_ms);
    block_buffer_close(&buffer);
    free(out);
}

static void check_record(struct slice record)
{
    struct block_buffer buffer = {0};
    struct block_columns columns;
    struct record_header header;
    struct error error;
    if (record_open(record, &header, &error) != STATUS_OK)
        return;
    if (header.kind == RECORD_LOST) {
        promise(header.span > 0 && header.events == 0 && record.size == RECORD_HEADER_BYTES + RECORD_CHECKSUM_BYTES);
    } else if (header.kind != RECORD_EVENTS) {
        volatile int64_t read = header.kind == RECORD_CUT ? record_cut(record) : record_lid(record)[LID_BYTES - 1];
        (void)read;
    } else if (block_decode(record, &header, &buffer, &columns, &error) == STATUS_OK) {
        check_events(&header, &columns);
        check_dictionaries(&header, &columns);
        if (columns.count > 0)
            check_again(header, &columns);
    }
    block_buffer_close(&buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = exact_copy(slice_of(data, size));
    if (size >= RECORD_HEADER_BYTES + RECORD_CHECKSUM_BYTES)
        reseal(copy, size);
    check_record(slice_of(copy, size));
    free(copy);
    return 0;
}
