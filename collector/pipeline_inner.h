/* pipeline_inner.h - what the files of the pipeline share (pipeline.h): its state. */
#ifndef JEJAK_COLLECTOR_PIPELINE_INNER_H
#define JEJAK_COLLECTOR_PIPELINE_INNER_H

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
    struct pipeline_limits limits;
    struct counters counters;
    uint8_t lookup_key[KEY_BYTES], session_key[KEY_BYTES];
    uint32_t learners_next; /* the next number to give */
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

/* pipeline_learners.c: fills `numbers` for `events`. STATUS_BUSY: a bound on learners; anything else: the store failed. */
enum status pipeline_pseudonymise(struct pipeline *pipeline, uint32_t publisher, int64_t now_ms) must_check;

#endif
