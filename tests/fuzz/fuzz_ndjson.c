/* A file of newline-delimited JSON, line by line, each row made an event. */
#include "tests/fuzz/fuzz.h"

#include "clients/publish/ndjson.h"
#include "tests/fuzz/memory_file.h"

static void check_row(const struct row *row)
{
    struct event event;
    for (enum row_column column = 0; column < ROW_COLUMNS; column++)
        promise(row->fields[column].data || row->fields[column].size == 0);
    if (row_event(row, &event) == VERDICT_ACCEPTED && event_check(&event, 0, TIME_MAX_MS) == VERDICT_ACCEPTED)
        promise(learner_valid(event.learner) && content_valid(event.content));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ndjson *ndjson = ndjson_open(memory_file(data, size), (struct csv_position){0});
    struct csv_record record;
    struct row row;
    struct error error;
    uint64_t offset = 0, line = 0;
    for (enum csv_outcome outcome; (outcome = ndjson_next(ndjson, &record, &row, &error)) != CSV_END;) {
        promise(outcome == CSV_RECORD || outcome == CSV_BROKEN);
        promise(record.line > line && record.next.offset > offset && record.next.offset <= size);
        if (outcome == CSV_RECORD)
            check_row(&row);
        line = record.line;
        offset = record.next.offset;
    }
    ndjson_close(ndjson);
    return 0;
}
