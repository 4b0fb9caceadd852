/* zone.h - local days of an IANA time zone: local midnights in UTC, and which local day a moment lies in.
 *
 * Days are numbered as proleptic Gregorian days since 1970-01-01. Where a zone skips midnight (a DST change at 00:00),
 * the day starts at the first moment that exists. From the system's zoneinfo (tzdata), through libc.
 */
#ifndef JEJAK_COMMON_ZONE_H
#define JEJAK_COMMON_ZONE_H

#include "common/status.h"

struct zone;

/* Does the system's zoneinfo have this name? */
bool zone_exists(const char *name);

/* STATUS_CONFIG where the system knows no such zone. Not thread-safe (it sets TZ); what is opened is. */
enum status zone_open(const char *name, struct zone **zone, struct error *error) must_check;
void zone_close(struct zone *zone);
const char *zone_name(const struct zone *zone);

/* Any moment from 1970 to 9999, O(1). A day starts at the first moment whose local date is that day's or a later one;
 * so a date that the zone skipped is an empty day, and an hour that repeats across midnight belongs to the later day.
 */
int32_t zone_day(const struct zone *zone, int64_t time_ms);
int64_t zone_day_start_ms(const struct zone *zone, int32_t day);

/* "2026-01-31" <-> day number; DATE_TEXT_BYTES with the NUL. */
enum {
    DATE_TEXT_BYTES = 11
};
bool date_parse(struct slice text, int32_t *day); /* exactly YYYY-MM-DD, 1970 to 9999, a date that exists */
void date_format(int32_t day, char text[DATE_TEXT_BYTES]);

/* ISO 8601 with zone (Z, +hh:mm, +hhmm or +hh), to Unix ms; seconds and fractions optional, digits after the third
 * dropped; false where it is not one. */
bool iso8601_parse(struct slice text, int64_t *time_ms);

#endif
