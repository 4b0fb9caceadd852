#include "tests/simulator/actors.h"

#include "collector/serve.h"
#include "tests/simulator/files.h"

static const struct keys keys = {.pseudonym = "a pseudonym key", .lookup = "a lookup key", .session = "a session key"};

static enum status reload(struct config **config, struct error *error)
{
    (void)config;
    return error_set(error, STATUS_CONFIG, "nothing is read again here");
}

static struct store_options store_options(bool create)
{
    return (struct store_options){.create = create, .pseudonym_key = keys.pseudonym};
}

void collector_first_start(struct server *server)
{
    static const char *const sets[] = {"plain=on", "segment_bytes=1048576", "fold_ms=200"};
    struct error error;
    struct store store;
    struct store_options options = store_options(true);
    ensure(config_open(FILES_ROOT "/server", NULL, sets, ARRAY_COUNT(sets), &server->config, &error) == STATUS_OK);
    ensure(folder_make(FILES_ROOT "/server/data", &error) == STATUS_OK);
    ensure(store_open(server->config, &options, &store, &error) == STATUS_OK);
    store_close(&store);
}

/* As main.c does it, without keys and confinement. */
void collector_run(struct process *process)
{
    struct server *server = process->argument;
    struct store store = {0};
    struct error error = {0};
    struct store_options options = store_options(false);
    struct serve_options serve = {.config = server->config, .keys = &keys, .store = &store, .reload = reload};
    enum status status = store_open(server->config, &options, &store, &error);
    if (status == STATUS_OK)
        status = serve_run(&serve, &error);
    store_close(&store);
    if (status == STATUS_OK || process->dead)
        return;
    world_say("collector ends: %s", error.text);
    server->refused |= status == STATUS_LOSS;
    bool passes = status == STATUS_IO || status == STATUS_FULL || (status == STATUS_LOSS && world.loses_synced);
    if (!passes)
        world_fail("the collector ends with %s: %s", status_name(status), error.text);
}

void server_close(struct server *server)
{
    config_close(server->config);
    server->config = NULL;
}
