/* pipeline_inner.h - what the files of the pipeline share (pipeline.h): its state. */
#ifndef JEJAK_COLLECTOR_PIPELINE_INNER_H
#define JEJAK_COLLECTOR_PIPELINE_INNER_H

#include "collector/parking.h"
#include "collector/pipeline.h"

/* New learners of a publisher within the hour that began at start_ms. */
struct allowance {
    int64_t start_ms;
    uint32_t used;
};

struct pipeline {
    struct roles *roles;
    struct store *store; /* NULL: none is open, everything is busy */
    struct group *group;
    struct lookup *lookup;
    struct sessions *sessions;
    struct parking *parking;
    struct budgets *budgets;
    struct pipeline_limits limits;
    struct counters counters;
    const uint8_t *lookup_key, *session_key; /* lent: no copy leaves locked memory (common/secret.h) */
    uint32_t learners_next;                  /* the next number to give */
    struct allowance *allowances;
    uint32_t allowance_room;
    int64_t swept_ms; /* when sessions were last looked through to make room */
    bool broken;
    struct error error;
    int64_t alarmed_ms; /* of the last alarm about a rollback */

    /* Of the batch at hand; room for BATCH_MAX_EVENTS. */
    struct event *events; /* those accepted */
    uint32_t *paths;      /* their contents, as the group knows them, or PATHS_NONE */
    struct lookup_hash *hashes;
    uint32_t *numbers;
    uint32_t event_count;
    struct answer_rejected rejected[REJECTED_MAX_LISTED];
    uint32_t rejected_listed, rejected_total;
    uint32_t verdicts[VERDICT_COUNT];
};

/* Who sent the batch at hand, where its answer goes, and when. */
struct arrival {
    uint32_t publisher;
    const struct group_address *from; /* NULL: drop-off */
    int64_t now_ms;
    struct slice message;
    struct parked *parked; /* it was, and its turn has come; NULL: it has just come */
};

/* pipeline_learners.c: fills `hashes` and `numbers` for `events`, LOOKUP_NONE for learners not in the table: so many. */
uint32_t pipeline_look_up(struct pipeline *pipeline);
/* The same until no LOOKUP_NONE is left: learners that were met meanwhile enter the group. False: some are
 * not met yet, and nothing was changed. */
bool pipeline_pseudonymise(struct pipeline *pipeline) must_check;
/* Are `count` learners more within the publisher's allowance and the table's bound? Then they are charged. */
bool pipeline_charge(struct pipeline *pipeline, uint32_t publisher, uint32_t count, int64_t now_ms);

/* pipeline_park.c: parks the batch at hand, `events` decoded and looked up; where it was parked and now needs others, it
 * stays. batch: NULL for drop-off. False: a bound; it is to be answered busy. */
bool pipeline_park(struct pipeline *pipeline, const struct arrival *arrival, const struct wire_batch *batch) must_check;
/* The batch of a session that has parked ones: behind them. next: it can be taken in its turn. */
bool pipeline_park_behind(struct pipeline *pipeline, const struct arrival *arrival, const struct wire_batch *batch,
                          bool next) must_check;

/* pipeline_early.c: a batch that is answered before its events are looked at: beyond its publisher's budget it is busy; beyond
 * what its session waits for it is a gap, and costs nothing. All others are charged. One that stands behind parked ones of
 * its session is charged and keeps its place there, whatever the budget: the parking's bounds hold for it. */
bool pipeline_turned_early(struct pipeline *pipeline, const struct arrival *arrival, const struct wire_batch *batch);

/* pipeline.c: an answer, queued in the group; the batch may be NULL. */
struct answer *pipeline_answer(struct pipeline *pipeline, const struct group_address *to,
                               const struct wire_batch *batch, enum answer_status status);
/* A batch whose turn has come. */
void pipeline_take_parked(struct pipeline *pipeline, struct parked *parked);

#endif
