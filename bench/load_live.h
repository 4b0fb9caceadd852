/* load_live.h - a line on a terminal that shows how it goes, anew every second; nothing anywhere else. */
#ifndef JEJAK_BENCH_LOAD_LIVE_H
#define JEJAK_BENCH_LOAD_LIVE_H

#include "bench/latency.h"

struct load_live {
    bool shown;
    int64_t start_ns, drawn_ns;
    uint64_t events, busy; /* since it was drawn; busy: in all */
    struct latency recent; /* since it was drawn */
};

void load_live_start(struct load_live *live);
/* A batch was settled, after this time. */
void load_live_count(struct load_live *live, uint64_t events, int64_t took_ns);
/* Cheap when it is not yet time to draw. `asked`: events a second, 0: as many as go. */
void load_live_show(struct load_live *live, const char *phase, uint64_t asked, int64_t now_ns);
void load_live_end(struct load_live *live);

#endif
