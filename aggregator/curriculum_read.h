/* curriculum_read.h - what the reader of a curriculum file (curriculum_read.c) and its lookups (curriculum.c) share.
 */
#ifndef JEJAK_AGGREGATOR_CURRICULUM_READ_H
#define JEJAK_AGGREGATOR_CURRICULUM_READ_H

#include "aggregator/curriculum.h"

struct curriculum {
    struct curriculum_line *lines; /* by content */
    uint32_t count, room;
};

void curriculum_line_close(struct curriculum_line *line);
/* Fills an empty curriculum from what stands in its file; `path` is for messages. On failure it may hold lines; close it.
 */
enum status curriculum_read(const char *path, struct slice text, struct curriculum *curriculum,
                            struct error *error) must_check;

#endif
