/* Which rows come next, and which of a row's roll-ups stand. */
#include "aggregator/roller_inner.h"

#include <stdlib.h>

enum {
    STEP_BYTES = 1 << 20, /* of roll-ups, made before others get their turn */
};

struct roller *roller_open(struct cells *cells)
{
    struct roller *roller = mem_new(1, sizeof *roller);
    roller->cells = cells;
    return roller;
}

static void rest(struct roller *roller)
{
    stretch_close(roller->stretch);
    roller->stretch = NULL;
    for (unsigned s = 0; s < ARRAY_COUNT(roller->longer); s++)
        sums_close(&roller->longer[s]);
    cell_entries_close(&roller->read);
    free(roller->entries);
    free(roller->marks);
    roller->entries = NULL;
    roller->marks = NULL;
    roller->entry_room = roller->mark_room = 0;
}

void roller_close(struct roller *roller)
{
    if (!roller)
        return;
    rest(roller);
    free(roller->members);
    free(roller->contents);
    free(roller);
}

/* ---- which stand ---- */

static void note(const struct rollup_key *key, bool filled, void *argument)
{
    struct roller *roller = argument;
    roller->stands[key->span][key->day - roller->block] = filled ? ROLLER_FILLED : ROLLER_EMPTY;
}

void roller_begin(struct roller *roller, const struct rollup_key *key, const struct roll_days *days)
{
    struct rollup_key at = *key;
    roller->block = key->day;
    roller->days = *days;
    memset(roller->stands, ROLLER_MISSING, sizeof roller->stands);
    for (at.span = 0; at.span < ROLLUP_SPANS; at.span++)
        cells_scan_rollups(roller->cells, &at, roller->block + ROLLER_BLOCK_DAYS, note, roller);
}

enum roller_stand roller_stand_of(const struct roller *roller, const struct rollup_key *key)
{
    return (enum roller_stand)roller->stands[key->span][key->day - roller->block];
}

bool roller_wants(const struct roller *roller, const struct rollup_key *key)
{
    const struct roll_days *days = &roller->days;
    int32_t end = key->day + rollup_days(key->span);
    return end > days->first && key->day < days->end && end <= days->newest &&
           roller_stand_of(roller, key) == ROLLER_MISSING;
}

bool roller_days_of(const struct roller *roller, const uint32_t *contents, uint32_t count, struct roll_days *days)
{
    *days = (struct roll_days){.newest = cells_newest_day(roller->cells)};
    if (!cells_row_days(roller->cells, contents, count, &days->first, &days->end))
        return false;
    days->end++; /* an interval may reach into the day after */
    return true;
}

/* ---- the rows ---- */

static int by_module(const void *left, const void *right)
{
    const struct member *a = left, *b = right;
    if (a->module != b->module)
        return a->module < b->module ? -1 : 1;
    if (a->topic != b->topic)
        return a->topic < b->topic ? -1 : 1;
    return (a->content > b->content) - (a->content < b->content);
}

static void find_members(struct roller *roller)
{
    uint32_t count = cells_content_count(roller->cells);
    if (count == roller->member_count)
        return;
    roller->members = mem_grow(roller->members, count, sizeof *roller->members);
    for (uint32_t content = 0; content < count; content++)
        roller->members[content] = (struct member){.module = cells_row(roller->cells, content, 1),
                                                   .topic = cells_row(roller->cells, content, 2),
                                                   .content = content};
    qsort(roller->members, count, sizeof *roller->members, by_module);
    roller->member_count = count;
    roller->at = 0;
    roller->at_marks = false;
}

/* How many members the module at `at` has. */
static uint32_t module_size(const struct roller *roller)
{
    uint32_t end = roller->at + 1;
    while (end < roller->member_count && roller->members[end].module == roller->members[roller->at].module)
        end++;
    return end - roller->at;
}

/* Of the module, or of any topic in it. */
static bool is_due(const struct roller *roller, const struct member *members, uint32_t count)
{
    bool due = cells_row_due(roller->cells, members[0].module, 1);
    for (uint32_t i = 0; i < count && !due; i++)
        due = members[i].topic != UINT32_MAX && cells_row_due(roller->cells, members[i].topic, 2);
    return due;
}

static enum status roll_module(struct roller *roller, struct error *error)
{
    const struct member *members = &roller->members[roller->at];
    uint32_t count = module_size(roller);
    roller->at += count;
    if (!is_due(roller, members, count))
        return STATUS_OK;
    enum status status = roller_roll_activity(roller, members, count, error);
    if (status)
        return status;
    cells_row_settled(roller->cells, members[0].module, 1);
    for (uint32_t i = 0; i < count; i++)
        if (members[i].topic != UINT32_MAX)
            cells_row_settled(roller->cells, members[i].topic, 2);
    return STATUS_OK;
}

static enum status roll_marks(struct roller *roller, struct error *error)
{
    uint32_t content = roller->members[roller->at++].content;
    if (!cells_row_due(roller->cells, content, ROLLUP_MARKS))
        return STATUS_OK;
    enum status status =
        cells_content_seen(roller->cells, content) ? roller_roll_marks(roller, content, error) : STATUS_OK;
    if (!status)
        cells_row_settled(roller->cells, content, ROLLUP_MARKS);
    return status;
}

static bool at_end(struct roller *roller)
{
    if (roller->at < roller->member_count)
        return false;
    if (roller->at_marks)
        return true;
    roller->at_marks = true;
    roller->at = 0;
    return roller->member_count == 0;
}

/* Learners come between two steps: what is worked with has room for those that were known. */
static void make_room_for_learners(struct roller *roller)
{
    uint32_t count = cells_learner_count(roller->cells);
    if (count != roller->learner_count)
        rest(roller);
    roller->learner_count = count;
}

enum status roller_some(struct roller *roller, bool *more, struct error *error)
{
    /* what a forget or a cut is about to take away must be gone before it is read */
    enum status status = cells_settle_rollups(roller->cells, error);
    find_members(roller);
    make_room_for_learners(roller);
    roller->put_bytes = 0;
    while (!status && roller->put_bytes < STEP_BYTES && !at_end(roller))
        status = roller->at_marks ? roll_marks(roller, error) : roll_module(roller, error);
    *more = !at_end(roller);
    if (status || !*more) { /* the next look starts from the first row */
        rest(roller);
        roller->at = 0;
        roller->at_marks = false;
    }
    return status;
}
