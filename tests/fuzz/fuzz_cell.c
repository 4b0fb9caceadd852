/* The stored values of a cell: summary, facts, marks, cohort changes, roll-ups. The first byte chooses one; its frame's mark,
 * version, key and checksum are put right first, so that what lies behind them is reached. */
#include "tests/fuzz/promise.h"

#include "aggregator/cell_frame.h"

#include <xxhash.h>

enum {
    LEARNERS = 100
};

static const struct cell_key key = {.content = 3, .day = 20000, .piece = 1};
static const char *const names[] = {"JCSU", "JCFA", "JCMA", "JCCO", "JCRO", "JCRM"};

static void reseal(uint8_t *value, size_t size, unsigned which)
{
    size_t sealed = size - FRAME_CHECKSUM_BYTES;
    memcpy(value, names[which], 4);
    value[4] = CELL_VERSION;
    value[5] = 0;
    put_u32(value + 12, key.content);
    put_u32(value + 16, (uint32_t)key.day);
    put_u64(value + sealed, XXH3_64bits(value, sealed));
}

static void look(const struct cell_entry *entries, uint32_t count, void *argument)
{
    (void)argument;
    for (uint32_t i = 0; i < count; i++)
        promise(entries[i].learner < LEARNERS);
}

static void check_facts(struct slice value, struct arena *arena, struct error *error)
{
    struct cell_facts_view view;
    struct cell_facts facts;
    const uint8_t *next = NULL;
    if (cell_facts_open(value, &key, &view, error) != STATUS_OK)
        return;
    for (uint32_t i = 0; i < view.count; i++)
        if (cell_facts_next(&view, &next, arena, &facts, error) != STATUS_OK)
            return;
}

static void check_marks(const struct cell_mark *marks, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        promise(marks[i].learner < LEARNERS);
}

static void check_value(struct slice value, unsigned which)
{
    struct arena arena = {0};
    struct cell_entries entries = {0};
    struct cell_sink sink = {.into = &entries, .each = look};
    struct cell_mark *marks = NULL;
    struct cell_cohort *changes = NULL;
    struct error error;
    uint32_t count = 0;
    if (which == 0 && cell_summary_decode(value, &key, LEARNERS, &entries, &count, &error) == STATUS_OK)
        look(entries.entries, count, NULL);
    else if (which == 1)
        check_facts(value, &arena, &error);
    else if (which == 2 && cell_marks_decode(value, &key, LEARNERS, &arena, &marks, &count, &error) == STATUS_OK)
        check_marks(marks, count);
    else if (which == 3 && cell_cohorts_decode(value, &key, LEARNERS, &arena, &changes, &count, &error) == STATUS_OK)
        promise(count == 0 || changes[count - 1].learner < LEARNERS);
    else if (which == 4 && cell_rollup_decode(value, &key, LEARNERS, &sink, &error) != STATUS_OK)
        promise(error.text[0]);
    else if (which == 5 && cell_mark_rollup_decode(value, &key, LEARNERS, &arena, &marks, &count, &error) == STATUS_OK)
        check_marks(marks, count);
    cell_entries_close(&entries);
    arena_close(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 + FRAME_BYTES + FRAME_CHECKSUM_BYTES)
        return 0;
    unsigned which = data[0] % ARRAY_COUNT(names);
    uint8_t *copy = mem_new(1, size - 1); /* of exactly its size, as fuzz.h wants it */
    memcpy(copy, data + 1, size - 1);
    reseal(copy, size - 1, which);
    check_value(slice_of(copy, size - 1), which);
    free(copy);
    return 0;
}
