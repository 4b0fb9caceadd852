/* jejak-collector - takes learning events from publishers, pseudonymises, stores and acknowledges them. */
#include "collector/gate.h"
#include "collector/places.h"
#include "collector/serve.h"
#include "collector/verify.h"
#include "common/cli.h"
#include "common/confine.h"
#include "common/logline.h"
#include "common/sock.h"
#include "common/startup.h"

#include <argp.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

enum {
    OPTION_CONFIG = 256,
    OPTION_CHECK_CONFIG,
    OPTION_SET,
    OPTION_INGEST,
    OPTION_READER,
    OPTION_CONTROL,
    OPTION_PLAIN,
    OPTION_ACCEPT_LOSS,
    OPTION_VERIFY,
};

static const struct argp_option options[] = {
    {"home", 'H', "DIR", 0, "Home folder: keys/, data/, run/ and jejak.conf stand in it (default: $JEJAK_HOME)", 0},
    {"config", OPTION_CONFIG, "FILE", 0, "Configuration file (default: jejak.conf in the home, where there is one)", 0},
    {"check-config", OPTION_CHECK_CONFIG, NULL, 0,
     "Read the configuration, print its values and where each comes from, and stop", 0},
    {"set", OPTION_SET, "KEY=VALUE", 0, "Set a configuration key; wins over the file; may be repeated", 0},
    {"ingest", OPTION_INGEST, "ENDPOINT", 0, "Where publishers connect (default: tcp://127.0.0.1:7411)", 1},
    {"reader", OPTION_READER, "ENDPOINT", 0, "Where readers fetch the log (default: ipc under the home)", 1},
    {"control", OPTION_CONTROL, "ENDPOINT", 0, "Where jejakctl connects (default: ipc under the home)", 1},
    {"plain", OPTION_PLAIN, NULL, 0, "Ingest without CURVE, on loopback or ipc only; for trials", 1},
    {"accept-loss", OPTION_ACCEPT_LOSS, NULL, 0, "Go on although acknowledged events are missing; readers must rebuild",
     2},
    {"verify", OPTION_VERIFY, NULL, 0,
     "Walk log, vault and watermark, name what is damaged, and stop; reads only, also beside a running collector", 2},
    {0},
};

static const char doc[] =
    "Takes learning events from publishers over ZeroMQ, pseudonymises the learner, stores them durably and "
    "acknowledges."
    "\v"
    "The first start makes the keys (keys/server.public is what publishers need) and an empty store. Publishers are "
    "listed "
    "with `jejakctl publisher add NAME`.\n\n"
    "Signals: TERM and INT drain, answer what was stored and stop; HUP reads keys and limits again.\n\n"
    "Exit codes follow sysexits.h: 64 usage, 65 a store that lost something or is damaged, 66 a missing key, 71 a port "
    "in "
    "use, 74 the disk, 75 another collector on this home, 78 the configuration, a key that is not as it should be, a "
    "foreign or newer store.\n\n"
    "Try it: jejak-collector --home /tmp/jejak --plain";

struct arguments {
    struct startup startup;
    bool check_config, accept_loss, verify;
};

/* For SIGHUP: the same command line again. */
static struct arguments arguments;

static error_t parse(int key, char *value, struct argp_state *state)
{
    struct arguments *to = state->input;
    switch (key) {
    case 'H':
        to->startup.home = value;
        return 0;
    case OPTION_CONFIG:
        to->startup.file = value;
        return 0;
    case OPTION_CHECK_CONFIG:
        to->check_config = true;
        return 0;
    case OPTION_SET:
        startup_set(&to->startup, NULL, value);
        return 0;
    case OPTION_INGEST:
        startup_set(&to->startup, "ingest", value);
        return 0;
    case OPTION_READER:
        startup_set(&to->startup, "reader", value);
        return 0;
    case OPTION_CONTROL:
        startup_set(&to->startup, "control", value);
        return 0;
    case OPTION_PLAIN:
        startup_set(&to->startup, "plain", "on");
        return 0;
    case OPTION_ACCEPT_LOSS:
        to->accept_loss = true;
        return 0;
    case OPTION_VERIFY:
        to->verify = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static enum status reload_config(struct config **config, struct error *error)
{
    enum status status = startup_config(&arguments.startup, config, error);
    if (status == STATUS_OK)
        startup_log(*config);
    return status;
}

static void print_config(const struct config *config)
{
    for (unsigned i = 0; i < CONFIG_COUNT; i++)
        printf("%s = %s  # %s\n", config_key_name((enum config_key)i), config_value(config, (enum config_key)i),
               config_origin(config, (enum config_key)i));
}

/* A first start finds neither keys nor store; one without the other is no first start. */
static enum status check_first_start(const struct config *config, bool *first, struct error *error)
{
    const char *folder = config_text(config, CONFIG_KEYS);
    char *parts;
    bool keys = keys_present(folder);
    enum store_presence presence = store_presence(config, &parts);
    enum status status = STATUS_OK;
    *first = !keys && presence == STORE_NONE;
    if (presence == STORE_PARTS)
        status = error_set(error, STATUS_LOSS,
                           "only parts of the store are there (%s); put the missing ones back from a "
                           "backup, or choose another home",
                           parts);
    else if (keys && presence == STORE_NONE)
        status = error_set(error, STATUS_LOSS,
                           "keys are there (%s) but no store; put the store back (or, to begin anew, "
                           "choose another home)",
                           folder);
    else if (!keys && presence == STORE_WHOLE)
        status = error_set(error, STATUS_CONFIG,
                           "a store is there but no keys in %s: without them nobody in the store can "
                           "be recognised; put the keys back",
                           folder);
    free(parts);
    return status;
}

static enum status make_folders(const struct config *config, struct error *error)
{
    static const enum config_key stores[] = {CONFIG_LOG, CONFIG_VAULT, CONFIG_WATERMARK};
    enum status status = folder_make(config_home(config), error);
    for (size_t i = 0; i < ARRAY_COUNT(stores) && status == STATUS_OK; i++) {
        char *folder = mem_text("%s", config_text(config, stores[i]));
        char *slash = strrchr(folder, '/');
        if (slash && slash != folder) {
            *slash = '\0';
            status = folder_make(folder, error);
        }
        free(folder);
    }
    return status;
}

/* Nothing hangs on it: what was acknowledged is in the write-ahead logs too. */
static void flush(struct store *store)
{
    struct error error;
    if (store->log && store_flush(store, &error) != STATUS_OK)
        log_warning("the next start will replay the write-ahead logs", LOG_TEXT("error", error.text));
}

static enum status run(const struct config *config, struct error *error)
{
    struct keys *keys = NULL;
    struct store store = {0};
    struct store_options store_options = {.accept_loss = arguments.accept_loss};
    enum status status = gate_check((uint32_t)config_whole(config, CONFIG_MAX_CONNECTIONS), error);
    if (status == STATUS_OK)
        status = keys_check_place(config, error);
    if (status == STATUS_OK)
        status = check_first_start(config, &store_options.create, error);
    if (status == STATUS_OK)
        status = make_folders(config, error);
    if (status == STATUS_OK && store_options.create)
        status = keys_make(config_text(config, CONFIG_KEYS), error);
    if (status == STATUS_OK)
        status = keys_open(config_text(config, CONFIG_KEYS), &keys, error);
    if (status == STATUS_OK)
        status = places_confine(config, arguments.startup.file, error);
    if (status == STATUS_OK) {
        store_options.pseudonym_key = keys->pseudonym;
        status = store_open(config, &store_options, &store, error);
    }
    if (status == STATUS_OK) {
        struct serve_options serve = {.config = config, .keys = keys, .store = &store, .reload = reload_config};
        log_info(store_options.create ? "a first start: keys and an empty store were made" : "the store is open",
                 LOG_TEXT("home", config_home(config)), LOG_UINT("offset", eventlog_next(store.log).offset));
        status = serve_run(&serve, error);
        flush(&store);
    }
    store_close(&store);
    keys_close(keys);
    return status;
}

/* Before any thread is made: they inherit it, so that signals come through the loop's descriptor only. */
static void block_signals(void)
{
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void free_arguments(void)
{
    startup_close(&arguments.startup);
}

int main(int argc, char **argv)
{
    static const struct argp argp = {options, parse, NULL, doc, NULL, NULL, NULL};
    struct config *config = NULL;
    struct error error = {0};
    int code;
    cli_start("jejak-collector");
    argp_parse(&argp, argc, argv, 0, NULL, &arguments);
    umask(0077);
    block_signals();
    enum status status = confine_privileges(&error); /* memory holds learner ids and keys */
    if (status == STATUS_OK)
        status = sodium_init() < 0 ? error_set(&error, STATUS_SYSTEM, "libsodium cannot be initialised")
                                   : startup_config(&arguments.startup, &config, &error);
    if (status == STATUS_OK && arguments.check_config) {
        print_config(config);
    } else if (status == STATUS_OK && arguments.verify) {
        status = verify_run(config, stdout, &error);
    } else if (status == STATUS_OK) {
        startup_log(config);
        status = run(config, &error);
    }
    code = status == STATUS_OK ? 0 : cli_fail(&error);
    config_close(config);
    free_arguments();
    return code;
}
