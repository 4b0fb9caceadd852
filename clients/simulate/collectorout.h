/* collectorout.h - events straight to a collector, through the publisher library (clients/publisher/jejak.h).
 *
 * No spool: what is under way when this program is killed is lost, as the history can be made again. The library's
 * bounds hold: where the collector is slower than the simulation, the simulation waits.
 */
#ifndef JEJAK_CLIENTS_SIMULATE_COLLECTOROUT_H
#define JEJAK_CLIENTS_SIMULATE_COLLECTOROUT_H

#include "clients/simulate/course.h"

struct collectorout_options {
    const char *endpoint;
    const char *home; /* its keys/server.public and keys/clients/NAME.public and .secret; NULL: plain */
    const char *name;
};
struct collectorout_counts {
    uint64_t accepted, rejected, duplicate;
};

struct collectorout;

enum status collectorout_open(const struct collectorout_options *options, const struct course *course,
                              struct collectorout **out, struct error *error) must_check;
enum status collectorout_write(struct collectorout *out, const struct simulate_event *event,
                               struct error *error) must_check;
/* Waits until everything is settled. STATUS_DATA where the collector rejected events: how many, and why the first. */
enum status collectorout_finish(struct collectorout *out, struct error *error) must_check;
struct collectorout_counts collectorout_counts(const struct collectorout *out);
void collectorout_close(struct collectorout *out);

#endif
