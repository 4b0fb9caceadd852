/* places.h - the files that an aggregator needs, and nothing beyond them (common/confinement.h): not the vault, and of the keys
 * only those of a reader, where the log is fetched from another machine.
 */
#ifndef JEJAK_AGGREGATOR_PLACES_H
#define JEJAK_AGGREGATOR_PLACES_H

#include "common/config.h"
#include "common/confinement.h"

/* The folders that cells and the socket of queries are to stand in: what is not there when the process confines itself is
 * out of its reach. */
enum status places_make(const struct config *config, struct error *error) must_check;
/* Cells and socket to write, the log's store to read; output: a file to be written, NULL: none. */
enum status places_confine(const struct config *config, const char *output, struct confined *confined,
                           struct error *error) must_check;

#endif
