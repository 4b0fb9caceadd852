/* progress.h - a bar on a terminal, nothing anywhere else. */
#ifndef JEJAK_PUBLISH_PROGRESS_H
#define JEJAK_PUBLISH_PROGRESS_H

#include "common/base.h"

struct progress {
    bool shown;
    bool colour;
    int64_t start_ns;
    int64_t next_ns; /* not drawn again before */
};

void progress_start(struct progress *progress);
/* done of total bytes (0: unknown), settled events. Cheap when it is not yet time to draw. */
void progress_show(struct progress *progress, uint64_t done, uint64_t total, uint64_t settled);
/* Wipes the bar, for a line of text; it is drawn again. */
void progress_wipe(const struct progress *progress);
void progress_end(struct progress *progress);

#endif
