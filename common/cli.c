#include "common/cli.h"

#include <argp.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char *program_name = "jejak";

void cli_start(const char *program)
{
    static char version[64];
    snprintf(version, sizeof version, "%s %s", program, JEJAK_VERSION);
    program_name = program;
    argp_program_version = version;
    argp_err_exit_status = EX_USAGE;
}

bool cli_colour(FILE *stream)
{
    const char *no_colour = getenv("NO_COLOR"), *terminal = getenv("TERM");
    return isatty(fileno(stream)) && !(no_colour && *no_colour) && terminal && strcmp(terminal, "dumb") != 0;
}

int cli_fail(const struct error *error)
{
    bool red = cli_colour(stderr);
    fprintf(stderr, "%s%s: %s%s\n", red ? "\033[31m" : "", program_name, error->text, red ? "\033[0m" : "");
    if (error->status == STATUS_USAGE)
        fprintf(stderr, "Try `%s --help' for more information.\n", program_name);
    return status_exit_code(error->status);
}

enum status cli_home(const char *option, const char **home, struct error *error)
{
    const char *found = option ? option : getenv("JEJAK_HOME");
    if (!found || !*found)
        return error_set(error, STATUS_USAGE, "which home folder? Give --home DIR, or set JEJAK_HOME");
    *home = found;
    return STATUS_OK;
}

static void print_commands(const struct cli_command *commands, size_t count, const char *about)
{
    int width = 0;
    for (size_t i = 0; i < count; i++)
        if ((int)strlen(commands[i].name) > width)
            width = (int)strlen(commands[i].name);
    printf("Usage: %s COMMAND [OPTION...]\n%s\n\n", program_name, about);
    for (size_t i = 0; i < count; i++)
        printf("  %-*s  %s\n", width, commands[i].name, commands[i].help);
    printf("\n`%s COMMAND --help' tells more; --version prints the version.\n", program_name);
}

static const struct cli_command *find_command(const struct cli_command *commands, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(commands[i].name, name) == 0)
            return &commands[i];
    return NULL;
}

/* Where the command's name stands: the first argument that neither is an option nor belongs to --home, --config or
 * --set. argc where there is none. */
static int name_index(int argc, char **argv)
{
    static const char *const with_value[] = {"--home", "--config", "--set"};
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-')
            return i;
        for (size_t k = 0; k < ARRAY_COUNT(with_value); k++)
            if (strcmp(argv[i], with_value[k]) == 0) {
                i++;
                break;
            }
    }
    return argc;
}

/* argv with "program name" first, then what stood before the name, then what stands after it. */
static int run_command(const struct cli_command *command, int index, int argc, char **argv)
{
    char **arguments = mem_new((size_t)argc + 1, sizeof *arguments);
    char *name = mem_text("%s %s", program_name, command->name);
    int count = 0;
    arguments[count++] = name;
    for (int i = 1; i < argc; i++)
        if (i != index)
            arguments[count++] = argv[i];
    int code = command->run(count, arguments);
    free(name);
    free(arguments);
    return code;
}

int cli_dispatch(const struct cli_command *commands, size_t count, const char *about, int argc, char **argv)
{
    int index = name_index(argc, argv);
    const struct cli_command *command = index < argc ? find_command(commands, count, argv[index]) : NULL;
    if (command)
        return run_command(command, index, argc, argv);
    for (int i = 1; i < index; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-?") == 0)
            return print_commands(commands, count, about), EX_OK;
        if (strcmp(argv[i], "--version") == 0 || strcmp(argv[i], "-V") == 0)
            return puts(argp_program_version), EX_OK;
    }
    struct error error;
    if (index < argc)
        (void)error_set(&error, STATUS_USAGE, "\"%.64s\" is not a command", argv[index]);
    else
        (void)error_set(&error, STATUS_USAGE, "which command?");
    return cli_fail(&error);
}

const char *cli_count(uint64_t count, char text[CLI_COUNT_BYTES])
{
    char digits[CLI_COUNT_BYTES];
    int length = snprintf(digits, sizeof digits, "%" PRIu64, count);
    char *to = text;
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            *to++ = ',';
        *to++ = digits[i];
    }
    *to = '\0';
    return text;
}

const char *cli_size(uint64_t bytes, char text[CLI_SIZE_BYTES])
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB"};
    double size = (double)bytes;
    size_t unit = 0;
    while (size >= 1023.95 && unit + 1 < ARRAY_COUNT(units)) {
        size /= 1024;
        unit++;
    }
    snprintf(text, CLI_SIZE_BYTES, unit ? "%.1f %s" : "%.0f %s", size, units[unit]);
    return text;
}

const char *cli_duration(int64_t ms, char text[CLI_DURATION_BYTES])
{
    int64_t seconds = (ms + 500) / 1000;
    if (ms < 1000)
        snprintf(text, CLI_DURATION_BYTES, "%" PRId64 " ms", ms);
    else if (ms < 59950)
        snprintf(text, CLI_DURATION_BYTES, "%.1f s", (double)ms / 1000);
    else if (seconds < 3600)
        snprintf(text, CLI_DURATION_BYTES, "%" PRId64 " min %02" PRId64 " s", seconds / 60, seconds % 60);
    else
        snprintf(text, CLI_DURATION_BYTES, "%" PRId64 " h %02" PRId64 " min", seconds / 3600, seconds / 60 % 60);
    return text;
}

const char *cli_moment(int64_t time_ms, char text[CLI_MOMENT_BYTES])
{
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm local;
    localtime_r(&seconds, &local);
    strftime(text, CLI_MOMENT_BYTES, "%Y-%m-%d %H:%M:%S %z", &local);
    return text;
}
