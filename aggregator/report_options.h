/* report_options.h - the options of `jejak-aggregator report`, from a command line or a request over a socket.
 *
 * Reentrant: no global state, nothing printed, never exit(). The vector holds options only (no program name, no
 * subcommand) and outlives what is read from it. Paths are the caller's: make them absolute where the vector goes to
 * another process. `-o` is read and left to the calling program.
 */
#ifndef JEJAK_AGGREGATOR_REPORT_OPTIONS_H
#define JEJAK_AGGREGATOR_REPORT_OPTIONS_H

#include "aggregator/figures.h"

enum report_format {
    REPORT_TABLE,
    REPORT_CSV,
    REPORT_JSON,
};

struct report_options {
    bool has_from, has_to;
    int32_t from_day, to_day;
    const char *tz;         /* NULL: the configured zone */
    enum level level;       /* LEVEL_MODULE unless given */
    const char *module;     /* NULL: all */
    const char *program;    /* NULL: all */
    const char *cohort;     /* NULL: everybody */
    const char *curriculum; /* NULL: none */
    uint64_t k;             /* 0: the configured one */
    enum report_format format;
    const char *output; /* NULL: standard output */
    bool color;         /* --color: the table may use colours */
    /* --settings, added by the asking program: report_settings.h's text. NULL: asked by nobody else */
    const char *settings;
};

/* One line an option, for --help. */
extern const char *const report_options_help;

/* STATUS_USAGE with the option and what it takes. */
enum status report_options_parse(int argc, char *const *argv, struct report_options *options,
                                 struct error *error) must_check;

#endif
