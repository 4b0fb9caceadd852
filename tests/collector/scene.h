/* scene.h - a collector without sockets or threads: a real store in a scratch folder, the pipeline, a group, and time
 * as the test says. One thing after the other, so a test sees each step. */
#ifndef JEJAK_TESTS_COLLECTOR_SCENE_H
#define JEJAK_TESTS_COLLECTOR_SCENE_H

#include "tests/collector/batch.h"
#include "collector/pipeline.h"
#include "common/config.h"

#define SCENE_NOW_MS INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

struct scene {
    char *folder;
    struct config *config;
    struct roles *roles;
    struct store store;
    struct pipeline *pipeline;
    struct pipeline_limits limits;
    struct group *group;
    uint64_t group_number;
    int64_t now_ms;
    uint8_t pseudonym_key[KEY_BYTES];
    uint32_t publisher; /* of scene_send() */
    uint8_t session[SESSION_BYTES];
    bool hold;            /* learners never seen stay so until scene_meet() */
    struct meeting *held; /* in the order in which the pipeline asked for them */
    struct error error;
};

/* A first start. sets: configuration, "key=value", NULL at the end; may be NULL. */
struct scene *scene_make(const char *const *sets);
void scene_close(struct scene *scene); /* and the folder with it */

/* Closes everything but the folder, as a stop does; what was not committed is gone. */
void scene_stop(struct scene *scene);
/* Opens what stands in the folder. On failure nothing is open and scene->error tells. */
enum status scene_start(struct scene *scene, bool accept_loss) must_check;
void scene_restart(struct scene *scene); /* both; must succeed */
char *scene_path(const struct scene *scene, const char *name);

/* A batch of scene->session from scene->publisher at scene->now_ms. The answer lives until the group is cleared; NULL
 * where the batch was parked. */
const struct answer *scene_send(struct scene *scene, uint64_t seq, uint64_t acked, const struct batch_event *events,
                                uint32_t count);
/* The same with one `open`. */
const struct answer *scene_open(struct scene *scene, uint64_t seq, uint64_t acked, const char *learner,
                                const char *content);
const struct answer *scene_bytes(struct scene *scene, struct slice message);

void scene_dropoff(struct scene *scene, struct slice message);

/* With scene->hold: how many learners the parked batches wait for. */
uint32_t scene_held(const struct scene *scene);
/* Meets one of them, by her place among the held ones; whatever that makes ready is taken. */
void scene_meet_one(struct scene *scene, uint32_t place);
void scene_meet(struct scene *scene); /* all of them, in order */
/* The answer that was queued in the open group as the n-th, from 0. NULL: there are fewer. */
const struct answer *scene_answer(struct scene *scene, uint32_t n);

/* Makes the group durable; its answers are over then. */
enum status scene_try_commit(struct scene *scene) must_check;
void scene_commit(struct scene *scene); /* must succeed */
/* Makes it durable in the vault only, as a crash between the two stores does; then stops. */
void scene_crash_after_vault(struct scene *scene);

/* All events of the log in order: "kind time number content value publisher\n" each. To be freed. */
char *scene_log(struct scene *scene);
uint64_t scene_count(struct scene *scene, enum counter counter);

#endif
