/* verify.h - walks everything that the collector keeps and names what is wrong: `jejak-collector --verify`.
 *
 * Reads only, needs no key, and may run beside the collector (what it sees is the store of one moment) or on a copy of a
 * home. Walked are
 *     the log     every record: checksums, columns, no offset missing, whose it is, learner numbers bound, times within
 *                 its header's; numbers and lids both ways; session states
 *     the vault   every row; a person behind each lid of the log that was not erased
 *     watermark   that log and vault reach it
 * The cells have a walk of their own (aggregator/verify.h).
 */
#ifndef JEJAK_COLLECTOR_VERIFY_H
#define JEJAK_COLLECTOR_VERIFY_H

#include "common/config.h"

#include <stdio.h>

enum {
    VERIFY_ATTEMPTS = 5,     /* at opening beside a writer */
    VERIFY_MAX_NAMED = 1000, /* things wrong; more are counted */
};

/* A line on `out` for each thing that is wrong, and one a store for what was looked at. STATUS_CORRUPT where anything is. */
enum status verify_run(const struct config *config, FILE *out, struct error *error) must_check;

#endif
