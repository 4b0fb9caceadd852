/* rows.h - the rows of a level: which content paths each covers, in the order of METRICS.md ("Order of rows").
 *
 * A row stands for the paths at or below the first segments of a path: module/topic/section at LEVEL_TOPIC belongs to
 * the row module/topic. A path with fewer segments than the level has no row there. Sorted by `order` of the curriculum
 * file, of the row's own line or of the nearest line above it; rows without either come last; ties by path in byte
 * order, which also puts a path without a line of its own after the one whose place it takes.
 */
#ifndef JEJAK_AGGREGATOR_ROWS_H
#define JEJAK_AGGREGATOR_ROWS_H

#include "aggregator/curriculum.h"
#include "aggregator/figures.h"

struct row {
    char *content;
    const char *title;   /* of its own line; the path itself where it has none. Borrowed from here or the curriculum */
    const char *program; /* its own, or that of the nearest line above it that names one; "" where there is none */
    const struct curriculum_line *line; /* its own; NULL: the path is unknown to the curriculum team */
    double expected_minutes;            /* of its own line; 0: none */
    uint32_t *contents;                 /* numbers of the paths it covers, ascending */
    uint32_t content_count;
};

struct rows {
    enum level level;
    uint32_t count;
    struct row *rows;
};

/* paths[i]: the content path of number i; NULL where nobody is left on it: as if never seen. The curriculum outlives
 * the rows. */
void rows_open(const char *const *paths, uint32_t path_count, const struct curriculum *curriculum, enum level level,
               struct rows *rows);
void rows_close(struct rows *rows);

/* The row of this path; UINT32_MAX where there is none. */
uint32_t rows_find(const struct rows *rows, struct slice content);
/* The first `level` segments of a path; the whole where it has fewer. */
struct slice rows_prefix(struct slice content, enum level level);
uint32_t rows_segments(struct slice content);

#endif
