#include "aggregator/report_command.h"

#include "aggregator/places.h"
#include "aggregator/query.h"
#include "aggregator/report.h"
#include "aggregator/report_settings.h"

#include "common/cli.h"
#include "common/confine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    ANSWER_TIMEOUT_MS = 600000,
    CACHE_BYTES = 64 << 20,
};

/* The command line, split into what finds the cells and what the report takes. */
struct command {
    const char *home, *file;
    const char **sets;
    size_t set_count;
    char **argv; /* of the report; [0] is "report" */
    int argc;
    char *curriculum; /* made absolute: named in errors of a follower, too */
    struct slice curriculum_text;
    struct report_options options;
};

static void print_help(void)
{
    printf("Usage: jejak-aggregator report [OPTION...]\n"
           "Figures of a period from the cells: who may be seen, what to look at, what revisions did.\n\n"
           "%s"
           "  -H, --home DIR      home folder (default: $JEJAK_HOME)\n"
           "  --config FILE       configuration file (default: jejak.conf in the home, where there is one)\n"
           "  --set KEY=VALUE     set a configuration key; may be repeated\n"
           "  -?, --help          this list\n",
           report_options_help);
}

/* The value of `name` at argv[*index], as `name value` or `name=value`; NULL where it is another option. Moves *index
 * past what it took. */
static const char *take_value(int argc, char **argv, int *index, const char *name)
{
    size_t size = strlen(name);
    if (strncmp(argv[*index], name, size) != 0)
        return NULL;
    if (argv[*index][size] == '=')
        return argv[(*index)++] + size + 1;
    if (argv[*index][size] != '\0' || *index + 1 >= argc)
        return NULL;
    *index += 2;
    return argv[*index - 1];
}

static enum status make_absolute(const char *path, char **absolute, struct error *error)
{
    if (path[0] == '/') {
        *absolute = mem_text("%s", path);
        return STATUS_OK;
    }
    char *folder = getcwd(NULL, 0);
    if (!folder)
        return error_errno(error, STATUS_SYSTEM, "the working folder");
    *absolute = mem_text("%s/%s", folder, path);
    free(folder);
    return STATUS_OK;
}

static enum status take_argument(struct command *command, int argc, char **argv, int *index, struct error *error)
{
    const char *value;
    if ((value = take_value(argc, argv, index, "--home")) || (value = take_value(argc, argv, index, "-H")))
        command->home = value;
    else if ((value = take_value(argc, argv, index, "--config")))
        command->file = value;
    else if ((value = take_value(argc, argv, index, "--set")))
        command->sets[command->set_count++] = value;
    else if ((value = take_value(argc, argv, index, "--curriculum"))) {
        free(command->curriculum);
        command->curriculum = NULL;
        return make_absolute(value, &command->curriculum, error);
    } else
        command->argv[command->argc++] = argv[(*index)++];
    return STATUS_OK;
}

static enum status command_open(struct command *command, int argc, char **argv, struct error *error)
{
    static char name[] = "report", curriculum[] = "--curriculum", color[] = "--color";
    command->sets = mem_new((size_t)argc, sizeof *command->sets);
    command->argv = mem_new((size_t)argc + 4, sizeof *command->argv);
    command->argv[command->argc++] = name;
    for (int index = 1; index < argc;) {
        enum status status = take_argument(command, argc, argv, &index, error);
        if (status)
            return status;
    }
    if (command->curriculum) {
        command->argv[command->argc++] = curriculum;
        command->argv[command->argc++] = command->curriculum;
    }
    enum status status = report_options_parse(command->argc - 1, command->argv + 1, &command->options, error);
    if (!status && !command->options.output && cli_colour(stdout))
        command->argv[command->argc++] = color;
    return status;
}

static void command_close(struct command *command)
{
    free(command->sets);
    free(command->argv);
    free(command->curriculum);
    free((void *)(uintptr_t)command->curriculum_text.data);
}

/* With the settings that this program runs with: the follower checks that they are its own. */
static enum status ask_follower(const struct command *command, const struct config *config, FILE *out,
                                struct error *error)
{
    static char name[] = "--settings";
    char *settings = report_settings_text(config);
    char **argv = mem_new((size_t)command->argc + 2, sizeof *argv);
    memcpy(argv, command->argv, (size_t)command->argc * sizeof *argv);
    argv[command->argc] = name;
    argv[command->argc + 1] = settings;
    const struct query query = {.argc = command->argc + 2, .argv = argv, .file = command->curriculum_text};
    enum status status = query_ask(config, &query, ANSWER_TIMEOUT_MS, out, error);
    free(argv);
    free(settings);
    return status;
}

static enum status run(const struct command *command, const struct config *config, FILE *out, struct error *error)
{
    struct cells_settings settings = {.zone = config_text(config, CONFIG_ZONE),
                                      .max_slice_ms = (uint32_t)config_whole(config, CONFIG_MAX_SLICE_MS),
                                      .cache_bytes = CACHE_BYTES};
    struct cells *cells = NULL;
    enum status status = cells_open(config_text(config, CONFIG_CELLS), CELLS_READ_ONLY, &settings, &cells, error);
    if (status == STATUS_BUSY && query_may_answer(config))
        return ask_follower(command, config, out, error);
    if (status == STATUS_OK) {
        struct crew *crew = crew_open(cells, (uint32_t)config_whole(config, CONFIG_REPORT_THREADS));
        const struct query query = {.argc = command->argc, .argv = command->argv, .file = command->curriculum_text};
        status = report_run(crew, config, &query, out, error);
        crew_close(crew);
    }
    cells_close(cells);
    return status;
}

static enum status write_all(FILE *file, const char *name, const char *text, size_t size, struct error *error)
{
    bool written = fwrite(text, 1, size, file) == size && fflush(file) == 0;
    return written ? STATUS_OK : error_errno(error, STATUS_IO, "%s", name);
}

/* To standard output, or to a file that is not touched before the report is made. */
static enum status deliver(const struct command *command, const char *text, size_t size, struct error *error)
{
    const char *path = command->options.output;
    if (!path)
        return write_all(stdout, "standard output", text, size, error);
    FILE *file = fopen(path, "w");
    if (!file)
        return error_errno(error, STATUS_CANNOT_MAKE, "%s", path);
    enum status status = write_all(file, path, text, size, error);
    if (fclose(file) && !status)
        status = error_errno(error, STATUS_IO, "%s", path);
    return status;
}

/* Files from wherever the asker has them are read here, then this process confines itself. */
static enum status prepare(struct command *command, struct config **config, struct error *error)
{
    const char *home;
    struct confined confined;
    enum status status = confine_privileges(error);
    if (!status)
        status = cli_home(command->home, &home, error);
    if (!status)
        status = config_open(home, command->file, command->sets, command->set_count, config, error);
    if (!status && command->curriculum)
        status = curriculum_text(command->curriculum, &command->curriculum_text, error);
    return status ? status : places_confine(*config, command->options.output, &confined, error);
}

static enum status make_and_deliver(struct command *command, struct error *error)
{
    struct config *config = NULL;
    enum status status = prepare(command, &config, error);
    if (status) {
        config_close(config);
        return status;
    }
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    ensure(out);
    status = run(command, config, out, error);
    fclose(out);
    if (!status)
        status = deliver(command, text, size, error);
    free(text);
    config_close(config);
    return status;
}

int report_command(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-?") == 0) {
            print_help();
            return EX_OK;
        }
    }
    struct command command = {0};
    struct error error;
    enum status status = command_open(&command, argc, argv, &error);
    if (!status)
        status = make_and_deliver(&command, &error);
    command_close(&command);
    return status ? cli_fail(&error) : EX_OK;
}
