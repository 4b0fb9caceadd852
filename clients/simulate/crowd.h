/* crowd.h - all learners together: their events in time order, one after the other, in memory bounded per learner.
 *
 * A binary heap holds one pending event of each learner who still has one: 170 bytes a learner, whatever the period.
 * Events of the same moment come in the order of the learners' numbers.
 */
#ifndef JEJAK_CLIENTS_SIMULATE_CROWD_H
#define JEJAK_CLIENTS_SIMULATE_CROWD_H

#include "clients/simulate/course.h"

struct crowd;

struct crowd *crowd_open(const struct course *course);
void crowd_close(struct crowd *crowd);
/* false: there are no more. */
bool crowd_next(struct crowd *crowd, struct simulate_event *event);

/* How many learners make about this many events: from what the first 512 of them make. At least 1. */
uint32_t crowd_learners_for(const struct course *course, uint64_t events);
/* The leave_permille at which the model's learners make about this many events: from what the first 4,096 of them make.
 * STATUS_USAGE where no haste would do, with how many they can make. */
enum status crowd_leave_for(const struct simulate_model *model, uint64_t events, uint32_t *leave_permille,
                            struct error *error) must_check;

#endif
