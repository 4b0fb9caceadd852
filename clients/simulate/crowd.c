#include "clients/simulate/crowd.h"

#include "clients/simulate/learner.h"

#include <stdlib.h>

struct place {
    int64_t time_ms;
    uint32_t learner;
};

struct crowd {
    const struct course *course;
    struct learner *learners;
    struct simulate_event *pending; /* by learner */
    struct place *heap;             /* least first; children of i: 2i + 1 and 2i + 2 */
    uint32_t heap_count;
};

static bool before(struct place a, struct place b)
{
    return a.time_ms != b.time_ms ? a.time_ms < b.time_ms : a.learner < b.learner;
}

/* Puts `place` where it belongs at or below `i`. */
static void sift_down(struct crowd *crowd, uint32_t i, struct place place)
{
    struct place *heap = crowd->heap;
    for (;;) {
        uint32_t child = 2 * i + 1;
        if (child >= crowd->heap_count)
            break;
        if (child + 1 < crowd->heap_count && before(heap[child + 1], heap[child]))
            child++;
        if (!before(heap[child], place))
            break;
        heap[i] = heap[child];
        i = child;
    }
    heap[i] = place;
}

struct crowd *crowd_open(const struct course *course)
{
    uint32_t learners = course_model(course)->learners;
    struct crowd *crowd = mem_new(1, sizeof *crowd);
    crowd->course = course;
    crowd->learners = mem_new(learners, sizeof *crowd->learners);
    crowd->pending = mem_new(learners, sizeof *crowd->pending);
    crowd->heap = mem_new(learners, sizeof *crowd->heap);
    for (uint32_t i = 0; i < learners; i++) {
        learner_open(&crowd->learners[i], course, i);
        if (learner_next(&crowd->learners[i], course, &crowd->pending[i]))
            crowd->heap[crowd->heap_count++] = (struct place){crowd->pending[i].time_ms, i};
    }
    for (uint32_t i = crowd->heap_count / 2; i-- > 0;)
        sift_down(crowd, i, crowd->heap[i]);
    return crowd;
}

void crowd_close(struct crowd *crowd)
{
    if (!crowd)
        return;
    free(crowd->learners);
    free(crowd->pending);
    free(crowd->heap);
    free(crowd);
}

bool crowd_next(struct crowd *crowd, struct simulate_event *event)
{
    if (crowd->heap_count == 0)
        return false;
    uint32_t learner = crowd->heap[0].learner;
    struct simulate_event *pending = &crowd->pending[learner];
    *event = *pending;
    struct place place = crowd->heap[0];
    if (learner_next(&crowd->learners[learner], crowd->course, pending))
        place.time_ms = pending->time_ms;
    else
        place = crowd->heap[--crowd->heap_count];
    if (crowd->heap_count > 0)
        sift_down(crowd, 0, place);
    return true;
}

uint32_t crowd_learners_for(const struct course *course, uint64_t events)
{
    enum {
        SAMPLE = 512
    };
    uint64_t made = 0;
    for (uint32_t i = 0; i < SAMPLE; i++) {
        struct learner learner;
        struct simulate_event event;
        learner_open(&learner, course, i);
        while (learner_next(&learner, course, &event))
            made++;
    }
    uint64_t learners = made > 0 ? events / (made / SAMPLE + 1) + 1 : 1;
    return learners < SIMULATE_MAX_LEARNERS ? (uint32_t)learners : SIMULATE_MAX_LEARNERS;
}
