/* paths.h - the content paths that a group knows, found by their bytes; and its dictionary, of those its events use.
 *
 * Whether a path may stand in an event hangs on its bytes alone, so it is asked once, before paths_learn(): what is
 * known was valid. Paths stay known from group to group, as courses change slowly; only the dictionary begins anew.
 * What is known is bounded: paths_clear() forgets all of it once there is much.
 *
 * Open addressing, linear probing, at most half full; a slot is 8 bytes, 4 of them of the hash. The hash is XXH3 with a
 * random seed, so that frontends cannot aim at collisions; bytes are compared in any case.
 */
#ifndef JEJAK_COLLECTOR_PATHS_H
#define JEJAK_COLLECTOR_PATHS_H

#include "common/event.h"

enum {
    PATHS_FULL_COUNT = 1 << 17,
    PATHS_FULL_BYTES = 4 << 20,
    PATHS_KEPT_COUNT = 1 << 14, /* the most that stay known from group to group */
    PATHS_KEPT_BYTES = 1 << 20,
};
#define PATHS_NONE UINT32_MAX

struct paths;

/* batch_count, batch_bytes: the most that one batch can bring; where paths_full() is false, so much always fits. */
struct paths *paths_open(size_t batch_count, size_t batch_bytes);
void paths_close(struct paths *paths);
void paths_clear(struct paths *paths); /* an empty dictionary */
bool paths_full(const struct paths *paths);

/* event_check(), where the content's own rule is not asked again of a known path. *handle: of the known path, valid until
 * paths_clear(), or PATHS_NONE. */
enum verdict paths_check(const struct paths *paths, const struct event *event, int64_t oldest_ms, int64_t newest_ms,
                         uint32_t *handle);
/* Of a valid path, known before or not. */
uint32_t paths_learn(struct paths *paths, struct slice path);
/* Its index in the dictionary, where it stands from now on. */
uint32_t paths_use(struct paths *paths, uint32_t handle);

uint32_t paths_used(const struct paths *paths); /* how many stand in the dictionary */
/* The dictionary; lives until the next paths_use() or paths_clear(). */
const struct slice *paths_list(const struct paths *paths);

#endif
