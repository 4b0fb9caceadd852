/* sync - bench-sync: what a durable answer costs at the very least on this disk.
 *
 *     bench-sync [--seconds N] FOLDER        in files of its own there, which it removes
 *
 * A round is what a collector that is asked for one batch has to wait for: 64 KiB appended to a file and fdatasync, then
 * 64 bytes of another file overwritten and fdatasync (the block, then the watermark). No message, no work. Prints
 * `name value` lines: rounds, sync_p50_us, sync_p99_us, sync_max_us, sync_mean_us.
 */
#include "bench/latency.h"
#include "bench/settings.h"
#include "common/cli.h"

#include <argp.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    BLOCK_BYTES = 64 << 10,
    WATERMARK_BYTES = 64,
    SECOND_NS = 1000000000,
    MAX_SECONDS = 3600,
    MAX_ROUNDS = 50000, /* 3 GB */
};

struct arguments {
    const char *folder;
    uint64_t seconds;
};

struct files {
    char block_path[PATH_MAX], watermark_path[PATH_MAX];
    int block, watermark;
};

static enum status open_file(const char *folder, char path[PATH_MAX], int *fd, struct error *error)
{
    snprintf(path, PATH_MAX, "%s/bench-sync.XXXXXX", folder);
    *fd = mkstemp(path);
    return *fd >= 0 ? STATUS_OK : error_errno(error, STATUS_CANNOT_MAKE, "%s", path);
}

static void close_file(const char *path, int fd)
{
    if (fd < 0)
        return;
    close(fd);
    unlink(path);
}

static enum status put(const char *path, int fd, const uint8_t *bytes, size_t size, off_t at, struct error *error)
{
    if (pwrite(fd, bytes, size, at) != (ssize_t)size || fdatasync(fd) != 0)
        return error_errno(error, STATUS_IO, "%s", path);
    return STATUS_OK;
}

static enum status measure(const struct files *files, int64_t span_ns, struct latency *latency, struct error *error)
{
    static uint8_t block[BLOCK_BYTES];
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (uint8_t)(i * 2654435761U >> 24);
    enum status status = put(files->watermark_path, files->watermark, block, WATERMARK_BYTES, 0, error);
    int64_t start_ns = clock_mono_ns(), now_ns = start_ns;
    for (off_t i = 0; status == STATUS_OK && i < MAX_ROUNDS && now_ns - start_ns < span_ns; i++) {
        int64_t begun_ns = now_ns;
        status = put(files->block_path, files->block, block, sizeof block, i * BLOCK_BYTES, error);
        if (status == STATUS_OK)
            status = put(files->watermark_path, files->watermark, block, WATERMARK_BYTES, 0, error);
        now_ns = clock_mono_ns();
        latency_record(latency, now_ns - begun_ns);
    }
    return status;
}

static enum status run(const struct arguments *arguments, struct latency *latency, struct error *error)
{
    struct files files = {.block = -1, .watermark = -1};
    enum status status = open_file(arguments->folder, files.block_path, &files.block, error);
    if (status == STATUS_OK)
        status = open_file(arguments->folder, files.watermark_path, &files.watermark, error);
    if (status == STATUS_OK)
        status = measure(&files, (int64_t)arguments->seconds * SECOND_NS, latency, error);
    close_file(files.block_path, files.block);
    close_file(files.watermark_path, files.watermark);
    return status;
}

static error_t on_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    if (key == 's')
        arguments->seconds = settings_number(state, "seconds", text, 1, MAX_SECONDS);
    else if (key == ARGP_KEY_ARG && !arguments->folder)
        arguments->folder = text;
    else if (key == ARGP_KEY_ARG || key == ARGP_KEY_NO_ARGS)
        argp_error(state, "in which folder? One, on the disk that is meant");
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

int main(int argc, char **argv)
{
    static const struct argp_option options[] = {{"seconds", 's', "N", 0, "for how long (2)", 0}, {0}};
    static const struct argp argp = {.options = options,
                                     .parser = on_option,
                                     .args_doc = "FOLDER",
                                     .doc = "How long two bare syncs take: a block appended, a watermark overwritten."};
    static struct latency latency;
    struct arguments arguments = {.seconds = 2};
    struct error error;
    cli_start("bench-sync");
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    if (run(&arguments, &latency, &error) != STATUS_OK)
        return cli_fail(&error);
    printf("rounds %" PRIu64 "\nsync_p50_us %.0f\nsync_p99_us %.0f\nsync_max_us %.0f\nsync_mean_us %.0f\n",
           latency.total, (double)latency_at(&latency, 0.5) / 1000, (double)latency_at(&latency, 0.99) / 1000,
           (double)latency.greatest_ns / 1000, latency_mean_ns(&latency) / 1000);
    return EX_OK;
}
