#include "collector/pipeline_inner.h"

/* Names the learners that are not in the table. */
static void name_learners(struct pipeline *pipeline, const struct arrival *arrival, struct parked *parked)
{
    parked->fresh = 0;
    for (uint32_t i = 0; i < pipeline->event_count; i++)
        if (pipeline->numbers[i] == LOOKUP_NONE)
            parking_need(pipeline->parking, parked, arrival->message, pipeline->events[i].learner, pipeline->hashes[i]);
}

/* Those nobody waited for before count against the publisher's allowance. */
static bool charge(struct pipeline *pipeline, const struct arrival *arrival, const struct parked *parked)
{
    return pipeline_charge(pipeline, arrival->publisher, parked->fresh, arrival->now_ms);
}

static bool stay(struct pipeline *pipeline, const struct arrival *arrival)
{
    name_learners(pipeline, arrival, arrival->parked);
    return charge(pipeline, arrival, arrival->parked) && parking_stay(pipeline->parking, arrival->parked);
}

static struct parked *begin(const struct arrival *arrival, const struct wire_batch *batch, struct slice message)
{
    struct parked what = {
        .publisher = arrival->publisher,
        .dropoff = !arrival->from,
        .now_ms = arrival->now_ms,
        .message = message,
        .from = arrival->from,
    };
    if (batch) {
        memcpy(what.session, batch->session, SESSION_BYTES);
        what.seq = batch->seq;
    }
    return parking_begin(&what);
}

bool pipeline_park(struct pipeline *pipeline, const struct arrival *arrival, const struct wire_batch *batch)
{
    if (arrival->parked)
        return stay(pipeline, arrival);
    struct parked *parked = begin(arrival, batch, arrival->message);
    name_learners(pipeline, arrival, parked);
    if (!parking_fits(pipeline->parking, parked) || !charge(pipeline, arrival, parked)) {
        parking_cancel(pipeline->parking, parked);
        return false;
    }
    parking_enter(pipeline->parking, parked);
    pipeline->counters.count[COUNTER_PARKED]++;
    return true;
}

/* It would be answered before those that it stands behind: so its place is kept, and its answer is busy. */
static bool keep_place(struct pipeline *pipeline, const struct arrival *arrival, const struct wire_batch *batch)
{
    struct parked *parked = begin(arrival, batch, slice_of(NULL, 0));
    parked->turned = true;
    if (!parking_has_place(pipeline->parking)) {
        parking_cancel(pipeline->parking, parked);
        return false;
    }
    parking_enter(pipeline->parking, parked);
    return true;
}

bool pipeline_park_behind(struct pipeline *pipeline, const struct arrival *arrival, const struct wire_batch *batch,
                          bool next)
{
    /* Its learners are met while it stands there; those of a repeated batch, or of one beyond a gap, are not. */
    if (next)
        pipeline_look_up(pipeline);
    else
        pipeline->event_count = 0;
    return pipeline_park(pipeline, arrival, batch) || keep_place(pipeline, arrival, batch);
}

struct meeting *pipeline_meetings(struct pipeline *pipeline)
{
    return parking_submit(pipeline->parking);
}

void pipeline_met(struct pipeline *pipeline, struct meeting *meetings, const struct error *error)
{
    for (struct meeting *meeting = meetings, *next; meeting; meeting = next) {
        next = meeting->next;
        if (meeting->status == STATUS_OK) {
            parking_met(pipeline->parking, meeting);
            continue;
        }
        pipeline->broken = true;
        pipeline->error = *error;
    }
}

bool pipeline_ready(const struct pipeline *pipeline)
{
    return !pipeline->broken && parking_ready(pipeline->parking);
}

void pipeline_unpark(struct pipeline *pipeline)
{
    struct parked *parked = parking_ready(pipeline->parking);
    pipeline_take_parked(pipeline, parked);
    if (parked->unmet == 0)
        parking_leave(pipeline->parking, parked);
}

void pipeline_turn_parked(struct pipeline *pipeline)
{
    for (struct parked *parked; (parked = parking_any(pipeline->parking)) != NULL;) {
        parked->turned = true;
        pipeline_take_parked(pipeline, parked);
        parking_leave(pipeline->parking, parked);
    }
}
