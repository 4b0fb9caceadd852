/* ctl.h - what the commands of jejakctl share: asking the collector. */
#ifndef JEJAK_CLIENTS_CTL_H
#define JEJAK_CLIENTS_CTL_H

#include "common/cli.h"
#include "common/config.h"
#include "common/mp.h"
#include "common/startup.h"

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
int ctl_verify(int argc, char **argv);

#endif
