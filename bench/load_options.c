#include "bench/load_options.h"

#include <stdlib.h>

enum {
    KEY_SERVER_KEY = 0x2000,
    KEY_KEY,
    KEY_NAME,
    KEY_PLAIN,
    KEY_RATE,
    KEY_BATCH_RATE,
    KEY_POISSON,
    KEY_NEW_LEARNERS,
    KEY_PUBLISHERS,
    KEY_IN_FLIGHT,
    KEY_DISTINCT,
    KEY_DURATION,
    KEY_EVENTS,
    KEY_RAMP,
    KEY_WARM_UP,
    KEY_INTRODUCE,
    KEY_GRACE,
    KEY_PATIENCE,
    KEY_JSON,
};

static const uint64_t NOT_GIVEN = UINT64_MAX;

static const struct argp_option arguments[] = {
    {"to", 't', "ENDPOINT", 0, "the collector's ingest endpoint (the home's, else tcp://127.0.0.1:7411)", 1},
    {"home", 'H', "DIR", 0, "home folder with the configuration and the keys ($JEJAK_HOME)", 1},
    {"name", KEY_NAME, "NAME", 0, "the pair HOME/keys/clients/NAME (all there are, in turn)", 1},
    {"server-key", KEY_SERVER_KEY, "FILE", 0, "the collector's public key, in place of the home's", 1},
    {"key", KEY_KEY, "FILE", 0, "an own secret key, in place of the home's; may be repeated: in turn", 1},
    {"plain", KEY_PLAIN, NULL, 0, "no encryption: a trial over loopback or ipc", 1},
    {"rate", KEY_RATE, "N", 0, "events a second, whatever the answers take (else: as fast as they come)", 2},
    {"batch-rate", KEY_BATCH_RATE, "N", 0, "the same in batches a second", 2},
    {"poisson", KEY_POISSON, NULL, 0, "at random moments instead of equal distances", 2},
    {"publishers", KEY_PUBLISHERS, "N", 0, "connections, each with a session of its own (1)", 2},
    {"in-flight", KEY_IN_FLIGHT, "N", 0, "batches on their way in a session, at most 64 (64)", 2},
    {"new-learners", KEY_NEW_LEARNERS, "N", 0, "beside it, on a connection of its own: N unseen learners a second", 2},
    {"distinct", KEY_DISTINCT, "N", 0, "events prepared, sent again and again (2000000; of --events all)", 3},
    {"duration", KEY_DURATION, "S", 0, "seconds that are measured (10)", 4},
    {"events", KEY_EVENTS, "N", 0, "instead: so many events, all measured, to the last answer", 4},
    {"ramp", KEY_RAMP, "S", 0, "before it: seconds in which the rate rises from nothing (0)", 4},
    {"warm-up", KEY_WARM_UP, "S", 0, "then: seconds at the full rate that are not measured (1)", 4},
    {"introduce", KEY_INTRODUCE, NULL, 0, "first publish each learner once: the first event of each costs more", 4},
    {"grace", KEY_GRACE, "S", 0, "after the end: seconds for what should have been sent before it (10)", 4},
    {"patience", KEY_PATIENCE, "S", 0, "give up when nothing is answered for so long (60)", 4},
    {"json", KEY_JSON, NULL, 0, "the results as one JSON object", 5},
    {0},
};

static const char about[] =
    "Puts a load of made-up events on a collector and tells how long its answers took.\v"
    "The events stay in that collector's log: use one that was set up for trials.\n\n"
    "  bench-load --home /srv/trial --rate 200000 --duration 60\n"
    "  bench-load --home /srv/trial --publishers 200 --batch 1..5 --batch-rate 20000 --poisson --ramp 5\n"
    "  bench-load --to tcp://collector:7411 --server-key server.public --key lms.secret --duration 30 --json\n"
    "  bench-load --plain --introduce                              as much as it can take\n\n"
    "With a rate, latency counts from the moment at which a batch was meant to be sent, also when the batches before "
    "it were late; without one, from its sending. A batch that was meant and not sent within --grace counts as "
    "unsent, with the time that it had waited.\n\n"
    "Fails where any event is not accepted. On a terminal it shows how it goes; ctrl-C ends it early, with results.";

static void check(const struct argp_state *state, const struct load_options *options)
{
    bool paced = options->rate > 0 || options->batch_rate > 0;
    if (options->rate > 0 && options->batch_rate > 0)
        argp_error(state, "--rate and --batch-rate: give one of them");
    if (!paced && (options->poisson || options->ramp_s > 0))
        argp_error(state, "--poisson and --ramp need a rate");
    if (options->settings.events > 0 &&
        (options->duration_s > 0 || options->warm_up_s != NOT_GIVEN || options->ramp_s > 0))
        argp_error(state, "--events measures all that it sends: no --duration, --warm-up or --ramp with it");
    if (options->settings.events > 0 && options->newcomers > 0)
        argp_error(state, "--new-learners needs a --duration instead of --events");
}

static void settle(const struct argp_state *state, struct load_options *options)
{
    check(state, options);
    if (options->settings.events == 0 && options->duration_s == 0)
        options->duration_s = 10;
    if (options->warm_up_s == NOT_GIVEN)
        options->warm_up_s = options->settings.events > 0 ? 0 : 1;
    if (options->distinct == 0)
        options->distinct = options->settings.events > 0 ? options->settings.events : settings_default.events;
    if (options->distinct > LOAD_MAX_DISTINCT)
        argp_error(state, "--events above %d need --distinct: that many are prepared, and sent again and again",
                   LOAD_MAX_DISTINCT);
}

static bool on_number(int key, const char *text, const struct argp_state *state, struct load_options *options)
{
    const struct {
        int key;
        const char *option;
        uint64_t *number, least, greatest;
    } numbers[] = {
        {KEY_RATE, "rate", &options->rate, 1, LOAD_MAX_RATE},
        {KEY_BATCH_RATE, "batch-rate", &options->batch_rate, 1, LOAD_MAX_RATE},
        {KEY_NEW_LEARNERS, "new-learners", &options->newcomers, 1, LOAD_MAX_RATE},
        {KEY_PUBLISHERS, "publishers", &options->publishers, 1, LOAD_MAX_PUBLISHERS},
        {KEY_IN_FLIGHT, "in-flight", &options->in_flight, 1, LOAD_MAX_IN_FLIGHT},
        {KEY_DISTINCT, "distinct", &options->distinct, 1, LOAD_MAX_DISTINCT},
        {KEY_DURATION, "duration", &options->duration_s, 1, LOAD_MAX_SECONDS},
        {KEY_EVENTS, "events", &options->settings.events, 1, SETTINGS_MAX_EVENTS},
        {KEY_RAMP, "ramp", &options->ramp_s, 0, LOAD_MAX_SECONDS},
        {KEY_WARM_UP, "warm-up", &options->warm_up_s, 0, LOAD_MAX_SECONDS},
        {KEY_GRACE, "grace", &options->grace_s, 0, LOAD_MAX_SECONDS},
        {KEY_PATIENCE, "patience", &options->patience_s, 1, LOAD_MAX_SECONDS},
    };
    for (size_t i = 0; i < ARRAY_COUNT(numbers); i++)
        if (numbers[i].key == key) {
            *numbers[i].number = settings_number(state, numbers[i].option, text, numbers[i].least, numbers[i].greatest);
            return true;
        }
    return false;
}

static void add_key(const struct argp_state *state, struct load_options *options, const char *path)
{
    if (options->key_file_count == LOAD_MAX_KEYS)
        argp_error(state, "more than %d times --key", LOAD_MAX_KEYS);
    options->key_files[options->key_file_count++] = path;
}

static error_t on_option(int key, char *text, struct argp_state *state)
{
    struct load_options *options = state->input;
    switch (key) {
    case ARGP_KEY_INIT:
        state->child_inputs[0] = &options->settings;
        break;
    case 't':
        options->keys.to = text;
        break;
    case 'H':
        options->keys.home = text;
        break;
    case KEY_NAME:
        options->keys.name = text;
        break;
    case KEY_SERVER_KEY:
        options->keys.server_key = text;
        break;
    case KEY_KEY:
        add_key(state, options, text);
        break;
    case KEY_PLAIN:
        options->keys.plain = true;
        break;
    case KEY_POISSON:
        options->poisson = true;
        break;
    case KEY_INTRODUCE:
        options->introduce = true;
        break;
    case KEY_JSON:
        options->json = true;
        break;
    case ARGP_KEY_END:
        settle(state, options);
        break;
    default:
        return on_number(key, text, state, options) ? 0 : ARGP_ERR_UNKNOWN;
    }
    return 0;
}

struct load_options load_options_parse(int argc, char **argv)
{
    static const struct argp_child children[] = {{&settings_argp, 0, NULL, 3}, {0}};
    static const struct argp argp = {arguments, on_option, NULL, about, children, NULL, NULL};
    struct load_options options = {.settings = settings_default,
                                   .keys = {.home = getenv("JEJAK_HOME")},
                                   .publishers = 1,
                                   .in_flight = LOAD_MAX_IN_FLIGHT,
                                   .warm_up_s = NOT_GIVEN,
                                   .grace_s = LOAD_GRACE_S,
                                   .patience_s = 60};
    options.settings.events = 0;
    argp_parse(&argp, argc, argv, 0, NULL, &options);
    return options;
}
