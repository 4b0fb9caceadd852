/* cohorts.h - which cohort each learner is in at a moment.
 *
 * The state is that of the latest change before the moment; of several at one time the greater name in byte order
 * counts (METRICS.md, "Facts kept"). Group 0 is "-", none: whoever never changed, or left last. The other groups are
 * those that somebody is in whom no restriction hides, in byte order of their names; so a learner who is erased or
 * restricted leaves no trace, not even a name.
 */
#ifndef JEJAK_AGGREGATOR_COHORTS_H
#define JEJAK_AGGREGATOR_COHORTS_H

#include "aggregator/cells.h"

enum {
    COHORTS_NO_GROUP = UINT32_MAX,
};

struct cohorts {
    uint32_t learner_count;
    uint32_t *group; /* by learner number; of restricted learners COHORTS_NO_GROUP */
    char **names;    /* group_count of them */
    uint32_t group_count;
};

enum status cohorts_read(const struct cells *cells, int64_t before_ms, struct cohorts *cohorts,
                         struct error *error) must_check;
void cohorts_close(struct cohorts *cohorts);
/* COHORTS_NO_GROUP where nobody is in a group of that name. */
uint32_t cohorts_find(const struct cohorts *cohorts, const char *name);

#endif
