/* render.h - a report as JSON, CSV or a table for a terminal. The same report gives the same bytes.
 */
#ifndef JEJAK_AGGREGATOR_RENDER_H
#define JEJAK_AGGREGATOR_RENDER_H

#include "aggregator/report.h"

/* One JSON document and a line end. Figures stand under their names of METRICS.md; withheld ones are null and named in
 * `withheld` (those of the period before as previous.NAME); bounded shares are {"at_least": x} or {"at_most": x}. */
enum status render_json(const struct report *report, FILE *out, struct error *error) must_check;

/* RFC 4180, a line a shown row. Withheld: `withheld`; nothing to divide by: empty; bounded: <=0.09 or >=0.91. A text
 * that begins with = + - @ is given a ' before it, or a spreadsheet would take it for a formula. */
enum status render_csv(const struct report *report, FILE *out, struct error *error) must_check;

/* For reading: at most 120 columns. */
enum status render_table(const struct report *report, bool color, FILE *out, struct error *error) must_check;

#endif
