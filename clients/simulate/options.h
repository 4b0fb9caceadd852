/* options.h - jejak-simulate's command line: one table gives parsing, ranges, defaults and help. */
#ifndef JEJAK_CLIENTS_SIMULATE_OPTIONS_H
#define JEJAK_CLIENTS_SIMULATE_OPTIONS_H

#include "clients/simulate/simulate.h"
#include "common/status.h"

struct options {
    struct simulate_model model;
    struct simulate_delivery delivery;
    uint64_t events;          /* about so many; 0: as many as model.learners make */
    bool learners_for_events; /* model.learners follows from `events` */
    const char *out;          /* "-": standard output */
    const char *curriculum, *planted;
    const char *to, *home, *name; /* straight to a collector; home NULL: plain */
    bool help, version;
};

/* Checks everything that can be known without doing it. Texts borrow from argv. STATUS_USAGE with what is wrong. */
enum status options_parse(int argc, char **argv, struct options *options, struct error *error) must_check;
void options_help(void); /* to standard output */

#endif
