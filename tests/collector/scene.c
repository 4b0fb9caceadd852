#include "tests/collector/scene.h"

#include "tests/scratch.h"
#include "collector/keys.h"

#include <criterion/criterion.h>
#include <inttypes.h>
#include <sys/stat.h>

static const uint8_t key_of_lookup[KEY_BYTES] = "a lookup key", key_of_sessions[KEY_BYTES] = "a session key";

char *scene_path(const struct scene *scene, const char *name)
{
    return scratch_path(scene->folder, name);
}

static enum status open_store(struct scene *scene, bool create, bool accept_loss)
{
    struct store_options options = {.create = create, .accept_loss = accept_loss};
    options.pseudonym_key = scene->pseudonym_key;
    return store_open(scene->config, &options, &scene->store, &scene->error);
}

static void open_pipeline(struct scene *scene)
{
    scene->roles = roles_open(config_text(scene->config, CONFIG_KEYS), 100);
    scene->publisher = roles_publisher_named(scene->roles, "lms");
    scene->pipeline = pipeline_open(scene->roles, key_of_lookup, key_of_sessions);
    pipeline_limit(scene->pipeline, &scene->limits);
    scene->group = group_open((uint32_t)config_whole(scene->config, CONFIG_GROUP_EVENTS),
                              (size_t)config_whole(scene->config, CONFIG_MAX_MESSAGE_BYTES));
    group_clear(scene->group, ++scene->group_number);
    pipeline_fill(scene->pipeline, scene->group);
    cr_assert_eq(pipeline_attach(scene->pipeline, &scene->store, &scene->error), STATUS_OK, "%s", scene->error.text);
}

struct scene *scene_make(const char *const *sets)
{
    struct scene *scene = mem_new(1, sizeof *scene);
    size_t count = 0;
    while (sets && sets[count])
        count++;
    scene->folder = scratch_make();
    scene->now_ms = SCENE_NOW_MS;
    scene->limits = (struct pipeline_limits){
        .retention_ms = INT64_C(1826) * 86400000,
        .max_sessions = 1000,
        .max_learners = 100000,
        .max_new_learners = 100000,
        .rates = {.events = 1000000, .bytes = 64 << 20},
        .retry_ms = 500,
        .session_ms = INT64_C(31) * 86400000,
    };
    memcpy(scene->session, "session-a-------", SESSION_BYTES);
    memcpy(scene->pseudonym_key, "a pseudonym key", 16);
    cr_assert_eq(config_open(scene->folder, NULL, sets, count, &scene->config, &scene->error), STATUS_OK, "%s",
                 scene->error.text);
    char *data = scene_path(scene, "data");
    cr_assert_eq(mkdir(data, 0700), 0);
    free(data);
    cr_assert_eq(open_store(scene, true, false), STATUS_OK, "%s", scene->error.text);
    open_pipeline(scene);
    return scene;
}

void scene_stop(struct scene *scene)
{
    pipeline_close(scene->pipeline);
    group_close_memory(scene->group);
    roles_close(scene->roles);
    store_close(&scene->store);
    scene->pipeline = NULL;
    scene->held = NULL;
    scene->group = NULL;
    scene->roles = NULL;
}

enum status scene_start(struct scene *scene, bool accept_loss)
{
    enum status status = open_store(scene, false, accept_loss);
    if (status == STATUS_OK)
        open_pipeline(scene);
    return status;
}

void scene_restart(struct scene *scene)
{
    scene_stop(scene);
    cr_assert_eq(scene_start(scene, false), STATUS_OK, "%s", scene->error.text);
}

void scene_close(struct scene *scene)
{
    scene_stop(scene);
    config_close(scene->config);
    scratch_remove(scene->folder);
    free(scene);
}

const struct answer *scene_answer(struct scene *scene, uint32_t n)
{
    if (n >= scene->group->answer_count)
        return NULL;
    struct group_answer *queued = &scene->group->answers[n];
    queued->answer.rejected = scene->group->rejected + queued->first_rejected;
    return &queued->answer;
}

/* The pipeline asks for learners: they wait until they are met. */
static void hold(struct scene *scene)
{
    struct meeting **end = &scene->held;
    while (*end)
        end = &(*end)->next;
    *end = pipeline_meetings(scene->pipeline);
}

uint32_t scene_held(const struct scene *scene)
{
    uint32_t count = 0;
    for (const struct meeting *meeting = scene->held; meeting; meeting = meeting->next)
        count++;
    return count;
}

void scene_meet_one(struct scene *scene, uint32_t place)
{
    struct meeting **at = &scene->held;
    while (place-- > 0)
        at = &(*at)->next;
    struct meeting *meeting = *at;
    *at = meeting->next;
    meeting->next = NULL;
    cr_assert_eq(meeting_resolve(&scene->store, meeting, &scene->error), STATUS_OK, "%s", scene->error.text);
    cr_assert_eq(vault_add(scene->store.vault, &meeting->row, 1, &scene->error), STATUS_OK, "%s", scene->error.text);
    pipeline_met(scene->pipeline, meeting, NULL);
    while (pipeline_ready(scene->pipeline))
        pipeline_unpark(scene->pipeline);
    hold(scene);
}

void scene_meet(struct scene *scene)
{
    while (scene->held)
        scene_meet_one(scene, 0);
}

const struct answer *scene_bytes(struct scene *scene, struct slice message)
{
    struct group_address from = {.size = 3, .routing_id = "who"};
    uint32_t before = scene->group->answer_count;
    cr_assert_not(group_full(scene->group));
    pipeline_batch(scene->pipeline, scene->publisher, message, &from, scene->now_ms);
    hold(scene);
    if (!scene->hold)
        scene_meet(scene);
    return scene->group->answer_count > before ? scene_answer(scene, scene->group->answer_count - 1) : NULL;
}

void scene_dropoff(struct scene *scene, struct slice message)
{
    pipeline_dropoff(scene->pipeline, scene->publisher, message, scene->now_ms);
    hold(scene);
    if (!scene->hold)
        scene_meet(scene);
}

const struct answer *scene_send(struct scene *scene, uint64_t seq, uint64_t acked, const struct batch_event *events,
                                uint32_t count)
{
    struct batch_head head = {.version = 1, .session = scene->session, .seq = seq, .acked = acked};
    struct slice message = batch_make(&head, events, count);
    const struct answer *answer = scene_bytes(scene, message);
    batch_free(message);
    return answer;
}

const struct answer *scene_open(struct scene *scene, uint64_t seq, uint64_t acked, const char *learner,
                                const char *content)
{
    struct batch_event event = batch_open(SCENE_NOW_MS, learner, content);
    return scene_send(scene, seq, acked, &event, 1);
}

enum status scene_try_commit(struct scene *scene)
{
    enum status status = STATUS_OK;
    if (group_needs_write(scene->group)) {
        group_freeze(scene->group, scene->roles);
        status = store_commit(&scene->store, scene->group, &scene->error);
    }
    if (status == STATUS_OK)
        pipeline_durable(scene->pipeline, scene->group);
    group_clear(scene->group, ++scene->group_number);
    return status;
}

void scene_commit(struct scene *scene)
{
    cr_assert_eq(scene_try_commit(scene), STATUS_OK, "%s", scene->error.text);
}

void scene_crash_after_vault(struct scene *scene)
{
    enum status status =
        vault_remember(scene->store.vault, scene->group->learners, scene->group->learner_count, &scene->error);
    cr_assert_eq(status, STATUS_OK, "%s", scene->error.text);
    scene_stop(scene);
}

struct printing {
    FILE *out;
    struct block_buffer buffer;
};

static bool print_record(struct slice record, const struct record_header *header, const char *what, void *argument)
{
    struct printing *printing = argument;
    struct block_columns columns;
    struct error error;
    if (what) {
        fprintf(printing->out, "lost %" PRIu64 " %u\n", header->first_offset, header->span);
        return true;
    }
    cr_assert_eq(block_decode(record, header, &printing->buffer, &columns, &error), STATUS_OK, "%s", error.text);
    uint32_t run = 0, left = columns.runs[0].events;
    for (uint32_t i = 0; i < columns.count; i++, left--) {
        while (left == 0)
            left = columns.runs[++run].events;
        struct slice path = columns.paths[columns.content[i]], name = columns.publishers[columns.runs[run].publisher];
        fprintf(printing->out, "%s %" PRId64 " %u %.*s %u %.*s\n", kind_name((enum kind)columns.kind[i]),
                columns.time_ms[i], columns.learner[i], (int)path.size, (const char *)path.data, columns.value[i],
                (int)name.size, (const char *)name.data);
    }
    return true;
}

char *scene_log(struct scene *scene)
{
    char *text = NULL;
    size_t size = 0;
    struct printing printing = {.out = open_memstream(&text, &size)};
    enum status status = eventlog_read(scene->store.log, 0, print_record, &printing, &scene->error);
    cr_assert_eq(status, STATUS_OK, "%s", scene->error.text);
    fclose(printing.out);
    block_buffer_close(&printing.buffer);
    return text;
}

uint64_t scene_count(struct scene *scene, enum counter counter)
{
    return pipeline_counters(scene->pipeline)->count[counter];
}
