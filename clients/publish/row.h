/* row.h - from the five texts of a line to an event: time, learner, content, kind, value.
 *
 * time is Unix ms or ISO 8601 with a zone. A value that is empty is none; a kind that has one needs it and the others
 * must not have it (`shape`). The rules of an event that has its shape are checked where it is published.
 */
#ifndef JEJAK_PUBLISH_ROW_H
#define JEJAK_PUBLISH_ROW_H

#include "common/event.h"

enum row_column {
    ROW_TIME,
    ROW_LEARNER,
    ROW_CONTENT,
    ROW_KIND,
    ROW_VALUE,
    ROW_COLUMNS
};
const char *row_column_name(enum row_column column);
/* ROW_COLUMNS where there is no such column. */
enum row_column row_column_from_name(struct slice name);

/* A field without data (NULL) is missing, which is not the same as empty. */
struct row {
    struct slice fields[ROW_COLUMNS];
};
/* The event borrows from the row. */
enum verdict row_event(const struct row *row, struct event *event);

/* A decimal integer and nothing else. */
bool row_whole(struct slice text, int64_t *number);

#endif
