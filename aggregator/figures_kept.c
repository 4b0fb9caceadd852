#include "aggregator/figures_kept.h"

#include <stdlib.h>
#include <xxhash.h>

struct kept_table {
    XXH128_hash_t query;
    int64_t to_ms;
    uint64_t change, used; /* used: when it was last asked for, in askings; 0: free */
    size_t bytes;
    struct figures_table table;
};

struct kept_cohorts {
    int64_t before_ms;
    uint64_t change, used;
    struct cohorts cohorts;
};

struct kept {
    const struct cells *cells;
    uint64_t asked;
    size_t bytes;
    struct kept_table tables[KEPT_TABLES];
    struct kept_cohorts cohorts[KEPT_COHORTS];
};

struct kept *kept_open(const struct cells *cells)
{
    struct kept *kept = mem_new(1, sizeof *kept);
    kept->cells = cells;
    return kept;
}

static void drop(struct kept *kept, struct kept_table *table)
{
    kept->bytes -= table->bytes;
    figures_table_close(&table->table);
    *table = (struct kept_table){0};
}

void kept_close(struct kept *kept)
{
    if (!kept)
        return;
    for (size_t i = 0; i < KEPT_TABLES; i++)
        drop(kept, &kept->tables[i]);
    for (size_t i = 0; i < KEPT_COHORTS; i++)
        cohorts_close(&kept->cohorts[i].cohorts);
    free(kept);
}

/* ---- tables ---- */

/* Everything that a table depends on beside the cells. Content paths stand for the names of rows. */
static XXH128_hash_t fingerprint(const struct figures_query *query)
{
    XXH3_state_t *state = XXH3_createState();
    ensure(state);
    XXH3_128bits_reset(state);
    int64_t times[] = {query->from_ms, query->to_ms};
    uint32_t counts[] = {query->plan_count, query->level, query->without_clipped, query->cohort != NULL};
    XXH3_128bits_update(state, times, sizeof times);
    XXH3_128bits_update(state, counts, sizeof counts);
    XXH3_128bits_update(state, &query->over_factor, sizeof query->over_factor);
    if (query->cohort)
        XXH3_128bits_update(state, query->cohort, strlen(query->cohort) + 1);
    for (uint32_t i = 0; i < query->plan_count; i++) {
        const struct figures_plan *plan = &query->plans[i];
        uint32_t of_plan[] = {plan->content_count, plan->wanted};
        XXH3_128bits_update(state, of_plan, sizeof of_plan);
        XXH3_128bits_update(state, &plan->expected_minutes, sizeof plan->expected_minutes);
        XXH3_128bits_update(state, plan->contents, plan->content_count * sizeof *plan->contents);
    }
    XXH128_hash_t hash = XXH3_128bits_digest(state);
    XXH3_freeState(state);
    return hash;
}

static void *copied(const void *from, size_t size)
{
    void *copy = mem_new(1, size);
    if (size > 0)
        memcpy(copy, from, size);
    return copy;
}

static struct figures_table table_copy(const struct figures_table *table)
{
    struct figures_table copy = {.row_count = table->row_count, .group_count = table->group_count};
    size_t group_cells = (size_t)table->row_count * table->group_count;
    copy.rows = copied(table->rows, table->row_count * sizeof *copy.rows);
    copy.groups = copied(table->groups, group_cells * sizeof *copy.groups);
    copy.group_names = mem_new(table->group_count, sizeof *copy.group_names);
    for (uint32_t i = 0; i < table->group_count; i++)
        copy.group_names[i] = mem_text("%s", table->group_names[i]);
    return copy;
}

bool kept_find(struct kept *kept, const struct figures_query *query, struct figures_table *table)
{
    XXH128_hash_t wanted = fingerprint(query);
    for (size_t i = 0; i < KEPT_TABLES; i++) {
        struct kept_table *at = &kept->tables[i];
        if (at->used == 0 || !XXH128_isEqual(at->query, wanted))
            continue;
        if (!cells_unchanged(kept->cells, at->change, at->to_ms)) {
            drop(kept, at);
            return false;
        }
        at->used = ++kept->asked;
        *table = table_copy(&at->table);
        return true;
    }
    return false;
}

static struct kept_table *oldest(struct kept *kept)
{
    struct kept_table *found = &kept->tables[0];
    for (size_t i = 1; i < KEPT_TABLES; i++)
        if (kept->tables[i].used && (!found->used || kept->tables[i].used < found->used))
            found = &kept->tables[i];
    return found;
}

static struct kept_table *free_table(struct kept *kept)
{
    for (size_t i = 0; i < KEPT_TABLES; i++)
        if (kept->tables[i].used == 0)
            return &kept->tables[i];
    struct kept_table *table = oldest(kept);
    drop(kept, table);
    return table;
}

void kept_add(struct kept *kept, const struct figures_query *query, uint64_t change, const struct figures_table *table)
{
    size_t bytes =
        table->row_count * sizeof *table->rows + (size_t)table->row_count * table->group_count * sizeof *table->groups;
    if (bytes > KEPT_TABLE_BYTES)
        return;
    while (kept->bytes + bytes > KEPT_TABLE_BYTES)
        drop(kept, oldest(kept));
    *free_table(kept) = (struct kept_table){.query = fingerprint(query),
                                            .to_ms = query->to_ms,
                                            .change = change,
                                            .used = ++kept->asked,
                                            .bytes = bytes,
                                            .table = table_copy(table)};
    kept->bytes += bytes;
}

/* ---- cohorts ---- */

enum status kept_cohorts(struct kept *kept, int64_t before_ms, const struct cohorts **cohorts, struct error *error)
{
    struct kept_cohorts *place = &kept->cohorts[0];
    for (size_t i = 0; i < KEPT_COHORTS; i++) {
        struct kept_cohorts *at = &kept->cohorts[i];
        bool stands = at->used && at->before_ms == before_ms &&
                      at->cohorts.learner_count == cells_learner_count(kept->cells) &&
                      cells_unchanged(kept->cells, at->change, before_ms);
        if (stands) {
            at->used = ++kept->asked;
            *cohorts = &at->cohorts;
            return STATUS_OK;
        }
        place = at->used < place->used ? at : place;
    }
    uint64_t change = cells_change(kept->cells);
    cohorts_close(&place->cohorts);
    place->used = 0;
    enum status status = cohorts_read(kept->cells, before_ms, &place->cohorts, error);
    if (status)
        return status;
    place->before_ms = before_ms;
    place->change = change;
    place->used = ++kept->asked;
    *cohorts = &place->cohorts;
    return STATUS_OK;
}
