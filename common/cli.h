/* cli.h - what all programs share at the command line, on top of glibc's argp: version, failing, colours, the home
 * folder, subcommands, numbers and moments for people.
 *
 *     int main(int argc, char **argv)
 *     {
 *         cli_start("jejakctl");
 *         return cli_dispatch(commands, ARRAY_COUNT(commands), "The operator's tool.", argc, argv);
 *     }
 */
#ifndef JEJAK_COMMON_CLI_H
#define JEJAK_COMMON_CLI_H

#include "common/status.h"

#include <stdio.h>

/* Names the program: for --version ("jejak-collector 0.1.0"), for failures, and for wrong usage, which argp then ends
 * with EX_USAGE. `program` is kept. Call it first. */
void cli_start(const char *program);

/* Prints "program: text" to stderr, in red on a terminal, and returns the exit code of its status. A wrong command line
 * gets a hint at --help. */
int cli_fail(const struct error *error);

/* May this stream have colours? Only a terminal, never with NO_COLOR set (https://no-color.org) or TERM=dumb. */
bool cli_colour(FILE *stream);

/* The home folder: --home (NULL where not given), else $JEJAK_HOME; neither is STATUS_USAGE. Borrowed. */
enum status cli_home(const char *option, const char **home, struct error *error) must_check;

/* One subcommand. `run` gets the arguments from its own name on, with argv[0] "program name", as argp shows it, and
 * returns the exit code. */
struct cli_command {
    const char *name;
    const char *help; /* one line, without a full stop */
    int (*run)(int argc, char **argv);
};

/* Runs the command that argv names. Knows --help and --version; options before the command's name (`--home DIR status`)
 * are handed to it. Returns the exit code. */
int cli_dispatch(const struct cli_command *commands, size_t count, const char *about, int argc, char **argv);

/* "1,234,567" */
enum {
    CLI_COUNT_BYTES = 32
};
const char *cli_count(uint64_t count, char text[CLI_COUNT_BYTES]);

/* "950 bytes", "1.4 MiB" */
enum {
    CLI_SIZE_BYTES = 32
};
const char *cli_size(uint64_t bytes, char text[CLI_SIZE_BYTES]);

/* "350 ms", "2.4 s", "3 min 05 s", "2 h 05 min" */
enum {
    CLI_DURATION_BYTES = 32
};
const char *cli_duration(int64_t ms, char text[CLI_DURATION_BYTES]);

/* "2026-01-31 15:15:00 +0700", by this process's local time */
enum {
    CLI_MOMENT_BYTES = 40
};
const char *cli_moment(int64_t time_ms, char text[CLI_MOMENT_BYTES]);

#endif
