#include "clients/ctl/ctl.h"

#include <stdio.h>
#include <stdlib.h>

struct arguments {
    struct startup startup;
    bool help_lines;
};

static const struct argp_option options[] = {
    {"explain", 'e', NULL, 0, "Say what each key is for", 0},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    (void)value;
    if (key == ARGP_KEY_INIT)
        state->child_inputs[0] = &arguments->startup;
    else if (key == 'e')
        arguments->help_lines = true;
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

int ctl_config_command(int argc, char **argv)
{
    static const struct argp_child children[] = {{&startup_argp, 0, NULL, 10}, {0}};
    static const struct argp argp = {
        options,  parse, NULL, "Prints every configuration key, its value and where that comes from.",
        children, NULL,  NULL};
    struct arguments arguments = {0};
    struct config *config = NULL;
    struct error error;
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    enum status status = startup_config(&arguments.startup, &config, &error);
    for (unsigned i = 0; status == STATUS_OK && i < CONFIG_COUNT; i++) {
        enum config_key key = (enum config_key)i;
        if (arguments.help_lines)
            printf("# %s\n", config_key_help(key));
        printf("%-18s = %-36s # %s\n", config_key_name(key), config_value(config, key), config_origin(config, key));
    }
    config_close(config);
    startup_close(&arguments.startup);
    return status == STATUS_OK ? 0 : cli_fail(&error);
}
