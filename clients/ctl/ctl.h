/* ctl.h - what the commands of jejakctl share: their common options, and asking the collector. */
#ifndef JEJAK_CLIENTS_CTL_H
#define JEJAK_CLIENTS_CTL_H

#include "common/cli.h"
#include "common/config.h"
#include "common/mp.h"

#include <argp.h>

/* --home, --config and --set, as a child parser of each command: input is a struct ctl_common. */
struct ctl_common {
    const char *home, *file;
    const char **sets;
    size_t set_count;
};
extern const struct argp ctl_common_argp;
enum status ctl_config(const struct ctl_common *common, struct config **config, struct error *error) must_check;

/* Asks the collector's control socket. `answer` is its one part, to be freed; STATUS_UNAVAILABLE: none runs there. */
enum {
    CTL_TIMEOUT_MS = 5000
};
enum status ctl_ask(const struct config *config, const char *op, struct slice *answer, struct error *error) must_check;
/* The answer's own status: STATUS_OK, or its `detail` in the error. */
enum status ctl_answer_status(struct slice answer, struct error *error) must_check;

/* The commands; each returns the exit code. */
int ctl_status(int argc, char **argv);
int ctl_keys(int argc, char **argv);
int ctl_publisher(int argc, char **argv);
int ctl_tail(int argc, char **argv);
int ctl_config_command(int argc, char **argv);

#endif
