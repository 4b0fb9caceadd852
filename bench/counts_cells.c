#include "bench/counts.h"

#include "aggregator/figures.h"
#include "aggregator/fold.h"
#include "collector/group.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    EVENTS = 200000,       /* about: a course's load has as many learners as give so many */
    BLOCK_EVENTS = 8000,   /* in a record */
    FLUSH_EVENTS = 50000,  /* so that cells have several pieces to merge */
    CACHE_BYTES = 8 << 20, /* of the cells */
    MAX_SLICE_MS = 1800000,
};

struct fold_run {
    struct counts_load load;
    struct lookup *lookup;
    struct {
        uint8_t *bytes;
        size_t size;
    } * records;
    uint32_t record_count;
    struct cells *cells;
    struct fold *fold;
    struct figures_plan *plans; /* a module each */
    uint32_t plan_count;
    uint32_t *contents; /* of the plans: room for all in each */
};

static const uint8_t the_log_id[LOG_ID_BYTES] = "a log of records";

static void fold_run_close(void *state)
{
    struct fold_run *run = state;
    free(run->contents);
    free(run->plans);
    fold_close(run->fold);
    cells_close(run->cells);
    for (uint32_t i = 0; i < run->record_count; i++)
        free(run->records[i].bytes);
    free(run->records);
    lookup_close(run->lookup);
    counts_load_close(&run->load);
    free(run);
}

/* ---- records of a course ---- */

static uint32_t number_of(struct lookup *lookup, struct slice id)
{
    struct lookup_hash hash = lookup_hash(lookup, id);
    uint32_t number = lookup_get(lookup, hash);
    if (number == LOOKUP_NONE) {
        number = lookup_count(lookup);
        lookup_put(lookup, hash, number);
    }
    return number;
}

static void write_record(struct fold_run *run, struct group *group, uint32_t first, uint32_t count)
{
    group_clear(group, 1);
    for (uint32_t i = first; i < first + count; i++) {
        const struct event *event = &run->load.events[i];
        group_add(group, event, number_of(run->lookup, event->learner), group_path(group, event->content));
    }
    group_run(group, 0, "bench", count, COUNTS_NOW_MS);
    struct block_columns columns;
    group_columns(group, &columns);
    struct record_header header = {.epoch = 1, .first_offset = first, .learners = lookup_count(run->lookup)};
    memcpy(header.log_id, the_log_id, LOG_ID_BYTES);
    uint8_t *bytes = mem_new(block_bound(&columns), 1);
    run->records[run->record_count].bytes = bytes;
    run->records[run->record_count++].size = block_encode(&header, &columns, bytes);
}

static enum status add_learners(struct fold_run *run, struct error *error)
{
    uint32_t count = lookup_count(run->lookup);
    uint8_t *lids = mem_new(count, LID_BYTES);
    for (uint32_t i = 0; i < count; i++)
        put_u32(lids + (size_t)i * LID_BYTES, i + 1);
    enum status status = cells_learners_add(run->cells, 0, slice_of(lids, (size_t)count * LID_BYTES), error);
    free(lids);
    return status;
}

static enum status prepare_records(const char *folder, void **state, struct error *error)
{
    static const uint8_t key[LOOKUP_KEY_BYTES] = "a lookup key";
    const struct cells_settings settings = {"Asia/Jakarta", MAX_SLICE_MS, CACHE_BYTES};
    struct fold_run *run = mem_new(1, sizeof *run);
    *state = run;
    enum status status = counts_load_open(WORKLOAD_COURSE, EVENTS, 1, &run->load, error);
    if (status != STATUS_OK)
        return status;
    run->lookup = lookup_open(key);
    run->records = mem_new(run->load.event_count / BLOCK_EVENTS + 1, sizeof *run->records);
    struct group *group = group_open(BLOCK_EVENTS, 1 << 20);
    for (uint32_t first = 0, count; first < run->load.event_count; first += count) {
        uint32_t left = run->load.event_count - first;
        count = left < BLOCK_EVENTS ? left : BLOCK_EVENTS;
        write_record(run, group, first, count);
    }
    group_close_memory(group);
    char *path = mem_text("%s/cells", folder);
    status = cells_open(path, CELLS_WRITE, &settings, &run->cells, error);
    free(path);
    if (status == STATUS_OK)
        status = add_learners(run, error);
    return status;
}

/* ---- fold: records to tuples, tuples to pieces ---- */

static enum status fold(void *state, uint64_t *units, struct error *error)
{
    struct fold_run *run = state;
    enum status status = STATUS_OK;
    run->fold = fold_open(run->cells, the_log_id, 1, 0);
    for (uint32_t i = 0; status == STATUS_OK && i < run->record_count; i++) {
        status = fold_record(run->fold, slice_of(run->records[i].bytes, run->records[i].size), error);
        if (status == STATUS_OK && (fold_pending(run->fold) >= FLUSH_EVENTS || i + 1 == run->record_count))
            status = fold_flush(run->fold, error);
    }
    *units = fold_offset(run->fold);
    if (status == STATUS_OK && (*units != run->load.event_count || fold_dirty(run->fold)))
        status = error_set(error, STATUS_DATA, "folded to offset %llu of %u", (unsigned long long)*units,
                           run->load.event_count);
    return status;
}

/* ---- merge: pieces of a cell into fewer ---- */

static enum status prepare_pieces(const char *folder, void **state, struct error *error)
{
    uint64_t folded = 0;
    enum status status = prepare_records(folder, state, error);
    return status == STATUS_OK ? fold(*state, &folded, error) : status;
}

static enum status merge(void *state, uint64_t *units, struct error *error)
{
    struct fold_run *run = state;
    enum status status = STATUS_OK;
    for (bool more = true; status == STATUS_OK && more;)
        status = cells_merge_some(run->cells, true, &more, error);
    *units = run->load.event_count;
    return status;
}

/* ---- figures: a module report over everything ---- */

static size_t module_size(const char *path)
{
    return strcspn(path, "/");
}

/* The module of the path, a new one where it has none yet. */
static uint32_t module_of(struct fold_run *run, const char *path)
{
    for (uint32_t i = 0; i < run->plan_count; i++)
        if (module_size(run->plans[i].content) == module_size(path) &&
            memcmp(run->plans[i].content, path, module_size(path)) == 0)
            return i;
    run->plans[run->plan_count] = (struct figures_plan){.content = path, .expected_minutes = 10, .wanted = true};
    return run->plan_count++;
}

static void make_plans(struct fold_run *run)
{
    uint32_t count = cells_content_count(run->cells);
    run->plans = mem_new(count, sizeof *run->plans);
    run->contents = mem_new((size_t)count * count, sizeof *run->contents);
    for (uint32_t content = 0; content < count; content++) {
        uint32_t module = module_of(run, cells_content_path(run->cells, content));
        uint32_t *contents = run->contents + (size_t)module * count;
        contents[run->plans[module].content_count++] = content;
        run->plans[module].contents = contents;
    }
}

static enum status prepare_cells(const char *folder, void **state, struct error *error)
{
    uint64_t merged = 0;
    enum status status = prepare_pieces(folder, state, error);
    if (status == STATUS_OK)
        status = merge(*state, &merged, error);
    if (status == STATUS_OK)
        make_plans(*state);
    return status;
}

static enum status compute(void *state, uint64_t *units, struct error *error)
{
    struct fold_run *run = state;
    const struct figures_query query = {.from_ms = COUNTS_NOW_MS - INT64_C(365) * 86400000,
                                        .to_ms = COUNTS_NOW_MS + 86400000,
                                        .over_factor = 1.5,
                                        .plans = run->plans,
                                        .plan_count = run->plan_count};
    struct figures_table table;
    struct crew *crew = crew_open(run->cells, 1);
    enum status status = figures_compute(crew, &query, &table, error);
    crew_close(crew);
    if (status != STATUS_OK)
        return status;
    for (uint32_t i = 0; i < table.row_count; i++)
        *units += table.rows[i].learners;
    figures_table_close(&table);
    return *units > 0 ? STATUS_OK : error_set(error, STATUS_DATA, "a report without a learner");
}

const struct counts_stage counts_cells_stages[] = {
    {"fold", "event", prepare_records, fold, fold_run_close},
    {"merge", "event", prepare_pieces, merge, fold_run_close},
    {"figures", "learner of a row", prepare_cells, compute, fold_run_close},
};
const size_t counts_cells_count = ARRAY_COUNT(counts_cells_stages);
