/* jejak-aggregator - folds the event log into cells and reports on them. */
#include "aggregator/feed.h"
#include "aggregator/follow.h"
#include "aggregator/places.h"
#include "aggregator/query.h"
#include "aggregator/report.h"
#include "aggregator/report_command.h"
#include "aggregator/roller.h"
#include "aggregator/rollup.h"
#include "aggregator/verify.h"

#include "common/cli.h"
#include "common/confine.h"
#include "common/startup.h"

#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    OPTION_REBUILD_ON_FORK = 256
};

enum {
    FOLD_TIMEOUT_MS = 600000,
    STATUS_TIMEOUT_MS = 5000,
    FOLD_CACHE_BYTES = 128 << 20, /* merges and roll-ups read little twice */
};

struct arguments {
    struct startup startup;
    bool may_fork; /* --rebuild-on-fork is an option of the command */
    bool makes;    /* cells where there are none */
    bool daemon;   /* writes a log */
    bool rebuild_on_fork;
};

static const struct argp_option fork_options[] = {
    {"rebuild-on-fork", OPTION_REBUILD_ON_FORK, NULL, 0,
     "Rebuild the cells by itself where the log was restored or accepted a loss", 0},
    {0},
};

/* A command's own options, before the common ones. */
static error_t parse_command(int key, char *value, struct argp_state *state)
{
    (void)value;
    struct arguments *arguments = state->input;
    if (key == ARGP_KEY_INIT)
        state->child_inputs[0] = &arguments->startup;
    else if (key == OPTION_REBUILD_ON_FORK)
        arguments->rebuild_on_fork = true;
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

static const struct argp_child common_child[] = {{&startup_argp, 0, NULL, 0}, {0}};

/* The command line of one command, and its configuration; then the process keeps what it needs (places.h). */
static enum status start(int argc, char **argv, const char *doc, struct arguments *arguments, struct config **config,
                         struct error *error)
{
    struct confined confined;
    const struct argp argp = {
        arguments->may_fork ? fork_options : NULL, parse_command, NULL, doc, common_child, NULL, NULL};
    argp_parse(&argp, argc, argv, 0, NULL, arguments);
    enum status status = confine_privileges(error);
    if (status == STATUS_OK)
        status = startup_config(&arguments->startup, config, error);
    if (status == STATUS_OK && arguments->makes)
        status = places_make(*config, error);
    if (status == STATUS_OK)
        status = places_confine(*config, NULL, &confined, error);
    if (status == STATUS_OK && arguments->daemon) {
        startup_log(*config);
        confinement_log(&confined);
    }
    return status;
}

static int finish(struct arguments *arguments, struct config *config, enum status status, struct error *error)
{
    config_close(config);
    startup_close(&arguments->startup);
    error->status = status;
    return status == STATUS_OK || status == STATUS_STOPPED ? EX_OK : cli_fail(error);
}

/* ---- fold, rebuild ---- */

static volatile sig_atomic_t stopped;

static void stop(int number)
{
    (void)number;
    stopped = 1;
}

static void take_signals(void)
{
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

static enum status merge_all(struct cells *cells, struct error *error)
{
    bool more = true;
    enum status status = STATUS_OK;
    while (more && !stopped && status == STATUS_OK)
        status = cells_merge_some(cells, false, &more, error);
    return status;
}

static enum status roll_all(struct cells *cells, struct error *error)
{
    struct roller *roller = roller_open(cells);
    bool more = true;
    enum status status = STATUS_OK;
    while (more && !stopped && status == STATUS_OK)
        status = roller_some(roller, &more, error);
    if (status == STATUS_CORRUPT && cells_forget_damaged(cells))
        status = STATUS_OK;
    roller_close(roller);
    return status;
}

/* source: becomes fold_here()'s; NULL: opened once the cells are. */
static enum status fold_here(const struct config *config, struct source *source, struct error *error)
{
    struct feed feed = {.source = source, .fold_events = (uint32_t)config_whole(config, CONFIG_FOLD_EVENTS)};
    int64_t start_ns = clock_mono_ns();
    enum status status = follow_cells_open(config, FOLD_CACHE_BYTES, &feed.cells, error);
    if (status == STATUS_OK && !source)
        status = source_open(config, &feed.source, error);
    uint64_t before = status == STATUS_OK ? feed_offset(&feed) : 0;
    if (status == STATUS_OK)
        status = feed_catch_up(&feed, &stopped, error);
    feed_close(&feed); /* what follows needs the memory */
    source_close(feed.source);
    if (status == STATUS_OK)
        status = merge_all(feed.cells, error);
    if (status == STATUS_OK)
        status = roll_all(feed.cells, error);
    if (status == STATUS_OK) {
        char count[CLI_COUNT_BYTES], end[CLI_COUNT_BYTES], took[CLI_DURATION_BYTES];
        printf("folded %s entries of the log, up to offset %s, in %s\n", cli_count(feed_offset(&feed) - before, count),
               cli_count(feed_offset(&feed), end), cli_duration((clock_mono_ns() - start_ns) / 1000000, took));
    }
    cells_close(feed.cells);
    return status;
}

static enum status rebuild_here(const struct config *config, struct error *error)
{
    struct source *source = NULL;
    enum status status = source_open(config, &source, error); /* first: a log that cannot be read must cost no cells */
    if (status == STATUS_OK)
        status = cells_wipe(config_text(config, CONFIG_CELLS), error);
    if (status == STATUS_OK)
        return fold_here(config, source, error);
    source_close(source);
    return status;
}

/* Whoever holds the cells: where it does not tell its status soon, it is no follower, or not one that can answer. */
static enum status ask_follower(const struct config *config, const char *command, int timeout_ms, struct error *error)
{
    char *ping[] = {mem_text("status")}, *request[] = {mem_text("%s", command)};
    const struct query first = {.argc = 1, .argv = ping}, then = {.argc = 1, .argv = request};
    FILE *nowhere = fopen("/dev/null", "w");
    enum status status = nowhere ? query_ask(config, &first, STATUS_TIMEOUT_MS, nowhere, error)
                                 : error_errno(error, STATUS_SYSTEM, "/dev/null");
    if (status == STATUS_OK)
        status = query_ask(config, &then, timeout_ms, stdout, error);
    if (nowhere)
        fclose(nowhere);
    free(ping[0]);
    free(request[0]);
    return status;
}

static int fold(int argc, char **argv)
{
    struct arguments arguments = {.may_fork = true, .makes = true};
    struct config *config = NULL;
    struct error error;
    enum status status = start(argc, argv,
                               "Folds everything acknowledged so far into the cells, then stops. Where a `follow` "
                               "runs, it is asked to do so.",
                               &arguments, &config, &error);
    take_signals();
    if (status == STATUS_OK)
        status = fold_here(config, NULL, &error);
    if (status == STATUS_BUSY && query_may_answer(config)) {
        status = ask_follower(config, "fold", FOLD_TIMEOUT_MS, &error);
    } else if (status == STATUS_FORKED && arguments.rebuild_on_fork) {
        status = rebuild_here(config, &error);
    }
    return finish(&arguments, config, status, &error);
}

static int rebuild(int argc, char **argv)
{
    struct arguments arguments = {.makes = true};
    struct config *config = NULL;
    struct error error;
    enum status status =
        start(argc, argv, "Removes the cells and folds the log from its beginning.", &arguments, &config, &error);
    take_signals();
    if (status == STATUS_OK)
        status = rebuild_here(config, &error);
    return finish(&arguments, config, status, &error);
}

/* ---- follow ---- */

static int follow(int argc, char **argv)
{
    struct arguments arguments = {.may_fork = true, .makes = true, .daemon = true};
    struct config *config = NULL;
    struct error error;
    enum status status =
        start(argc, argv,
              "Follows the log and answers reports until TERM or INT. Cells are written every fold_ms, "
              "or when fold_events are in memory.",
              &arguments, &config, &error);
    if (status == STATUS_OK) {
        struct follow_options wanted = {.rebuild_on_fork = arguments.rebuild_on_fork, .report = report_run};
        status = follow_run(config, &wanted, &error);
    }
    return finish(&arguments, config, status, &error);
}

/* ---- verify ---- */

static int verify(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct config *config = NULL;
    struct error error;
    enum status status =
        start(argc, argv, "Walks the cells and names what is damaged. Reads only, also beside a running follower.",
              &arguments, &config, &error);
    if (status == STATUS_OK)
        status = cells_verify(config, stdout, &error);
    return finish(&arguments, config, status, &error);
}

/* ---- status ---- */

/* Opened for reading by this process, unless a follower holds them: then it is asked. */
static enum status cells_read(const struct config *config, struct cells **cells, struct error *error)
{
    struct cells_settings settings = {.zone = config_text(config, CONFIG_ZONE),
                                      .max_slice_ms = (uint32_t)config_whole(config, CONFIG_MAX_SLICE_MS),
                                      .cache_bytes = 64 << 20};
    return cells_open(config_text(config, CONFIG_CELLS), CELLS_READ_ONLY, &settings, cells, error);
}

static int status(int argc, char **argv)
{
    struct arguments arguments = {0};
    struct config *config = NULL;
    struct cells *cells = NULL;
    struct error error;
    enum status status = start(argc, argv, "Shows where the cells stand.", &arguments, &config, &error);
    if (status == STATUS_OK)
        status = cells_read(config, &cells, &error);
    if (status == STATUS_OK)
        follow_status_print(cells, 0, stdout);
    cells_close(cells);
    if (status == STATUS_BUSY && query_may_answer(config)) {
        status = ask_follower(config, "status", STATUS_TIMEOUT_MS, &error);
    }
    return finish(&arguments, config, status, &error);
}

static const struct cli_command commands[] = {
    {"fold", "Fold everything acknowledged so far, then stop", fold},
    {"follow", "Follow the log and answer reports (the service)", follow},
    {"rebuild", "Remove the cells and fold the log from its beginning", rebuild},
    {"report", "Print the figures of a period", report_command},
    {"status", "Show where the cells stand", status},
    {"verify", "Walk the cells and name what is damaged", verify},
};

int main(int argc, char **argv)
{
    cli_start("jejak-aggregator");
    return cli_dispatch(
        commands, ARRAY_COUNT(commands),
        "Folds the event log into cells and reports on them. Holds no key and cannot tell who a learner "
        "is.",
        argc, argv);
}
