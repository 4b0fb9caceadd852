#include "clients/publish/progress.h"
#include "common/cli.h"

#include <unistd.h>

enum {
    DRAW_NS = 100 * 1000 * 1000,
    BAR_CELLS = 30
};

void progress_start(struct progress *progress)
{
    *progress = (struct progress){.shown = isatty(STDERR_FILENO) != 0, .colour = cli_colour(stderr)};
    progress->start_ns = clock_mono_ns();
}

static void draw_bar(const struct progress *progress, uint64_t done, uint64_t total)
{
    char bar[BAR_CELLS + 1];
    size_t full = (size_t)((double)done / (double)total * BAR_CELLS);
    memset(bar, '.', BAR_CELLS);
    memset(bar, '#', full < BAR_CELLS ? full : BAR_CELLS);
    bar[BAR_CELLS] = '\0';
    fprintf(stderr, "%s[%s]%s %3.0f %%  ", progress->colour ? "\033[36m" : "", bar, progress->colour ? "\033[0m" : "",
            100.0 * (double)done / (double)total);
}

void progress_show(struct progress *progress, uint64_t done, uint64_t total, uint64_t settled)
{
    char count[CLI_COUNT_BYTES], rate[CLI_COUNT_BYTES];
    if (!progress->shown)
        return;
    int64_t now_ns = clock_mono_ns();
    if (now_ns < progress->next_ns)
        return;
    progress->next_ns = now_ns + DRAW_NS;
    double seconds = (double)(now_ns - progress->start_ns) / 1e9;
    fputs("\r", stderr);
    if (total > 0)
        draw_bar(progress, done, total);
    fprintf(stderr, "%s events settled, %s/s\033[K", cli_count(settled, count),
            cli_count((uint64_t)((double)settled / (seconds > 0.001 ? seconds : 0.001)), rate));
    fflush(stderr);
}

void progress_wipe(const struct progress *progress)
{
    if (progress->shown && progress->next_ns > 0)
        fputs("\r\033[K", stderr);
}

void progress_end(struct progress *progress)
{
    progress_wipe(progress);
    progress->shown = false;
}
