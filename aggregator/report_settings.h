/* report_settings.h - the configuration that a report depends on, as one text: what a running follower and whoever asks
 * it must agree on.
 *
 * A follower answers with the configuration that it was started with. Where `report` runs with another one (--set,
 * --config, a file that was changed since), the figures or who may be seen in them would be others than asked for, and
 * nothing would tell. So the request carries the asker's settings, "key=value" lines, and where they differ the answer
 * is an error sentence. They are compared, never taken over: a request cannot lower k.
 */
#ifndef JEJAK_AGGREGATOR_REPORT_SETTINGS_H
#define JEJAK_AGGREGATOR_REPORT_SETTINGS_H

#include "common/config.h"

/* To be freed. Numbers are printed from their values: 5 and 05 are the same. */
char *report_settings_text(const struct config *config);
/* `asked`: another's report_settings_text(). STATUS_CONFIG with the first key that differs. */
enum status report_settings_check(const struct config *config, const char *asked, struct error *error) must_check;

#endif
