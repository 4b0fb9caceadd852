#include "aggregator/figures.h"

#include "aggregator/figures_row.h"

#include <pthread.h>
#include <stdlib.h>

struct crew {
    const struct cells *cells;
    uint32_t count;
    struct hand *hands[FIGURES_MAX_THREADS]; /* those from 1 on: once there was work for so many */
};

struct crew *crew_open(const struct cells *cells, uint32_t threads)
{
    struct crew *crew = mem_new(1, sizeof *crew);
    crew->cells = cells;
    crew->count = threads == 0 ? 1 : threads > FIGURES_MAX_THREADS ? FIGURES_MAX_THREADS : threads;
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
    if (crew)
        dismiss(crew);
    free(crew);
}

/* The rows, handed out last row first; each is settled when all after it are. */
struct shift {
    struct figures_work work;
    struct crew *crew;
    uint32_t hands; /* that have begun */
    pthread_mutex_t lock;
    pthread_cond_t turned;
    uint32_t left;                 /* rows that no hand has taken */
    uint32_t turn;                 /* rows that are not settled: the last of them is next */
    struct bits later, later_ever; /* in a settled row: active in the period; before `to` */
    enum status status;            /* of the first hand that failed */
    struct error *error;
};

static void find_asked(struct figures_work *work, uint32_t learner_count)
{
    bool everybody = !work->query->cohort;
    uint32_t group = everybody ? COHORTS_NO_GROUP : cohorts_find(&work->cohorts, work->query->cohort);
    for (uint32_t learner = 0; learner < learner_count; learner++) {
        uint32_t of_learner = work->cohorts.group[learner];
        if (of_learner != COHORTS_NO_GROUP && (everybody || of_learner == group))
            bits_add(&work->asked, learner);
    }
}

/* Rows that are not wanted stay without a figure but clipped_ms: zero counts, nothing to divide by. */
static void open_table(struct figures_work *work)
{
    struct figures_table *table = work->table;
    table->row_count = work->query->plan_count;
    table->group_count = work->cohorts.group_count;
    table->group_names = work->cohorts.names;
    work->cohorts.names = NULL;
    work->cohorts.group_count = 0;
    table->rows = mem_new(table->row_count, sizeof *table->rows);
    table->groups = mem_new((size_t)table->row_count * table->group_count, sizeof *table->groups);
    for (uint32_t i = 0; i < table->row_count; i++)
        figures_row_empty(&table->rows[i]);
}

static enum status work_open(struct figures_work *work, struct error *error)
{
    uint32_t learner_count = cells_learner_count(work->cells);
    enum status status = cohorts_read(work->cells, work->query->to_ms, &work->cohorts, error);
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

/* The next row to measure; false where there is none, or where one failed. */
static bool take_row(struct shift *shift, uint32_t *row)
{
    pthread_mutex_lock(&shift->lock);
    bool taken = shift->left > 0 && shift->status == STATUS_OK;
    if (taken)
        *row = --shift->left;
    pthread_mutex_unlock(&shift->lock);
    return taken;
}

/* Waits for the row's turn: everything after it is settled, and stays as it is until this one is. */
static void settle_row(struct shift *shift, struct hand *hand, uint32_t row)
{
    pthread_mutex_lock(&shift->lock);
    while (shift->turn != row + 1 && shift->status == STATUS_OK)
        pthread_cond_wait(&shift->turned, &shift->lock);
    if (shift->status == STATUS_OK)
        hand_settle(hand, row, &shift->later, &shift->later_ever);
    shift->turn = row;
    pthread_cond_broadcast(&shift->turned);
    pthread_mutex_unlock(&shift->lock);
}

static void fail(struct shift *shift, enum status status, const struct error *error)
{
    pthread_mutex_lock(&shift->lock);
    if (shift->status == STATUS_OK) {
        shift->status = status;
        *shift->error = *error;
    }
    pthread_cond_broadcast(&shift->turned);
    pthread_mutex_unlock(&shift->lock);
}

static void *work_rows(void *argument)
{
    struct shift *shift = argument;
    struct hand *hand = take_hand(shift);
    uint32_t row = 0;
    while (take_row(shift, &row)) {
        struct error error;
        enum status status = hand_measure(hand, row, &error);
        if (status)
            fail(shift, status, &error);
        else
            settle_row(shift, hand, row);
    }
    return NULL;
}

/* The caller's thread is one of them. Where no other can be had, it does all. */
static void work_all(struct shift *shift)
{
    pthread_t others[FIGURES_MAX_THREADS];
    uint32_t started = 0, wanted = shift->crew->count < shift->left ? shift->crew->count : shift->left;
    while (started + 1 < wanted && pthread_create(&others[started], NULL, work_rows, shift) == 0)
        started++;
    work_rows(shift);
    while (started > 0)
        pthread_join(others[--started], NULL);
}

enum status figures_compute(struct crew *crew, const struct figures_query *query, struct figures_table *table,
                            struct error *error)
{
    struct figures_table computed = {0};
    uint32_t learner_count = cells_learner_count(crew->cells);
    struct shift shift = {.work = {.cells = crew->cells, .query = query, .table = &computed},
                          .crew = crew,
                          .left = query->plan_count,
                          .turn = query->plan_count,
                          .error = error};
    shift.status = work_open(&shift.work, error);
    if (shift.status == STATUS_OK) {
        pthread_mutex_init(&shift.lock, NULL);
        pthread_cond_init(&shift.turned, NULL);
        shift.later = bits_open(learner_count);
        shift.later_ever = bits_open(learner_count);
        work_all(&shift);
        pthread_cond_destroy(&shift.turned);
        pthread_mutex_destroy(&shift.lock);
    }
    cohorts_close(&shift.work.cohorts);
    bits_close(&shift.work.asked);
    bits_close(&shift.later);
    bits_close(&shift.later_ever);
    if (shift.status) {
        dismiss(crew); /* what they were at is half done */
        figures_table_close(&computed);
    } else {
        *table = computed;
    }
    return shift.status;
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
