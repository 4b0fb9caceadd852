/* places.h - the files that a collector needs once it runs, and nothing beyond them (common/confinement.h). */
#ifndef JEJAK_COLLECTOR_PLACES_H
#define JEJAK_COLLECTOR_PLACES_H

#include "common/config.h"

/* Home, stores, keys, folders of sockets; to read, the configuration file (NULL: in the home) and what libraries look
 * into. The folders must be there: what is made later beside them is out of reach. Of system calls the list of
 * common/confine_calls.h. Says in the log what was done. */
enum status places_confine(const struct config *config, const char *file, struct error *error) must_check;

#endif
