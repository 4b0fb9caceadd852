/* jejakctl verify: the formats of log and vault are the collector's and those of the cells the aggregator's, so each walks
 * its own, and this runs both. */
#include "clients/ctl/ctl.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

struct arguments {
    struct startup startup;
    const char *backup;
};

static const struct argp_option options[] = {
    {"backup", 'b', "DIR", 0, "Walk this copy of a home instead", 0},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    if (key == ARGP_KEY_INIT)
        state->child_inputs[0] = &arguments->startup;
    else if (key == 'b')
        arguments->backup = value;
    else
        return ARGP_ERR_UNKNOWN;
    return 0;
}

/* The programs stand beside this one, and, installed or not, it knows where it is. */
static char *program_path(const char *name, struct error *error)
{
    char own[PATH_MAX + 1];
    ssize_t size = readlink("/proc/self/exe", own, PATH_MAX);
    if (size < 0) {
        error_errno(error, STATUS_SYSTEM, "/proc/self/exe");
        return NULL;
    }
    own[size] = '\0';
    return mem_text("%s/%s", dirname(own), name);
}

enum {
    FIXED_ARGUMENTS = 8,
};

/* PROGRAM COMMAND --home DIR [--config FILE] [--set KEY=VALUE ...]; the array is to be freed. */
static char **arguments_for(const struct arguments *arguments, const char *program, const char *command)
{
    const char **list = mem_new(FIXED_ARGUMENTS + 2 * arguments->startup.set_count, sizeof *list);
    const char *home = arguments->backup ? arguments->backup : arguments->startup.home;
    size_t n = 0;
    list[n++] = program;
    list[n++] = command;
    if (home) {
        list[n++] = "--home";
        list[n++] = home;
    }
    if (arguments->startup.file && !arguments->backup) {
        list[n++] = "--config";
        list[n++] = arguments->startup.file;
    }
    for (size_t i = 0; i < arguments->startup.set_count; i++) {
        list[n++] = "--set";
        list[n++] = arguments->startup.sets[i];
    }
    return (char **)(uintptr_t)list;
}

/* Its exit code; what it says goes where ours goes. */
static enum status run(const struct arguments *arguments, const char *name, const char *command, int *code,
                       struct error *error)
{
    char *path = program_path(name, error);
    enum status status = STATUS_OK;
    if (!path)
        return error->status;
    char **list = arguments_for(arguments, path, command);
    pid_t child;
    int ended = 0;
    errno = posix_spawn(&child, path, NULL, NULL, list, environ);
    if (errno != 0)
        status = error_errno(error, STATUS_UNAVAILABLE, "%s cannot be run", path);
    else if (waitpid(child, &ended, 0) < 0)
        status = error_errno(error, STATUS_SYSTEM, "waiting for %s", path);
    else if (!WIFEXITED(ended))
        status = error_set(error, STATUS_BUG, "%s was ended by signal %d", path, WTERMSIG(ended));
    else
        *code = WEXITSTATUS(ended);
    free(list);
    free(path);
    return status;
}

/* Cells that were never folded are no damage: there is nothing to be wrong. */
static enum status run_both(const struct arguments *arguments, int *worst, struct error *error)
{
    int collector = 0, aggregator = 0;
    enum status status = run(arguments, "jejak-collector", "--verify", &collector, error);
    if (status == STATUS_OK)
        status = run(arguments, "jejak-aggregator", "verify", &aggregator, error);
    *worst = collector != 0 ? collector : aggregator == EX_NOINPUT ? 0 : aggregator;
    return status;
}

int ctl_verify(int argc, char **argv)
{
    static const struct argp_child children[] = {{&startup_argp, 0, NULL, 10}, {0}};
    static const struct argp argp = {
        options,
        parse,
        NULL,
        "Walks log, vault and cells and names what is damaged. Reads only, also beside "
        "running programs.\vExit code 0: nothing is wrong; 65: something is, and it was named.",
        children,
        NULL,
        NULL};
    struct arguments arguments = {0};
    struct error error;
    int worst = 0;
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    enum status status = run_both(&arguments, &worst, &error);
    startup_close(&arguments.startup);
    if (status != STATUS_OK)
        return cli_fail(&error);
    puts(worst == 0 ? "verify: clean" : "verify: something is wrong");
    return worst;
}
