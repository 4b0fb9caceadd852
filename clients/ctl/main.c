/* jejakctl - the operator's tool. */
#include "clients/ctl/ctl.h"

static const struct cli_command commands[] = {
    {"status", "what the collector has done since its start, and how far the log goes", ctl_status},
    {"publisher", "add, remove and list those who may publish", ctl_publisher},
    {"keys", "make and list keys of any role", ctl_keys},
    {"tail", "events as they are stored, under pseudonyms made anew for this run", ctl_tail},
    {"config", "the effective configuration and where each value comes from", ctl_config_command},
    {"verify", "walk log, vault and cells, of this home or of a copy of it, and name what is damaged", ctl_verify},
};

int main(int argc, char **argv)
{
    cli_start("jejakctl");
    return cli_dispatch(commands, ARRAY_COUNT(commands),
                        "The operator's tool for a Jejak home: --home DIR or $JEJAK_HOME.", argc, argv);
}
