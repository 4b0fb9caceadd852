/* config.h - the configuration: one table of keys, one value each, and where each value comes from.
 *
 * Precedence: --set key=value, then the file (--config FILE, default HOME/jejak.conf where it exists), then the
 * default. The file is INI without sections: `key = value`, `#` comments, also after a value and a blank (libinih;
 * lines above 190 characters are refused with their number rather than cut). Unknown keys, a key given twice, wrong
 * values and values out of range are refused with file, line, what is expected. "{home}" in a value stands for the home
 * folder. Every value is checked when the configuration is opened: numbers, switches, zone, log_level, log_format;
 * endpoints when they are bound.
 */
#ifndef JEJAK_COMMON_CONFIG_H
#define JEJAK_COMMON_CONFIG_H

#include "common/status.h"

enum config_type {
    CONFIG_TYPE_TEXT,
    CONFIG_TYPE_SWITCH, /* on or off */
    CONFIG_TYPE_WHOLE,  /* an integer from least to greatest */
    CONFIG_TYPE_REAL,   /* a decimal number from least to greatest */
};

/*  name, key, type, default, least, greatest, may change with SIGHUP, what */
#define CONFIG_TABLE(X)                                                                                                \
    X(INGEST, "ingest", TEXT, "tcp://127.0.0.1:7411", 0, 0, false, "ingest endpoint of the collector (ROUTER)")        \
    X(DROPOFF, "dropoff", TEXT, "", 0, 0, false, "drop-off endpoint (PULL), best effort; empty: off")                  \
    X(READER, "reader", TEXT, "ipc://{home}/run/reader.sock", 0, 0, false, "where readers fetch the log")              \
    X(CONTROL, "control", TEXT, "ipc://{home}/run/control.sock", 0, 0, false, "where jejakctl reaches the collector")  \
    X(QUERY, "query", TEXT, "ipc://{home}/run/aggregator.sock", 0, 0, false,                                           \
      "where a running `jejak-aggregator follow` is asked")                                                            \
    X(PLAIN, "plain", SWITCH, "off", 0, 0, false, "ingest without CURVE, on loopback or ipc only; for trials")         \
    X(IMPORT, "import", SWITCH, "off", 0, 0, false, "take events of any age and switch retention off for this store")  \
    X(KEYS, "keys", TEXT, "{home}/keys", 0, 0, false, "folder of keys, outside the data")                              \
    X(LOG, "log", TEXT, "{home}/data/log", 0, 0, false, "folder of the event log")                                     \
    X(VAULT, "vault", TEXT, "{home}/data/vault", 0, 0, false, "folder of the vault")                                   \
    X(CELLS, "cells", TEXT, "{home}/data/cells", 0, 0, false, "folder of the aggregator's cells")                      \
    X(WATERMARK, "watermark", TEXT, "{home}/data/watermark", 0, 0, false, "file of the durable offset")                \
    X(MAX_MESSAGE_BYTES, "max_message_bytes", WHOLE, "1048576", 1048576, 16777216, false,                              \
      "a longer message is never read into memory")                                                                    \
    X(CONNECTION_MEMORY, "connection_memory", WHOLE, "16777216", 2097152, 1099511627776, false,                        \
      "bytes that may wait of one connection, as messages of max_message_bytes: 2 to 32 of them")                      \
    X(MAX_CONNECTIONS, "max_connections", WHOLE, "1024", 1, 1000000, false,                                            \
      "connections over tcp, of all endpoints; beyond: those that have shown no key are ended")                        \
    X(MAX_PUBLISHERS, "max_publishers", WHOLE, "1024", 1, 100000, true, "listed publisher keys")                       \
    X(MAX_SESSIONS, "max_sessions", WHOLE, "1024", 1, 1000000, true, "sessions of one publisher; beyond: busy")        \
    X(MAX_LEARNERS, "max_learners", WHOLE, "10000000", 1000, 400000000, true,                                          \
      "learners that the collector keeps in memory; beyond: busy")                                                     \
    X(MAX_NEW_LEARNERS, "max_new_learners", WHOLE, "2000000", 1, 400000000, true,                                      \
      "learners never seen before, per publisher and hour; beyond: busy")                                              \
    X(PUBLISHER_EVENTS, "publisher_events", WHOLE, "1000000", 65536, 1000000000, true,                                 \
      "events a second of one publisher while others publish, too; beyond: busy")                                      \
    X(PUBLISHER_BYTES, "publisher_bytes", WHOLE, "67108864", 1048576, 1000000000000, true, "the same in bytes")        \
    X(GROUP_EVENTS, "group_events", WHOLE, "131072", 65536, 983040, false,                                             \
      "a commit is closed at this many events; a batch more than that fits a block")                                   \
    X(SEGMENT_BYTES, "segment_bytes", WHOLE, "1073741824", 1048576, 1099511627776, true,                               \
      "a segment of the log is closed at this size, or at the end of a month")                                         \
    X(RETRY_MS, "retry_ms", WHOLE, "500", 10, 60000, true, "what `busy` answers ask a publisher to wait")              \
    X(RETENTION_DAYS, "retention_days", WHOLE, "1826", 1, 36500, true, "learning history: older events are refused")   \
    X(SESSION_DAYS, "session_days", WHOLE, "31", 30, 3650, true, "a session is kept this long after its last batch")   \
    X(ZONE, "zone", TEXT, "Asia/Jakarta", 0, 0, false, "time zone of the cells' days and of reports")                  \
    X(MAX_SLICE_MS, "max_slice_ms", WHOLE, "1800000", 1000, 86400000, false, "a dwell slice is clipped to this")       \
    X(FOLD_EVENTS, "fold_events", WHOLE, "4000000", 1000, 50000000, false,                                             \
      "events folded in memory before cells are written")                                                              \
    X(FOLD_MS, "fold_ms", WHOLE, "2000", 10, 3600000, false, "cells are written at least this often while following")  \
    X(CELLS_CACHE_BYTES, "cells_cache_bytes", WHOLE, "134217728", 1048576, 1099511627776, false,                       \
      "blocks of the cells that a running `jejak-aggregator follow` keeps in memory")                                  \
    X(REPORT_THREADS, "report_threads", WHOLE, "2", 1, 64, false, "threads that make the figures of a report")         \
    X(MIN_LEARNERS, "k", WHOLE, "10", 5, 1000000, false, "no row with fewer distinct learners")                        \
    X(OVER_FACTOR, "over_factor", REAL, "1.5", 0.1, 100, false,                                                        \
      "active time above this many times the plan counts as over")                                                     \
    X(LONG_SHARE, "long_share", REAL, "0.5", 0, 1, false, "long: lower bound of over_expected from here")              \
    X(LONG_RATIO, "long_ratio", REAL, "1.5", 0.1, 100, false, "long: dwell_ratio above this")                          \
    X(MIN_COVERAGE, "min_coverage", REAL, "0.6", 0, 1, false, "insufficient: dwell_coverage below this")               \
    X(SPLIT_MINUTES, "split_minutes", REAL, "25", 1, 1440, false, "split: planned or median minutes above this")       \
    X(SPLIT_VISITS, "split_visits", REAL, "3", 1, 1000, false, "split: median visits from here")                       \
    X(SPLIT_SPREAD, "split_spread", REAL, "3", 1, 1000, false,                                                         \
      "split: dwell_p90 / dwell_median above this, where often reopened")                                              \
    X(SKIMMED_RATIO, "skimmed_ratio", REAL, "0.3", 0, 1, false, "skimmed: dwell_ratio below this")                     \
    X(LOG_FORMAT, "log_format", TEXT, "logfmt", 0, 0, true, "log lines as logfmt or json")                             \
    X(LOG_LEVEL, "log_level", TEXT, "info", 0, 0, true, "debug, info, warning, error")

enum config_key {
#define X(name, key, type, fallback, least, greatest, reload, what) CONFIG_##name,
    CONFIG_TABLE(X)
#undef X
    CONFIG_COUNT
};

struct config;

/* home: a folder, made absolute; file: NULL for HOME/jejak.conf if there is one; sets: "key=value" texts, the last
 * wins. */
enum status config_open(const char *home, const char *file, const char *const *sets, size_t set_count,
                        struct config **config, struct error *error) must_check;
void config_close(struct config *config);

const char *config_home(const struct config *config);
const char *config_text(const struct config *config, enum config_key key); /* lives as long as the configuration */
bool config_switch(const struct config *config, enum config_key key);
int64_t config_whole(const struct config *config, enum config_key key);
double config_real(const struct config *config, enum config_key key);

/* For `jejakctl config` and --check-config: the value as text, and "default", "/path/jejak.conf:12" or "--set". */
const char *config_key_name(enum config_key key);
const char *config_key_help(enum config_key key);
const char *config_value(const struct config *config, enum config_key key);
const char *config_origin(const struct config *config, enum config_key key);

/* A row of the table, for --help: "{home}" stands as it is. */
struct config_default {
    const char *name;
    enum config_type type;
    const char *value;
    double least, greatest; /* of WHOLE and REAL */
    bool reload;            /* SIGHUP takes a new value */
    const char *help;
};
const struct config_default *config_default(enum config_key key);

#endif
