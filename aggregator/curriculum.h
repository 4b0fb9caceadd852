/* curriculum.h - the curriculum team's file: titles, order, plan and revisions of content paths.
 *
 *     content,title,order,expected_minutes,revised,program
 *     algebra,Aljabar,1,45,2026-02-02;2026-04-20,mathematics
 *     algebra/linear,"Persamaan linear, dasar",1.1,12,,
 *
 * CSV with a header, UTF-8 (common/csv.h reads it). Columns are found by name, in any order; unknown ones are passed
 * over; content, title and order must be there; the last three may be empty or missing. order: a decimal number, one
 * scale for the whole file; expected_minutes: a decimal number above 0; revised: dates, separated by `;`.
 *
 * A file with a broken line is refused as a whole, so that no figure is made with half a plan: the error's text names
 * the file and every broken line, up to CURRICULUM_MAX_FAULTS of them, one a line.
 */
#ifndef JEJAK_AGGREGATOR_CURRICULUM_H
#define JEJAK_AGGREGATOR_CURRICULUM_H

#include "common/status.h"

enum {
    CURRICULUM_MAX_BYTES = 16 << 20,
    CURRICULUM_MAX_FAULTS = 20,
    CURRICULUM_MAX_LINES = 1000000,
    CURRICULUM_MAX_REVISIONS = 1000, /* of one line */
};

struct curriculum_line {
    char *content;
    char *title; /* may be empty */
    double order;
    double expected_minutes; /* 0: none */
    char *program;           /* may be empty */
    int32_t *revised;        /* days since 1970-01-01, ascending, each once */
    uint32_t revised_count;
    uint64_t line; /* in the file, for messages */
};

struct curriculum;

/* What stands in the file, to be freed, where it is empty too. STATUS_NO_INPUT where it cannot be
 * read, STATUS_DATA where it is longer than CURRICULUM_MAX_BYTES. */
enum status curriculum_text(const char *path, struct slice *text, struct error *error) must_check;
/* path: for messages; NULL: a curriculum without lines. STATUS_DATA where the text is broken. */
enum status curriculum_open(const char *path, struct slice text, struct curriculum **curriculum,
                            struct error *error) must_check;
void curriculum_close(struct curriculum *curriculum);

uint32_t curriculum_count(const struct curriculum *curriculum);
/* The line of a content path; NULL where it has none. Lives as long as the curriculum. */
const struct curriculum_line *curriculum_find(const struct curriculum *curriculum, struct slice content);
/* The line of the path itself, or of the nearest path above it that has one. */
const struct curriculum_line *curriculum_nearest(const struct curriculum *curriculum, struct slice content);
/* The program of the nearest line, from the path upwards, that names one; "" where none does. */
const char *curriculum_program(const struct curriculum *curriculum, struct slice content);

#endif
