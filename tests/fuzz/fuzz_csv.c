/* A CSV file, record by record; and the same bytes as a curriculum. */
#include "tests/fuzz/fuzz.h"

#include "aggregator/curriculum.h"
#include "common/csv.h"
#include "common/event.h"

static void check_fields(const struct csv_record *record, size_t size)
{
    size_t total = 0;
    promise(record->count >= 1 && record->count <= CSV_MAX_FIELDS);
    for (size_t i = 0; i < record->count; i++) {
        total += record->fields[i].size;
        for (size_t at = 0; at < record->fields[i].size; at++)
            promise(record->fields[i].data[at] != '\0');
    }
    promise(total <= CSV_MAX_RECORD_BYTES && total <= size);
}

/* Every record lies behind the one before it, and all of the text is passed over at the end. */
static void check_records(struct slice text)
{
    struct csv *csv = csv_open_text(text);
    struct csv_record record;
    struct error error;
    uint64_t offset = 0, line = 0;
    for (enum csv_outcome outcome; (outcome = csv_next(csv, &record, &error)) != CSV_END;) {
        promise(outcome == CSV_RECORD || outcome == CSV_BROKEN);
        promise(record.line > line && record.next.offset > offset && record.next.offset <= text.size);
        promise(record.next.line > record.line || record.next.offset == text.size);
        if (outcome == CSV_RECORD)
            check_fields(&record, text.size);
        line = record.line;
        offset = record.next.offset;
    }
    csv_close(csv);
}

static void check_curriculum(struct slice text)
{
    struct curriculum *curriculum = NULL;
    struct error error;
    enum status status = curriculum_open("plan.csv", text, &curriculum, &error);
    promise(status == STATUS_OK || (status == STATUS_DATA && !curriculum));
    if (status != STATUS_OK)
        return;
    promise(curriculum_count(curriculum) <= text.size);
    promise(!curriculum_find(curriculum, slice_of_text("not/in/it/for/sure")));
    curriculum_close(curriculum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = exact_copy(slice_of(data, size));
    check_records(slice_of(copy, size));
    check_curriculum(slice_of(copy, size));
    free(copy);
    return 0;
}
