/* jejak-publish - the publisher library as a command: events from files or a pipe to the collector. */
#include "clients/publish/feed.h"
#include "clients/publish/row.h"
#include "common/cli.h"
#include "common/zone.h"

#include <argp.h>
#include <stdlib.h>

enum {
    KEY_SERVER_KEY = 256,
    KEY_KEY,
    KEY_PLAIN,
    KEY_NAME,
    KEY_SPOOL,
    KEY_SHIFT_TO,
    KEY_TIMEOUT,
    KEY_FORMAT,
};

static const struct argp_option arguments[] = {
    {"to", 't', "ENDPOINT", 0, "the collector's ingest endpoint (the home's, else tcp://127.0.0.1:7411)", 1},
    {"home", 'H', "DIR", 0, "home folder with the configuration and the keys ($JEJAK_HOME)", 1},
    {"name", KEY_NAME, "NAME", 0, "the pair HOME/keys/clients/NAME (the only one there)", 1},
    {"server-key", KEY_SERVER_KEY, "FILE", 0, "the collector's public key, in place of the home's", 1},
    {"key", KEY_KEY, "FILE", 0, "the own secret key, in place of the home's; the public one is derived", 1},
    {"plain", KEY_PLAIN, NULL, 0, "no encryption: a trial over loopback or ipc", 1},
    {"batch", 'b', "N", 0, "events in a batch, 1 to 2700 (500)", 2},
    {"format", KEY_FORMAT, "csv|ndjson", 0, "of the files, where their names do not tell", 2},
    {"shift-to", KEY_SHIFT_TO, "DATE", 0, "add whole days to all times, so that the last event's UTC day is DATE", 2},
    {"resume", 'r', "FILE", 0, "keep the position in FILE, and go on from it", 3},
    {"spool", KEY_SPOOL, "DIR", 0, "keep what is not settled in DIR, encrypted; the next run sends it", 3},
    {"timeout", KEY_TIMEOUT, "SECONDS", 0, "give up when the collector settles nothing for so long (60)", 3},
    {0},
};

static const char about[] =
    "Publishes learning events from CSV or NDJSON files, or from standard input (-), to a collector.\v"
    "CSV has a header line naming the columns time, learner, content, kind and value, in any order. NDJSON has one "
    "object a line with these keys. Time is Unix ms or ISO 8601 with a zone (2026-01-31T08:15:00+07:00).\n\n"
    "  jejak-publish --home /srv/jejak events.csv\n"
    "  jejak-publish --home /srv/jejak --resume events.pos --shift-to 2026-01-31 old-*.csv\n"
    "  some-exporter | jejak-publish --plain --to tcp://127.0.0.1:7411 --format ndjson -\n\n"
    "An interrupted run with --resume goes on with the same command: nothing is lost, nothing is stored twice. A run "
    "without it that is begun again stores everything again.\n\n"
    "The exit code is 0 when everything was accepted, 65 when something was rejected or unreadable, 69 when the "
    "collector does not answer, and as in sysexits.h for the rest. Output names line numbers, never their text.";

struct parsed {
    struct feed_options options;
    const char **paths;
};

static void whole_argument(struct argp_state *state, const char *text, int64_t least, int64_t greatest, int64_t *number)
{
    int64_t whole;
    if (!row_whole(slice_of_text(text), &whole) || whole < least || whole > greatest)
        argp_error(state, "\"%s\" is not a whole number from %lld to %lld", text, (long long)least,
                   (long long)greatest);
    *number = whole;
}

static void format_argument(struct argp_state *state, const char *text, enum input_format *format)
{
    if (strcmp(text, "csv") == 0)
        *format = INPUT_CSV;
    else if (strcmp(text, "ndjson") == 0)
        *format = INPUT_NDJSON;
    else
        argp_error(state, "--format is csv or ndjson, not \"%s\"", text);
}

static void check(struct argp_state *state, const struct feed_options *options)
{
    bool standard = false;
    if (options->path_count == 0)
        argp_error(state, "which files? Give their names, or - for standard input");
    for (size_t i = 0; i < options->path_count; i++)
        standard = standard || strcmp(options->paths[i], "-") == 0;
    if (standard && options->path_count > 1)
        argp_error(state, "standard input goes alone");
    if (standard && options->resume)
        argp_error(state, "--resume needs files: standard input cannot be read again; --spool keeps what was taken");
    if (standard && options->shift)
        argp_error(state, "--shift-to reads the files twice, which standard input does not allow");
    if (options->resume && options->spool)
        argp_error(state, "--resume and --spool are two ways to the same end: give one");
}

static error_t on_option(int key, char *text, struct argp_state *state)
{
    struct parsed *parsed = state->input;
    struct feed_options *options = &parsed->options;
    int64_t number;
    switch (key) {
    case 't':
        options->keys.to = text;
        break;
    case 'H':
        options->keys.home = text;
        break;
    case KEY_NAME:
        options->keys.name = text;
        break;
    case KEY_SERVER_KEY:
        options->keys.server_key = text;
        break;
    case KEY_KEY:
        options->keys.key = text;
        break;
    case KEY_PLAIN:
        options->keys.plain = true;
        break;
    case 'b':
        whole_argument(state, text, 1, FEED_BATCH_MAX_EVENTS, &number);
        options->batch_events = (uint32_t)number;
        break;
    case KEY_FORMAT:
        format_argument(state, text, &options->format);
        break;
    case KEY_SHIFT_TO:
        options->shift = true;
        if (!date_parse(slice_of_text(text), &options->shift_day))
            argp_error(state, "\"%s\" is not a date like 2026-01-31", text);
        break;
    case 'r':
        options->resume = text;
        break;
    case KEY_SPOOL:
        options->spool = text;
        break;
    case KEY_TIMEOUT:
        whole_argument(state, text, 1, 1000000, &number);
        options->timeout_ms = number * 1000;
        break;
    case ARGP_KEY_ARG:
        parsed->paths[options->path_count++] = text;
        break;
    case ARGP_KEY_END:
        check(state, options);
        break;
    default:
        return ARGP_ERR_UNKNOWN;
    }
    return 0;
}

int main(int argc, char **argv)
{
    static const struct argp argp = {arguments, on_option, "FILE...\n-", about, NULL, NULL, NULL};
    struct parsed parsed = {.paths = mem_new((size_t)argc, sizeof *parsed.paths)};
    struct tally tally;
    struct error error;
    cli_start("jejak-publish");
    parsed.options = (struct feed_options){
        .paths = parsed.paths,
        .batch_events = FEED_BATCH_EVENTS,
        .timeout_ms = FEED_TIMEOUT_S * 1000,
        .keys.home = getenv("JEJAK_HOME"),
    };
    argp_parse(&argp, argc, argv, 0, NULL, &parsed);
    int64_t start_ns = clock_mono_ns();
    enum status status = feed_run(&parsed.options, &tally, &error);
    bool sent = tally.sent > 0 || tally.earlier > 0;
    if (status == STATUS_OK || sent)
        tally_print(&tally, (clock_mono_ns() - start_ns) / 1000000, stdout);
    int code = status == STATUS_OK ? EX_OK : cli_fail(&error);
    if (status == STATUS_OK && !tally_clean(&tally))
        code = EX_DATAERR;
    tally_free(&tally);
    free(parsed.paths);
    return code;
}
