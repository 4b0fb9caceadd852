/* report_command.h - `jejak-aggregator report`: opens the cells itself, or, where a follower holds them, asks it.
 */
#ifndef JEJAK_AGGREGATOR_REPORT_COMMAND_H
#define JEJAK_AGGREGATOR_REPORT_COMMAND_H

/* For cli_dispatch(): argv[0] is the command's name. Returns the exit code. */
int report_command(int argc, char **argv);

#endif
