/* delivery.h - the way from the learner's browser to the collector: some events come late, disordered or twice.
 *
 * Takes events in time order, gives them in the order of their arrival (simulate.h, "Delivery"). With all rates 0 it
 * hands on what it gets. Events on their way wait in a heap by arrival: at most the share that is late times 72 hours.
 */
#ifndef JEJAK_CLIENTS_SIMULATE_DELIVERY_H
#define JEJAK_CLIENTS_SIMULATE_DELIVERY_H

#include "clients/simulate/simulate.h"
#include "common/status.h"

typedef enum status (*delivery_fn)(const struct simulate_event *event, void *argument, struct error *error);

struct delivery;

struct delivery *delivery_open(const struct simulate_delivery *rates, uint64_t seed, delivery_fn arrive,
                               void *argument);
void delivery_close(struct delivery *delivery);
/* A failure is what `arrive` returned. */
enum status delivery_send(struct delivery *delivery, const struct simulate_event *event,
                          struct error *error) must_check;
/* Everything that is still on its way arrives. */
enum status delivery_finish(struct delivery *delivery, struct error *error) must_check;

struct delivery_counts {
    uint64_t arrived, late, disordered, repeated;
};
struct delivery_counts delivery_counts(const struct delivery *delivery);

#endif
