#include "clients/simulate/crowd.h"

#include "clients/simulate/learner.h"

#include <inttypes.h>
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

/* How many events the first `learners` make. */
static uint64_t events_of(const struct course *course, uint32_t learners)
{
    uint64_t made = 0;
    for (uint32_t i = 0; i < learners; i++) {
        struct learner learner;
        struct simulate_event event;
        learner_open(&learner, course, i);
        while (learner_next(&learner, course, &event))
            made++;
    }
    return made;
}

uint32_t crowd_learners_for(const struct course *course, uint64_t events)
{
    enum {
        SAMPLE = 512
    };
    uint64_t made = events_of(course, SAMPLE);
    uint64_t learners = made > 0 ? events / (made / SAMPLE + 1) + 1 : 1;
    return learners < SIMULATE_MAX_LEARNERS ? (uint32_t)learners : SIMULATE_MAX_LEARNERS;
}

static uint64_t events_at(struct simulate_model model, uint32_t leave_permille)
{
    enum {
        SAMPLE = 4096
    };
    uint32_t learners = model.learners < SAMPLE ? model.learners : SAMPLE;
    model.leave_permille = leave_permille;
    struct course *course = course_open(&model);
    uint64_t made = events_of(course, learners);
    course_close(course);
    return made * model.learners / learners;
}

enum status crowd_leave_for(const struct simulate_model *model, uint64_t events, uint32_t *leave_permille,
                            struct error *error)
{
    uint64_t most = events_at(*model, 0), least = events_at(*model, SIMULATE_MAX_LEAVE_PERMILLE);
    if (events < least || events > most)
        return error_set(error, STATUS_USAGE,
                         "%" PRIu32 " learners cannot make about %" PRIu64 " events here: from %" PRIu64 " to %" PRIu64
                         "; --slice, --weeks, --intake and the modules of a program decide",
                         model->learners, events, least, most);
    uint32_t low = 0, high = SIMULATE_MAX_LEAVE_PERMILLE; /* too many events at low, perhaps; not at high */
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        *(events_at(*model, middle) > events ? &low : &high) = middle;
    }
    *leave_permille = high;
    return STATUS_OK;
}
