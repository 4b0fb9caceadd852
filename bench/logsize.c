/* logsize - what an event costs on disk: walks the log of a stopped collector, flushes it, and weighs its files.
 *
 *     bench-logsize FOLDER        a copy of HOME/data/log, because flushing changes it
 *
 * Prints `name value` lines: events (counted in the records, to be held against what was acknowledged), records,
 * record_bytes (as written to the write-ahead log, before compression), table_bytes (the table files once all is
 * flushed, compressed, with learners and sessions; no write-ahead log).
 */
#include "common/block.h"
#include "common/logstore.h"
#include "common/rocks.h"

#include <inttypes.h>
#include <stdio.h>

struct weight {
    uint64_t events, records, record_bytes;
};

static enum status weigh_segment(struct rocks *store, struct rocks_family *family, struct weight *weight,
                                 struct error *error)
{
    struct rocks_iterator *iterator = rocks_iterator_open(store, family);
    enum status status = STATUS_OK;
    rocks_iterator_seek(iterator, slice_of("", 0));
    for (; status == STATUS_OK && rocks_iterator_valid(iterator); rocks_iterator_next(iterator)) {
        struct record_header header;
        struct slice record = rocks_iterator_value(iterator);
        status = record_open(record, &header, error);
        if (status != STATUS_OK)
            break;
        weight->events += header.events;
        weight->record_bytes += record.size;
        weight->records++;
    }
    if (status == STATUS_OK)
        status = rocks_iterator_status(iterator, error);
    rocks_iterator_close(iterator);
    return status;
}

static enum status weigh(struct rocks *store, struct weight *weight, struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < rocks_family_count(store); i++) {
        struct rocks_family *family = rocks_family_at(store, i);
        uint64_t first_offset;
        if (logstore_segment_parse(rocks_family_name(family), &first_offset))
            status = weigh_segment(store, family, weight, error);
    }
    return status == STATUS_OK ? rocks_flush(store, error) : status;
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: bench-logsize FOLDER\n");
        return EX_USAGE;
    }
    /* As the collector opens it (collector/eventlog.c): the flush must compress as its own would. */
    const struct rocks_options options = {.mode = ROCKS_WRITE,
                                          .write_buffer_bytes = 16 << 20,
                                          .cache_bytes = 16 << 20,
                                          .max_wal_bytes = 64 << 20,
                                          .block_bytes = 64 << 10,
                                          .compression_level = 1};
    struct rocks *store;
    struct error error;
    struct weight weight = {0};
    enum status status = rocks_open(argv[1], &options, NULL, 0, &store, &error);
    if (status == STATUS_OK) {
        status = weigh(store, &weight, &error);
        if (status == STATUS_OK)
            printf("events %" PRIu64 "\nrecords %" PRIu64 "\nrecord_bytes %" PRIu64 "\ntable_bytes %" PRIu64 "\n",
                   weight.events, weight.records, weight.record_bytes, rocks_table_bytes(store));
        rocks_close(store);
    }
    if (status != STATUS_OK)
        fprintf(stderr, "bench-logsize: %s\n", error.text);
    return status_exit_code(status);
}
