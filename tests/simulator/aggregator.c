/* jejak-aggregator follow, and a look at its cells when all is at rest. */
#include "aggregator/follow.h"
#include "tests/aggregator/oracle.h"
#include "tests/aggregator/same_figures.h"
#include "tests/simulator/actors.h"
#include "tests/simulator/files.h"
#include "tests/simulator/stores.h"

#include <stdlib.h>

#define CELLS_PATH FILES_ROOT "/server/data/cells"
enum {
    CACHE_BYTES = 1 << 20,
    QUERIES = 3,
    POSITION_OFFSET_AT = 20,          /* aggregator/cells_base.c */
    ZONE_OFFSET_MS = 7 * 3600 * 1000, /* Asia/Jakarta, config.h */
    MAX_SLICE_MS = 1800000,
};

/* A time zone is the same in every world, and takes a while to make: each is opened once and kept. */
enum status __real_zone_open(const char *name, struct zone **zone, struct error *error);
enum status __wrap_zone_open(const char *name, struct zone **zone, struct error *error);
void __real_zone_close(struct zone *zone);
void __wrap_zone_close(struct zone *zone);
static struct zone *zone_kept;

enum status __wrap_zone_open(const char *name, struct zone **zone, struct error *error)
{
    enum status status = zone_kept ? STATUS_OK : __real_zone_open(name, &zone_kept, error);
    if (status == STATUS_OK)
        *zone = zone_kept;
    return status;
}

void __wrap_zone_close(struct zone *zone)
{
    (void)zone;
}

void aggregator_free(void)
{
    __real_zone_close(zone_kept);
    zone_kept = NULL;
}

void aggregator_run(struct process *process)
{
    const struct server *server = process->argument;
    struct follow_options options = {.rebuild_on_fork = true};
    struct error error = {0};
    enum status status = follow_run(server->config, &options, &error);
    if (status == STATUS_OK || process->dead)
        return;
    world_say("aggregator ends: %s", error.text);
    if (status != STATUS_IO && status != STATUS_FULL && status != STATUS_BUSY)
        world_fail("the aggregator ends with %s: %s", status_name(status), error.text);
}

static bool row_of(const char *path, const char *key, struct slice *value)
{
    struct disk_store *store = disk_store_at(path);
    size_t at;
    if (!store || !rows_have(store->families[0]->now, slice_of_text(key), &at))
        return false;
    *value = rows_value(store->families[0]->now, at);
    return true;
}

bool aggregator_caught_up(void)
{
    struct slice position, next;
    const struct disk_store *log = disk_store_at(FILES_ROOT "/server/data/log");
    if (log->logged_count > 0 || !row_of(log->path, "next", &next)) /* what is not safe yet will be, or be gone */
        return false;
    if (get_be64(next.data) == 0)
        return true;
    return row_of(CELLS_PATH, "position", &position) &&
           get_u64(position.data + POSITION_OFFSET_AT) == get_be64(next.data);
}

/* ---- the recount ---- */

static struct history history_of_log(void)
{
    static const char *contents[LEDGER_CONTENTS];
    for (uint32_t i = 0; i < LEDGER_CONTENTS; i++)
        contents[i] = ledger_content(i);
    struct history history = {.learner_count = LEDGER_LEARNERS,
                              .content_count = LEDGER_CONTENTS,
                              .contents = contents,
                              .max_slice_ms = MAX_SLICE_MS,
                              .zone_offset_ms = ZONE_OFFSET_MS};
    history.restricted = mem_new(LEDGER_LEARNERS, sizeof *history.restricted);
    history.events = mem_new(ledger_count(), sizeof *history.events);
    for (size_t i = 0; i < ledger_count(); i++) {
        const struct ledger_event *event = ledger_at(i);
        if (ledger_stored(i))
            history.events[history.event_count++] =
                (struct happening){event->learner, event->kind, event->time_ms, event->content, event->value, NULL};
    }
    return history;
}

/* The period: all of it, or something within. */
static void choose_period(struct history *history)
{
    int64_t first_ms = ledger_at(0)->time_ms, last_ms = ledger_at(ledger_count() - 1)->time_ms;
    bool whole = world_chance(400);
    history->from_ms = whole ? first_ms : first_ms + (int64_t)world_roll((uint64_t)(last_ms - first_ms) + 1);
    history->to_ms = whole ? WORLD_START_MS : history->from_ms + 1 + (int64_t)world_roll(1000000);
}

/* The query's contents by the numbers that they have in the cells; those that are not there are left out. */
static void renumber(struct figures_query *query, struct plan_book *book, const struct history *history,
                     const struct cells *cells)
{
    for (uint32_t p = 0; p < query->plan_count; p++) {
        struct figures_plan *plan = &book->plans[p];
        uint32_t kept = 0, *contents = book->contents[(plan->contents - book->contents[0]) / HISTORY_CONTENTS];
        for (uint32_t c = 0; c < plan->content_count; c++)
            for (uint32_t n = 0; n < cells_content_count(cells); n++)
                if (strcmp(cells_content_path(cells, n), history->contents[contents[c]]) == 0) {
                    contents[kept++] = n;
                    break;
                }
        plan->content_count = kept;
    }
}

static void compare(struct cells *cells, struct history *history)
{
    struct dice dice = {world_roll(UINT64_MAX)};
    struct plan_book book;
    struct figures_table got;
    struct error error;
    char where[256];
    choose_period(history);
    struct figures_query query = history_query(history, &dice, &book);
    struct figures_table expected = oracle_figures(history, &query);
    renumber(&query, &book, history, cells);
    if (figures_once(cells, 1 + (uint32_t)world_roll(2), &query, &got, &error) != STATUS_OK) {
        world_fail("the figures cannot be made: %s", error.text);
    } else {
        if (!same_figures(&got, &expected, where))
            world_fail("the report is not the recount: %s", where);
        figures_table_close(&got);
    }
    figures_table_close(&expected);
}

void aggregator_judge(struct process *process)
{
    (void)process;
    struct cells_settings settings = {.cache_bytes = CACHE_BYTES};
    struct cells *cells;
    struct error error;
    if (ledger_count() == 0)
        return;
    struct history history = history_of_log();
    enum status status =
        history.event_count > 0 ? cells_open(CELLS_PATH, CELLS_READ_ONLY, &settings, &cells, &error) : STATUS_NO_INPUT;
    for (int i = 0; status == STATUS_OK && i < QUERIES && !world.failed; i++)
        compare(cells, &history);
    if (status == STATUS_OK)
        cells_close(cells);
    else if (history.event_count > 0)
        world_fail("the cells cannot be opened: %s", error.text);
    history_close(&history);
}
