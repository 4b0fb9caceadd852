#include "clients/ctl/ctl.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct arguments {
    struct startup startup;
    bool json;
};

static const struct argp_option options[] = {
    {"json", 'j', NULL, 0, "One JSON object instead of lines", 0},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    (void)value;
    if (key == ARGP_KEY_INIT)
        state->child_inputs[0] = &arguments->startup;
    else if (key == 'j')
        arguments->json = true;
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

static void print_value(const struct mp_value *value, bool json)
{
    if (value->type == MP_UINT)
        printf("%" PRIu64, value->u);
    else if (value->type == MP_STR && json)
        printf("\"%.*s\"", (int)value->bytes.size, (const char *)value->bytes.data);
    else if (value->type == MP_STR)
        printf("%.*s", (int)value->bytes.size, (const char *)value->bytes.data);
}

/* Names and texts are the collector's own: letters, digits and spaces, nothing to escape. */
static void print_fields(struct slice answer, bool json)
{
    struct mp mp = mp_open(answer);
    uint32_t pairs = mp_map(&mp);
    bool first = true;
    for (uint32_t i = 0; i < pairs && !mp.error; i++) {
        struct slice name = mp_str(&mp);
        struct mp_value value = mp_read(&mp);
        bool framing = slice_equal(name, slice_of_text("v")) || slice_equal(name, slice_of_text("status")) ||
                       slice_equal(name, slice_of_text("detail"));
        if (framing)
            continue;
        if (json)
            printf("%s\"%.*s\":", first ? "{" : ",", (int)name.size, (const char *)name.data);
        else
            printf("%-24.*s ", (int)name.size, (const char *)name.data);
        print_value(&value, json);
        printf("%s", json ? "" : "\n");
        first = false;
    }
    if (json)
        printf("}\n");
}

int ctl_status(int argc, char **argv)
{
    static const struct argp_child children[] = {{&startup_argp, 0, NULL, 10}, {0}};
    static const struct argp argp = {options,  parse, NULL, "Asks the collector what it has done since its start.",
                                     children, NULL,  NULL};
    struct arguments arguments = {0};
    struct config *config = NULL;
    struct slice answer = {NULL, 0};
    struct error error;
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    enum status status = startup_config(&arguments.startup, &config, &error);
    if (status == STATUS_OK)
        status = ctl_ask(config, "status", &answer, &error);
    if (status == STATUS_OK)
        status = ctl_answer_status(answer, &error);
    if (status == STATUS_OK)
        print_fields(answer, arguments.json);
    free((void *)(uintptr_t)answer.data);
    config_close(config);
    startup_close(&arguments.startup);
    return status == STATUS_OK ? 0 : cli_fail(&error);
}
