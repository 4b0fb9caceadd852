#include "bench/load_live.h"
#include "common/cli.h"

#include <unistd.h>

enum {
    DRAW_NS = 1000000000
};

void load_live_start(struct load_live *live)
{
    memset(live, 0, sizeof *live);
    live->shown = isatty(STDERR_FILENO) != 0;
    live->start_ns = live->drawn_ns = clock_mono_ns();
}

void load_live_count(struct load_live *live, uint64_t events, int64_t took_ns)
{
    if (!live->shown)
        return;
    live->events += events;
    latency_record(&live->recent, took_ns);
}

void load_live_show(struct load_live *live, const char *phase, uint64_t asked, int64_t now_ns)
{
    char rate[CLI_COUNT_BYTES], wanted[CLI_COUNT_BYTES], passed[CLI_DURATION_BYTES];
    if (!live->shown || now_ns - live->drawn_ns < DRAW_NS)
        return;
    double seconds = (double)(now_ns - live->drawn_ns) / 1e9;
    fprintf(stderr, "\r%s, %s: %s events/s", phase, cli_duration((now_ns - live->start_ns) / 1000000, passed),
            cli_count((uint64_t)((double)live->events / seconds), rate));
    if (asked > 0)
        fprintf(stderr, " of %s", cli_count(asked, wanted));
    fprintf(stderr, "   p50 %.2f ms   p99 %.2f ms   busy %llu\033[K", (double)latency_at(&live->recent, 0.5) / 1e6,
            (double)latency_at(&live->recent, 0.99) / 1e6, (unsigned long long)live->busy);
    fflush(stderr);
    live->drawn_ns = now_ns;
    live->events = 0;
    latency_clear(&live->recent);
}

void load_live_end(struct load_live *live)
{
    if (live->shown)
        fputs("\r\033[K", stderr);
    live->shown = false;
}
