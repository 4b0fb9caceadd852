#include "clients/ctl/ctl.h"

#include "common/event.h"
#include "common/keyfile.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Roles as people name them, and the folder under keys/ that lists each. */
static const struct {
    const char *role, *folder;
} roles[] = {{"publisher", "publishers"}, {"reader", "readers"}, {"admin", "admins"}};

struct arguments {
    struct startup startup;
    const char *out;
    const char *words[3];
    int word_count;
};

static const struct argp_option options[] = {
    {"out", 'o', "DIR", 0, "Folder for NAME.public and NAME.secret (default: keys/clients in the home)", 0},
    {0},
};

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &arguments->startup;
        return 0;
    case 'o':
        arguments->out = value;
        return 0;
    case ARGP_KEY_ARG:
        if (arguments->word_count == ARRAY_COUNT(arguments->words))
            argp_usage(state);
        arguments->words[arguments->word_count++] = value;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const char *folder_of(const char *role)
{
    for (size_t i = 0; i < ARRAY_COUNT(roles); i++)
        if (strcmp(role, roles[i].role) == 0)
            return roles[i].folder;
    return NULL;
}

static enum status check_name(const char *name, struct error *error)
{
    if (segment_valid(slice_of_text(name)) && strcmp(name, "plain") != 0)
        return STATUS_OK;
    return error_set(error, STATUS_USAGE, "`%s` is no name: 1 to 64 of A-Z a-z 0-9 . _ ~ : -, and not `plain`", name);
}

/* Tells a running collector; where none runs, the list is read at its start. */
static enum status tell_collector(const struct config *config, struct error *error)
{
    struct slice answer = {NULL, 0};
    enum status status = ctl_ask(config, "reload", &answer, error);
    if (status == STATUS_UNAVAILABLE) {
        printf("no collector runs on this home: it takes effect when one starts\n");
        return STATUS_OK;
    }
    if (status == STATUS_OK)
        status = ctl_answer_status(answer, error);
    if (status == STATUS_OK)
        printf("the running collector knows\n");
    free((void *)(uintptr_t)answer.data);
    return status;
}

struct pair_paths {
    char *out, *listed_folder, *public_key, *secret_key, *listed;
};

static struct pair_paths paths_for(const struct config *config, const char *folder, const char *name, const char *out)
{
    const char *keys = config_text(config, CONFIG_KEYS);
    struct pair_paths paths = {.out = out ? mem_text("%s", out) : mem_text("%s/clients", keys)};
    paths.listed_folder = mem_text("%s/%s", keys, folder);
    paths.public_key = mem_text("%s/%s.public", paths.out, name);
    paths.secret_key = mem_text("%s/%s.secret", paths.out, name);
    paths.listed = mem_text("%s/%s.public", paths.listed_folder, name);
    return paths;
}

static void paths_free(struct pair_paths *paths)
{
    free(paths->out);
    free(paths->listed_folder);
    free(paths->public_key);
    free(paths->secret_key);
    free(paths->listed);
}

/* The secret first: a listed key without its secret would be of no use to anyone. */
static enum status write_pair(const struct pair_paths *paths, struct error *error)
{
    struct keypair pair;
    enum status status = folder_make(paths->out, error);
    if (status == STATUS_OK)
        status = folder_make(paths->listed_folder, error);
    if (status == STATUS_OK && access(paths->listed, F_OK) == 0)
        status = error_set(error, STATUS_CANNOT_MAKE, "%s is there: remove that one first, or choose another name",
                           paths->listed);
    if (status == STATUS_OK)
        status = keypair_make(&pair, error);
    if (status == STATUS_OK)
        status = keyfile_write_secret(paths->secret_key, pair.secret_key, error);
    if (status == STATUS_OK)
        status = keyfile_write_public(paths->public_key, pair.public_key, error);
    if (status == STATUS_OK)
        status = keyfile_write_public(paths->listed, pair.public_key, error);
    return status;
}

static enum status add(const struct config *config, const char *role, const char *name, const char *out,
                       struct error *error)
{
    const char *folder = folder_of(role);
    if (!folder)
        return error_set(error, STATUS_USAGE, "`%s` is no role: publisher, reader or admin", role);
    enum status status = check_name(name, error);
    if (status != STATUS_OK)
        return status;
    struct pair_paths paths = paths_for(config, folder, name, out);
    status = write_pair(&paths, error);
    if (status == STATUS_OK) {
        printf("%s `%s` is listed: %s\nits pair: %s, %s (keep the secret with the %s only)\n", role, name, paths.listed,
               paths.public_key, paths.secret_key, role);
        status = tell_collector(config, error);
    }
    paths_free(&paths);
    return status;
}

static enum status remove_listed(const struct config *config, const char *role, const char *name, struct error *error)
{
    enum status status = check_name(name, error);
    if (status != STATUS_OK)
        return status;
    char *listed = mem_text("%s/%s/%s.public", config_text(config, CONFIG_KEYS), folder_of(role), name);
    if (unlink(listed) != 0)
        status = error_errno(error, errno == ENOENT ? STATUS_NO_INPUT : STATUS_IO, "%s `%s` cannot be removed: %s",
                             role, name, listed);
    free(listed);
    if (status != STATUS_OK)
        return status;
    printf("%s `%s` is no longer listed\n", role, name);
    return tell_collector(config, error);
}

static enum status print_listed(const char *name, const char public_key[KEY_TEXT_BYTES], void *argument,
                                struct error *error)
{
    (void)error;
    printf("%-10s %-32s %s\n", (const char *)argument, name, public_key);
    return STATUS_OK;
}

static enum status list(const struct config *config, const char *only_role, struct error *error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < ARRAY_COUNT(roles) && status == STATUS_OK; i++) {
        if (only_role && strcmp(only_role, roles[i].role) != 0)
            continue;
        char *folder = mem_text("%s/%s", config_text(config, CONFIG_KEYS), roles[i].folder);
        status = keyfile_each_public(folder, print_listed, (void *)(uintptr_t)roles[i].role, error);
        free(folder);
    }
    return status;
}

static enum status list_server(const struct config *config, struct error *error)
{
    char public_key[KEY_TEXT_BYTES];
    char *path = mem_text("%s/server.public", config_text(config, CONFIG_KEYS));
    enum status status = keyfile_read_public(path, public_key, error);
    if (status == STATUS_OK)
        printf("%-10s %-32s %s\n", "server", "(what publishers connect with)", public_key);
    free(path);
    return status;
}

static enum status run_publisher(const struct config *config, const struct arguments *arguments, struct error *error)
{
    const char *verb = arguments->word_count > 0 ? arguments->words[0] : "";
    if (strcmp(verb, "add") == 0 && arguments->word_count == 2)
        return add(config, "publisher", arguments->words[1], arguments->out, error);
    if (strcmp(verb, "remove") == 0 && arguments->word_count == 2)
        return remove_listed(config, "publisher", arguments->words[1], error);
    if (strcmp(verb, "list") == 0 && arguments->word_count == 1)
        return list(config, "publisher", error);
    return error_set(error, STATUS_USAGE, "say `publisher add NAME`, `publisher remove NAME` or `publisher list`");
}

static enum status run_keys(const struct config *config, const struct arguments *arguments, struct error *error)
{
    const char *verb = arguments->word_count > 0 ? arguments->words[0] : "";
    if (strcmp(verb, "make") == 0 && arguments->word_count == 3)
        return add(config, arguments->words[1], arguments->words[2], arguments->out, error);
    if (strcmp(verb, "list") == 0 && arguments->word_count == 1) {
        enum status status = list_server(config, error);
        return status == STATUS_OK || status == STATUS_NO_INPUT ? list(config, NULL, error) : status;
    }
    return error_set(error, STATUS_USAGE, "say `keys make ROLE NAME` (publisher, reader or admin) or `keys list`");
}

static int run(int argc, char **argv, const struct argp *argp,
               enum status (*command)(const struct config *, const struct arguments *, struct error *))
{
    struct arguments arguments = {0};
    struct config *config = NULL;
    struct error error;
    argp_parse(argp, argc, argv, 0, NULL, &arguments);
    enum status status = startup_config(&arguments.startup, &config, &error);
    if (status == STATUS_OK)
        status = command(config, &arguments, &error);
    config_close(config);
    startup_close(&arguments.startup);
    return status == STATUS_OK ? 0 : cli_fail(&error);
}

static const struct argp_child children[] = {{&startup_argp, 0, NULL, 10}, {0}};

int ctl_publisher(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "add NAME\nremove NAME\nlist",
        "Makes a publisher's key pair and lists it, takes one off the list (at once, on open "
        "connections too), or shows the list.",
        children,
        NULL,
        NULL};
    return run(argc, argv, &argp, run_publisher);
}

int ctl_keys(int argc, char **argv)
{
    static const struct argp argp = {
        options,
        parse,
        "make publisher|reader|admin NAME\nlist",
        "Makes and lists a key pair for a role, or shows all that are listed. The collector's "
        "own keys are made by its first start.",
        children,
        NULL,
        NULL};
    return run(argc, argv, &argp, run_keys);
}
