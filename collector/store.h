/* store.h - what the collector keeps: event log, vault and watermark, opened and checked together.
 *
 * A first start is one that finds none of them (and no server keys: main.c); then all three are made. Any of them
 * without the others is refused by name. At start the log must reach the watermark, belong to it, and hold no gap at
 * its end; the vault must have every row that the log was written with. --accept-loss lets a shorter log go on under a
 * new epoch.
 */
#ifndef JEJAK_COLLECTOR_STORE_H
#define JEJAK_COLLECTOR_STORE_H

#include "collector/eventlog.h"
#include "collector/vault.h"
#include "collector/watermark.h"
#include "common/config.h"

struct store {
    struct eventlog *log;
    struct vault *vault;
    struct watermark *watermark;
};

enum store_presence {
    STORE_NONE, /* a first start */
    STORE_WHOLE,
    STORE_PARTS, /* refused */
};
/* *missing: for STORE_PARTS, a text naming what is there and what is not; free() it. */
enum store_presence store_presence(const struct config *config, char **missing);

struct store_options {
    bool create;
    bool accept_loss;
    const uint8_t *pseudonym_key; /* KEY_BYTES; needed while the store is opened only */
};
enum status store_open(const struct config *config, const struct store_options *options, struct store *store,
                       struct error *error) must_check;
void store_close(struct store *store);
/* For an orderly stop: memory goes to the table files, so the write-ahead logs go and the next start replays nothing. */
enum status store_flush(struct store *store, struct error *error) must_check;

/* Makes a frozen group durable: the log's batch synced, then the watermark synced. The lids of its new learners are in
 * the vault and synced before (resolver.h); here only their `known` rows follow. The committer's
 * one call. On failure everything about the group is unknown: close, open again, read sessions back. */
enum status store_commit(struct store *store, const struct group *group, struct error *error) must_check;

#endif
