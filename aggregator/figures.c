#include "aggregator/figures.h"

#include "aggregator/figures_kept.h"
#include "aggregator/figures_row.h"
#include "aggregator/rollup.h"

#include <pthread.h>
#include <stdlib.h>

enum {
    MEASURED_PER_HAND = 3, /* rows that wait for their turn, and the one at work */
};

struct crew {
    struct cells *cells;
    uint32_t count;
    struct hand *hands[FIGURES_MAX_THREADS]; /* those from 1 on: once there was work for so many */
    uint32_t learner_count;                  /* that they have memory for */
    uint64_t change;                         /* of the cells when the first was opened */
    struct kept *kept;
};

struct crew *crew_open(struct cells *cells, uint32_t threads)
{
    struct crew *crew = mem_new(1, sizeof *crew);
    crew->cells = cells;
    crew->count = threads == 0 ? 1 : threads > FIGURES_MAX_THREADS ? FIGURES_MAX_THREADS : threads;
    crew->kept = kept_open(cells);
    return crew;
}

static void dismiss(struct crew *crew)
{
    for (uint32_t i = 0; i < crew->count; i++) {
        hand_close(crew->hands[i]);
        crew->hands[i] = NULL;
    }
}

void crew_close(struct crew *crew)
{
    if (!crew)
        return;
    dismiss(crew);
    kept_close(crew->kept);
    free(crew);
}

const struct cells *crew_cells(const struct crew *crew)
{
    return crew->cells;
}

bool crew_forget_damaged(struct crew *crew)
{
    return cells_forget_damaged(crew->cells);
}

/* Hands know how many learners there are, and who is restricted. */
static void call_together(struct crew *crew)
{
    uint32_t learner_count = cells_learner_count(crew->cells);
    if (crew->learner_count != learner_count || !cells_unchanged(crew->cells, crew->change, 0))
        dismiss(crew);
    crew->learner_count = learner_count;
    crew->change = cells_change(crew->cells);
}

/* The rows, handed out last row first; each is settled when all after it are. */
struct shift {
    struct figures_work work;
    struct crew *crew;
    uint32_t hands; /* that have begun */
    pthread_mutex_t lock;
    pthread_cond_t settled;
    uint32_t left;                 /* rows that no hand has taken */
    uint32_t turn;                 /* rows that are not settled: the last of them is next */
    struct measured *idle, *ready; /* ready: measured, and it was not their turn */
    struct bits later, later_ever; /* in a settled row: active in the period; before `to` */
    enum status status;            /* of the first hand that failed */
    struct error *error;
};

static void find_asked(struct figures_work *work, uint32_t learner_count)
{
    bool everybody = !work->query->cohort;
    uint32_t group = everybody ? COHORTS_NO_GROUP : cohorts_find(work->cohorts, work->query->cohort);
    for (uint32_t learner = 0; learner < learner_count; learner++) {
        uint32_t of_learner = work->cohorts->group[learner];
        if (of_learner != COHORTS_NO_GROUP && (everybody || of_learner == group))
            bits_add(&work->asked, learner);
    }
}

/* Rows that are not wanted stay without a figure but clipped_ms: zero counts, nothing to divide by. */
static void open_table(struct figures_work *work)
{
    struct figures_table *table = work->table;
    table->row_count = work->query->plan_count;
    table->group_count = work->cohorts->group_count;
    table->group_names = mem_new(table->group_count, sizeof *table->group_names);
    for (uint32_t i = 0; i < table->group_count; i++)
        table->group_names[i] = mem_text("%s", work->cohorts->names[i]);
    table->rows = mem_new(table->row_count, sizeof *table->rows);
    table->groups = mem_new((size_t)table->row_count * table->group_count, sizeof *table->groups);
    for (uint32_t i = 0; i < table->row_count; i++)
        figures_row_empty(&table->rows[i]);
}

static enum status work_open(struct figures_work *work, struct kept *kept, struct error *error)
{
    uint32_t learner_count = cells_learner_count(work->cells);
    enum status status = kept_cohorts(kept, work->query->to_ms, &work->cohorts, error);
    if (status)
        return status;
    work->asked = bits_open(learner_count);
    find_asked(work, learner_count);
    open_table(work);
    return STATUS_OK;
}

/* ---- many hands ---- */

static struct hand *take_hand(struct shift *shift)
{
    pthread_mutex_lock(&shift->lock);
    struct hand **hand = &shift->crew->hands[shift->hands++];
    pthread_mutex_unlock(&shift->lock);
    if (!*hand)
        *hand = hand_open(shift->crew->cells);
    hand_begin(*hand, &shift->work);
    return *hand;
}

/* The next row to measure; NULL where there is none, or where one failed. The row in turn always has its sets, so whoever
 * waits for some will get them. */
static struct measured *take_row(struct shift *shift)
{
    pthread_mutex_lock(&shift->lock);
    while (!shift->idle && shift->left > 0 && shift->status == STATUS_OK)
        pthread_cond_wait(&shift->settled, &shift->lock);
    struct measured *measured = NULL;
    if (shift->left > 0 && shift->status == STATUS_OK) {
        measured = shift->idle;
        shift->idle = measured->next;
        measured->index = --shift->left;
    }
    pthread_mutex_unlock(&shift->lock);
    return measured;
}

/* Takes it off the list of those that are ready. */
static struct measured *row_in_turn(struct shift *shift)
{
    for (struct measured **at = &shift->ready; *at; at = &(*at)->next) {
        struct measured *measured = *at;
        if (measured->index + 1 != shift->turn)
            continue;
        *at = measured->next;
        return measured;
    }
    return NULL;
}

/* Settles it, and what waited for it, or leaves it to whoever settles the row before it. */
static void settle_row(struct shift *shift, struct measured *measured)
{
    pthread_mutex_lock(&shift->lock);
    measured->next = shift->ready;
    shift->ready = measured;
    while ((measured = row_in_turn(shift))) {
        measured_settle(measured, &shift->work, &shift->later, &shift->later_ever);
        shift->turn--;
        measured->next = shift->idle;
        shift->idle = measured;
    }
    pthread_cond_broadcast(&shift->settled);
    pthread_mutex_unlock(&shift->lock);
}

static void fail(struct shift *shift, struct measured *measured, enum status status, const struct error *error)
{
    pthread_mutex_lock(&shift->lock);
    if (shift->status == STATUS_OK) {
        shift->status = status;
        *shift->error = *error;
    }
    measured->next = shift->idle;
    shift->idle = measured;
    pthread_cond_broadcast(&shift->settled);
    pthread_mutex_unlock(&shift->lock);
}

static void *work_rows(void *argument)
{
    struct shift *shift = argument;
    struct hand *hand = take_hand(shift);
    struct measured *measured;
    while ((measured = take_row(shift))) {
        struct error error;
        enum status status = hand_measure(hand, measured, &error);
        if (status)
            fail(shift, measured, status, &error);
        else
            settle_row(shift, measured);
    }
    hand_end(hand);
    return NULL;
}

/* The caller's thread is one of them. Where no other can be had, it does all. */
static void work_all(struct shift *shift)
{
    pthread_t others[FIGURES_MAX_THREADS];
    uint32_t started = 0, wanted = shift->crew->count < shift->left ? shift->crew->count : shift->left;
    for (uint32_t i = 0; i < MEASURED_PER_HAND * wanted; i++) {
        struct measured *measured = measured_open(shift->crew->learner_count);
        measured->next = shift->idle;
        shift->idle = measured;
    }
    while (started + 1 < wanted && pthread_create(&others[started], NULL, work_rows, shift) == 0)
        started++;
    work_rows(shift);
    while (started > 0)
        pthread_join(others[--started], NULL);
}

static void measured_free(struct measured *measured)
{
    while (measured) {
        struct measured *next = measured->next;
        measured_close(measured);
        measured = next;
    }
}

static void shift_run(struct shift *shift)
{
    pthread_mutex_init(&shift->lock, NULL);
    pthread_cond_init(&shift->settled, NULL);
    shift->later = bits_open(shift->crew->learner_count);
    shift->later_ever = bits_open(shift->crew->learner_count);
    work_all(shift);
    measured_free(shift->idle);
    measured_free(shift->ready);
    bits_close(&shift->later);
    bits_close(&shift->later_ever);
    pthread_cond_destroy(&shift->settled);
    pthread_mutex_destroy(&shift->lock);
}

enum status figures_compute(struct crew *crew, const struct figures_query *query, struct figures_table *table,
                            struct error *error)
{
    struct figures_table computed = {0};
    struct shift shift = {.work = {.cells = crew->cells, .query = query, .table = &computed},
                          .crew = crew,
                          .left = query->plan_count,
                          .turn = query->plan_count,
                          .error = error};
    if (kept_find(crew->kept, query, table))
        return STATUS_OK;
    call_together(crew);
    shift.status = work_open(&shift.work, crew->kept, error);
    if (shift.status == STATUS_OK)
        shift_run(&shift);
    bits_close(&shift.work.asked);
    if (shift.status) {
        dismiss(crew); /* what they were at is half done */
        figures_table_close(&computed);
        return shift.status;
    }
    kept_add(crew->kept, query, crew->change, &computed);
    *table = computed;
    return STATUS_OK;
}

void figures_table_close(struct figures_table *table)
{
    for (uint32_t i = 0; i < table->group_count; i++)
        free(table->group_names[i]);
    free(table->group_names);
    free(table->groups);
    free(table->rows);
    *table = (struct figures_table){0};
}
