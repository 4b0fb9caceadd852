/* What is kept, across stops and damage: log, vault and watermark opened and checked together. */
#include "tests/collector/scene.h"

#include "tests/scratch.h"
#include "common/rocks.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <ftw.h>
#include <inttypes.h>
#include <stdio.h>

static char *config_path(const struct scene *scene, enum config_key key)
{
    return mem_text("%s", config_text(scene->config, key));
}

static void assert_starts(struct scene *scene, bool accept_loss)
{
    cr_assert_eq(scene_start(scene, accept_loss), STATUS_OK, "%s", scene->error.text);
}

static void assert_refused(struct scene *scene, enum status status, const char *says)
{
    cr_assert_eq(scene_start(scene, false), status, "%s: %s", status_name(scene->error.status), scene->error.text);
    cr_assert_not_null(strstr(scene->error.text, says), "`%s` is not in: %s", says, scene->error.text);
    cr_assert_null(scene->store.log, "something is open");
}

/* seq counts on; each batch of a learner and a path of its own. */
static void take_batches(struct scene *scene, uint64_t first, uint64_t last)
{
    for (uint64_t seq = first; seq <= last; seq++) {
        char learner[32], path[32];
        snprintf(learner, sizeof learner, "learner-%" PRIu64, seq);
        snprintf(path, sizeof path, "m/%" PRIu64, seq);
        const struct answer *answer = scene_open(scene, seq, seq - 1, learner, path);
        cr_assert_eq(answer->status, ANSWER_OK, "seq %" PRIu64 ": %s", seq, answer_status_name(answer->status));
        scene_commit(scene);
    }
}

static void copy_folder(const char *from, const char *to)
{
    char *command = mem_text("rm -rf '%s' && cp -a '%s' '%s'", to, from, to);
    cr_assert_eq(system(command), 0);
    free(command);
}

/* What RocksDB does not notice: its write-ahead logs are gone. */
static void remove_write_ahead_logs(const char *store)
{
    DIR *folder = opendir(store);
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        size_t length = strlen(entry->d_name);
        if (length > 4 && strcmp(entry->d_name + length - 4, ".log") == 0)
            cr_assert_eq(unlinkat(dirfd(folder), entry->d_name, 0), 0);
    }
    closedir(folder);
}

/* Writes a row of a store past its owner. family NULL: default. */
/* value.data NULL: the row is taken away. */
static void put_row(const char *path, const char *family, struct slice key, struct slice value)
{
    struct rocks_options options = {.mode = ROCKS_WRITE, .write_buffer_bytes = 1 << 20, .cache_bytes = 1 << 20};
    struct rocks *store;
    struct error error;
    options.max_wal_bytes = 1 << 20;
    options.block_bytes = 4096;
    cr_assert_eq(rocks_open(path, &options, NULL, 0, &store, &error), STATUS_OK, "%s", error.text);
    struct rocks_batch *batch = rocks_batch_open();
    if (value.data)
        rocks_batch_put(batch, rocks_family(store, family ? family : "default"), key, value);
    else
        rocks_batch_delete(batch, rocks_family(store, family), key);
    cr_assert_eq(rocks_write(store, batch, true, &error), STATUS_OK, "%s", error.text);
    rocks_batch_close(batch);
    rocks_close(store);
}

static void set_format(const char *path, uint32_t format)
{
    uint8_t bytes[4];
    put_u32(bytes, format);
    put_row(path, NULL, slice_of_text("format"), slice_of(bytes, sizeof bytes));
}

Test(store, a_first_start_makes_all_three)
{
    struct scene *scene = scene_make(NULL);
    char *missing;
    cr_assert_eq(store_presence(scene->config, &missing), STORE_WHOLE);
    cr_assert_null(missing);
    cr_assert_eq(eventlog_next(scene->store.log).offset, 0);
    cr_assert_eq(eventlog_identity(scene->store.log).epoch, 1);
    cr_assert_eq(vault_rows(scene->store.vault), 0);
    scene_restart(scene);
    scene_close(scene);
}

Test(store, none_is_made_over_one)
{
    struct scene *scene = scene_make(NULL);
    struct store_options options = {.create = true};
    struct store store;
    scene_stop(scene);
    cr_assert_eq(store_open(scene->config, &options, &store, &scene->error), STATUS_CANNOT_MAKE);
    scene_close(scene);
}

Test(store, is_the_same_after_reopening)
{
    struct scene *scene = scene_make(NULL);
    uint8_t lids[5 * LID_BYTES], again[5 * LID_BYTES];
    take_batches(scene, 1, 5);
    struct logstore_identity identity = eventlog_identity(scene->store.log);
    char *log = scene_log(scene);
    cr_assert_eq(eventlog_lids(scene->store.log, 0, 5, lids, &scene->error), STATUS_OK);
    for (int i = 0; i < 3; i++) {
        scene_restart(scene);
        char *log_again = scene_log(scene);
        struct logstore_next next = eventlog_next(scene->store.log);
        struct logstore_identity identity_again = eventlog_identity(scene->store.log);
        cr_assert_eq(eventlog_lids(scene->store.log, 0, 5, again, &scene->error), STATUS_OK);
        cr_assert_str_eq(log, log_again);
        cr_assert_arr_eq(lids, again, sizeof lids);
        cr_assert(next.offset == 5 && next.learners == 5 && next.vault_rows == 5);
        cr_assert_arr_eq(identity.log_id, identity_again.log_id, LOG_ID_BYTES);
        cr_assert_eq(identity_again.epoch, identity.epoch);
        cr_assert_eq(pipeline_session_count(scene->pipeline), 1);
        free(log_again);
    }
    cr_assert_eq(scene_open(scene, 5, 4, "learner-5", "m/5")->status, ANSWER_DUPLICATE);
    cr_assert_eq(scene_open(scene, 5, 4, "learner-5", "other")->status, ANSWER_REFUSED);
    take_batches(scene, 6, 7);
    free(log);
    scene_close(scene);
}

Test(store, what_was_not_committed_is_gone_whole)
{
    struct scene *scene = scene_make(NULL);
    take_batches(scene, 1, 2);
    cr_assert_eq(scene_open(scene, 3, 2, "learner-3", "m/3")->status, ANSWER_OK);
    scene_restart(scene);
    cr_assert_eq(eventlog_next(scene->store.log).offset, 2);
    cr_assert_eq(scene_open(scene, 4, 2, "learner-4", "m/4")->status, ANSWER_GAP);
    take_batches(scene, 3, 4);
    scene_close(scene);
}

Test(store, parts_without_the_others_are_named)
{
    static const enum config_key keys[] = {CONFIG_LOG, CONFIG_VAULT, CONFIG_WATERMARK};
    struct scene *scene = scene_make(NULL);
    scene_stop(scene);
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        char *path = config_path(scene, keys[i]), *aside = mem_text("%s.aside", path), *missing;
        cr_assert_eq(rename(path, aside), 0);
        cr_assert_eq(store_presence(scene->config, &missing), STORE_PARTS);
        char *says = mem_text("%s: MISSING", path);
        cr_assert_not_null(strstr(missing, says), "`%s` is not in: %s", says, missing);
        cr_assert_neq(scene_start(scene, true), STATUS_OK, "--accept-loss opened parts");
        cr_assert_eq(rename(aside, path), 0);
        free(says);
        free(missing);
        free(aside);
        free(path);
    }
    assert_starts(scene, false);
    scene_close(scene);
}

Test(store, an_older_copy_of_the_log_is_refused_with_the_missing_offsets)
{
    struct scene *scene = scene_make(NULL);
    char *log = config_path(scene, CONFIG_LOG), *copy = scene_path(scene, "copy");
    take_batches(scene, 1, 3);
    scene_stop(scene);
    copy_folder(log, copy);
    assert_starts(scene, false);
    take_batches(scene, 4, 7);
    scene_stop(scene);
    copy_folder(copy, log);
    assert_refused(scene, STATUS_LOSS, "offsets 3 to 6 were acknowledged and are missing");
    assert_starts(scene, true);
    cr_assert_eq(eventlog_identity(scene->store.log).epoch, 2);
    cr_assert_eq(eventlog_next(scene->store.log).offset, 3);
    scene_restart(scene);
    cr_assert_eq(eventlog_identity(scene->store.log).epoch, 2);
    take_batches(scene, 8, 9);
    scene_restart(scene);
    cr_assert_eq(eventlog_next(scene->store.log).offset, 5);
    free(copy);
    free(log);
    scene_close(scene);
}

/* RocksDB opens without an error where its write-ahead logs were deleted. */
Test(store, lost_write_ahead_logs_of_the_log_are_noticed)
{
    struct scene *scene = scene_make(NULL);
    char *log = config_path(scene, CONFIG_LOG);
    take_batches(scene, 1, 3);
    scene_stop(scene);
    remove_write_ahead_logs(log);
    assert_refused(scene, STATUS_LOSS, "offsets 0 to 2 were acknowledged and are missing");
    assert_starts(scene, true);
    cr_assert_eq(scene_open(scene, 5, 3, "learner-1", "m")->expected, 4);
    take_batches(scene, 4, 5);
    scene_restart(scene);
    cr_assert_eq(eventlog_next(scene->store.log).offset, 2);
    free(log);
    scene_close(scene);
}

Test(store, lost_write_ahead_logs_of_the_vault_are_noticed)
{
    struct scene *scene = scene_make(NULL);
    char *vault = config_path(scene, CONFIG_VAULT);
    take_batches(scene, 1, 3);
    scene_stop(scene);
    remove_write_ahead_logs(vault);
    assert_refused(scene, STATUS_LOSS, "the vault has 0 rows, the event log was written with 3");
    free(vault);
    scene_close(scene);
}

Test(store, a_vault_older_than_its_log_is_refused)
{
    struct scene *scene = scene_make(NULL);
    char *vault = config_path(scene, CONFIG_VAULT), *copy = scene_path(scene, "copy");
    take_batches(scene, 1, 3);
    scene_stop(scene);
    copy_folder(vault, copy);
    assert_starts(scene, false);
    take_batches(scene, 4, 5);
    scene_stop(scene);
    copy_folder(copy, vault);
    assert_refused(scene, STATUS_LOSS, "the vault has 3 rows, the event log was written with 5");
    assert_starts(scene, true);
    scene_stop(scene);
    assert_starts(scene, false); /* once accepted, it stays so */
    take_batches(scene, 6, 7);
    scene_restart(scene);
    free(copy);
    free(vault);
    scene_close(scene);
}

Test(store, anothers_log_or_vault_is_foreign)
{
    static const enum config_key keys[] = {CONFIG_LOG, CONFIG_VAULT};
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        struct scene *scene = scene_make(NULL), *other = scene_make(NULL);
        char *path = config_path(scene, keys[i]), *other_path = config_path(other, keys[i]);
        take_batches(scene, 1, 3);
        take_batches(other, 1, 5);
        scene_stop(scene);
        scene_stop(other);
        copy_folder(other_path, path);
        assert_refused(scene, STATUS_FOREIGN, "");
        cr_assert_neq(scene_start(scene, true), STATUS_OK, "--accept-loss took a foreign store");
        free(other_path);
        free(path);
        scene_close(other);
        scene_close(scene);
    }
}

Test(store, a_log_in_the_vaults_place_is_foreign)
{
    struct scene *scene = scene_make(NULL);
    char *log = config_path(scene, CONFIG_LOG), *vault = config_path(scene, CONFIG_VAULT);
    scene_stop(scene);
    copy_folder(log, vault);
    assert_refused(scene, STATUS_FOREIGN, "it lacks the families of a vault");
    free(vault);
    free(log);
    scene_close(scene);
}

Test(store, another_pseudonym_key_is_refused)
{
    struct scene *scene = scene_make(NULL);
    take_batches(scene, 1, 1);
    scene_stop(scene);
    scene->pseudonym_key[0] ^= 1;
    assert_refused(scene, STATUS_FOREIGN, "pseudonym.key");
    scene->pseudonym_key[0] ^= 1;
    assert_starts(scene, false);
    scene_close(scene);
}

Test(store, newer_formats_are_refused)
{
    struct scene *scene = scene_make(NULL);
    char *log = config_path(scene, CONFIG_LOG), *vault = config_path(scene, CONFIG_VAULT);
    take_batches(scene, 1, 1);
    scene_stop(scene);
    set_format(log, 2);
    assert_refused(scene, STATUS_NEWER, "format 2");
    set_format(log, LOGSTORE_FORMAT);
    set_format(vault, 7);
    assert_refused(scene, STATUS_NEWER, "format 7");
    set_format(vault, VAULT_FORMAT);
    assert_starts(scene, false);
    free(vault);
    free(log);
    scene_close(scene);
}

Test(store, a_damaged_record_is_named_and_its_loss_can_be_accepted)
{
    struct scene *scene = scene_make(NULL);
    char *log = config_path(scene, CONFIG_LOG);
    uint8_t key[8];
    take_batches(scene, 1, 3);
    scene_stop(scene);
    put_be64(key, 1);
    put_row(log, "segment.0000000000000000", slice_of(key, sizeof key), slice_of_text("rubbish"));
    assert_refused(scene, STATUS_CORRUPT,
                   "a record of 7 bytes cannot be; restore a backup, or start once with --accept-loss");
    assert_starts(scene, true);
    cr_assert_eq(eventlog_next(scene->store.log).offset, 3, "what stands beyond it stays");
    scene_restart(scene); /* without --accept-loss: it was accepted */
    take_batches(scene, 4, 4);
    scene_restart(scene);
    char *text = scene_log(scene);
    cr_assert_str_eq(text, "open 1767225600000 0 m/1 0 lms\nlost 1 1\nopen 1767225600000 2 m/3 0 lms\n"
                           "open 1767225600000 3 m/4 0 lms\n");
    cr_assert_eq(eventlog_lost(scene->store.log), 1);
    free(text);
    free(log);
    scene_close(scene);
}

Test(store, a_missing_record_is_named_and_its_loss_can_be_accepted)
{
    struct scene *scene = scene_make(NULL);
    char *log = config_path(scene, CONFIG_LOG);
    uint8_t key[8];
    take_batches(scene, 1, 4);
    scene_stop(scene);
    for (uint64_t offset = 0; offset < 3; offset += 2) {
        put_be64(key, offset);
        put_row(log, "segment.0000000000000000", slice_of(key, sizeof key), slice_of(NULL, 0));
    }
    assert_refused(scene, STATUS_LOSS, "offsets 2 to 2 are missing");
    assert_starts(scene, true);
    scene_restart(scene);
    char *text = scene_log(scene);
    cr_assert_str_eq(text, "lost 0 1\nopen 1767225600000 1 m/2 0 lms\nlost 2 1\nopen 1767225600000 3 m/4 0 lms\n");
    free(text);
    free(log);
    scene_close(scene);
}

/* The newest write-ahead log of a store, open for reading and writing at its end. */
static FILE *open_write_ahead_log(const char *store)
{
    DIR *folder = opendir(store);
    char newest[64] = "";
    for (struct dirent *entry = readdir(folder); entry; entry = readdir(folder)) {
        size_t length = strlen(entry->d_name);
        if (length > 4 && length < sizeof newest && strcmp(entry->d_name + length - 4, ".log") == 0 &&
            strcmp(entry->d_name, newest) > 0)
            strcpy(newest, entry->d_name);
    }
    closedir(folder);
    char *path = mem_text("%s/%s", store, newest);
    FILE *file = fopen(path, "r+e");
    cr_assert_not_null(file, "%s", path);
    fseek(file, 0, SEEK_END);
    free(path);
    return file;
}

/* What a power cut leaves of a write that was never synced: the head of its record, and zeros where the rest would be. */
static void append_half_written_record(const char *store)
{
    uint8_t record[7 + 100] = {0x5a, 0x11, 0xc3, 0x07, 100, 0, 1};
    FILE *file = open_write_ahead_log(store);
    cr_assert_eq(fwrite(record, sizeof record, 1, file), 1);
    fclose(file);
}

static void flip_byte(const char *store, long from_end)
{
    FILE *file = open_write_ahead_log(store);
    fseek(file, -from_end, SEEK_END);
    int byte = fgetc(file);
    fseek(file, -1, SEEK_CUR);
    fputc(byte ^ 0xff, file);
    fclose(file);
}

Test(store, a_half_written_end_is_let_go)
{
    static const enum config_key keys[] = {CONFIG_LOG, CONFIG_VAULT};
    for (size_t i = 0; i < ARRAY_COUNT(keys); i++) {
        struct scene *scene = scene_make(NULL);
        char *path = config_path(scene, keys[i]);
        take_batches(scene, 1, 3);
        scene_stop(scene);
        append_half_written_record(path);
        assert_starts(scene, false);
        cr_assert_eq(eventlog_next(scene->store.log).offset, 3);
        cr_assert_eq(vault_rows(scene->store.vault), 3);
        scene_restart(scene);
        take_batches(scene, 4, 5);
        scene_restart(scene);
        cr_assert_eq(eventlog_next(scene->store.log).offset, 5);
        free(path);
        scene_close(scene);
    }
}

Test(store, damage_in_what_was_acknowledged_is_a_loss_and_nothing_is_touched)
{
    struct scene *scene = scene_make(NULL);
    char *log = config_path(scene, CONFIG_LOG);
    take_batches(scene, 1, 3);
    scene_stop(scene);
    flip_byte(log, 20);
    assert_refused(scene, STATUS_LOSS, "offsets 2 to 2 were acknowledged and are missing");
    flip_byte(log, 20);
    assert_starts(scene, false);
    cr_assert_eq(eventlog_next(scene->store.log).offset, 3);
    scene_stop(scene);
    free(log);
    scene_close(scene);
}

Test(store, damage_in_what_was_acknowledged_can_be_accepted)
{
    struct scene *scene = scene_make(NULL);
    char *log = config_path(scene, CONFIG_LOG);
    take_batches(scene, 1, 3);
    scene_stop(scene);
    flip_byte(log, 20);
    assert_starts(scene, true);
    cr_assert_eq(eventlog_next(scene->store.log).offset, 2);
    cr_assert_eq(eventlog_identity(scene->store.log).epoch, 2);
    scene_restart(scene);
    free(log);
    scene_close(scene);
}

/* Parts of the write-ahead log gone: `next` and the records disagree, either way. */
Test(store, a_tail_that_disagrees_is_a_loss_that_can_be_accepted)
{
    struct scene *scene = scene_make(NULL);
    char *log = config_path(scene, CONFIG_LOG);
    struct logstore_next next = {.offset = 6, .learners = 4, .vault_rows = 4};
    uint8_t bytes[LOGSTORE_NEXT_BYTES];
    take_batches(scene, 1, 4);
    scene_stop(scene);
    logstore_next_write(&next, bytes);
    put_row(log, NULL, slice_of_text("next"), slice_of(bytes, sizeof bytes));
    assert_refused(scene, STATUS_LOSS, "offsets 4 to 5 are missing");
    assert_starts(scene, true);
    scene_restart(scene); /* without --accept-loss: it was accepted */
    take_batches(scene, 5, 5);
    scene_restart(scene);
    free(log);
    scene_close(scene);
}

Test(store, records_beyond_next_are_gone_once_the_loss_is_accepted)
{
    struct scene *scene = scene_make(NULL);
    char *log = config_path(scene, CONFIG_LOG);
    struct logstore_next next = {.offset = 2, .learners = 2, .vault_rows = 2};
    uint8_t bytes[LOGSTORE_NEXT_BYTES];
    take_batches(scene, 1, 5);
    scene_stop(scene);
    logstore_next_write(&next, bytes);
    put_row(log, NULL, slice_of_text("next"), slice_of(bytes, sizeof bytes));
    assert_refused(scene, STATUS_LOSS, "offsets 2 to 4");
    assert_starts(scene, true);
    struct batch_event events[2] = {batch_open(SCENE_NOW_MS, "learner-5", "m/x"),
                                    batch_open(SCENE_NOW_MS, "learner-9", "m/y")};
    cr_assert_eq(scene_send(scene, 6, 5, events, 2)->status, ANSWER_OK);
    scene_commit(scene);
    scene_restart(scene);
    char *text = scene_log(scene);
    cr_assert_str_eq(text, "open 1767225600000 0 m/1 0 lms\nopen 1767225600000 1 m/2 0 lms\n"
                           "open 1767225600000 2 m/x 0 lms\nopen 1767225600000 3 m/y 0 lms\n");
    free(text);
    free(log);
    scene_close(scene);
}

Test(store, segments_roll_by_size)
{
    static const char *const sets[] = {"segment_bytes=1048576", NULL};
    enum {
        EVENTS = 20000
    };
    struct scene *scene = scene_make(sets);
    struct batch_event *events = mem_new(EVENTS, sizeof *events);
    char(*names)[16] = mem_new(EVENTS, sizeof *names);
    uint64_t seq = 0;
    for (; eventlog_segment_count(scene->store.log) < 3; seq++) {
        for (uint32_t i = 0; i < EVENTS; i++) { /* paths of their own: about 12 bytes an event at least */
            snprintf(names[i], sizeof names[i], "m/%" PRIu64 "-%u", seq, i);
            events[i] = batch_open(SCENE_NOW_MS - (int64_t)i, "ana", names[i]);
        }
        cr_assert_eq(scene_send(scene, seq + 1, seq, events, EVENTS)->status, ANSWER_OK);
        scene_commit(scene);
        cr_assert_lt(seq, 40, "segments do not roll");
        if (seq % 2)
            scene_restart(scene);
    }
    cr_assert_geq(seq, 4, "segments of less than a megabyte");
    char *log = scene_log(scene);
    size_t lines = 0;
    for (const char *at = log; *at; at++)
        lines += *at == '\n';
    cr_assert_eq(lines, seq * EVENTS);
    free(log);
    free(names);
    free(events);
    scene_close(scene);
}

Test(store, segments_roll_by_month)
{
    struct scene *scene = scene_make(NULL);
    take_batches(scene, 1, 2);
    scene->now_ms += INT64_C(30) * 86400000;
    take_batches(scene, 3, 3);
    cr_assert_eq(eventlog_segment_count(scene->store.log), 1);
    scene->now_ms += INT64_C(86400000); /* 1 February */
    take_batches(scene, 4, 4);
    cr_assert_eq(eventlog_segment_count(scene->store.log), 2);
    scene_restart(scene);
    take_batches(scene, 5, 5);
    cr_assert_eq(eventlog_segment_count(scene->store.log), 2);
    scene_restart(scene);
    scene->now_ms += INT64_C(28) * 86400000;
    take_batches(scene, 6, 6);
    cr_assert_eq(eventlog_segment_count(scene->store.log), 3);
    char *log = scene_log(scene);
    cr_assert_str_eq(log, "open 1767225600000 0 m/1 0 lms\nopen 1767225600000 1 m/2 0 lms\n"
                          "open 1767225600000 2 m/3 0 lms\nopen 1767225600000 3 m/4 0 lms\n"
                          "open 1767225600000 4 m/5 0 lms\nopen 1767225600000 5 m/6 0 lms\n");
    free(log);
    scene_close(scene);
}

Test(store, import_marks_it_for_good)
{
    static const char *const sets[] = {"import=on", NULL};
    struct scene *scene = scene_make(sets);
    cr_assert(eventlog_import(scene->store.log));
    scene_stop(scene);
    config_close(scene->config);
    cr_assert_eq(config_open(scene->folder, NULL, NULL, 0, &scene->config, &scene->error), STATUS_OK);
    assert_starts(scene, false);
    cr_assert(eventlog_import(scene->store.log));
    scene_close(scene);
}

Test(store, a_damaged_watermark_is_refused)
{
    struct scene *scene = scene_make(NULL);
    char *path = config_path(scene, CONFIG_WATERMARK);
    take_batches(scene, 1, 1);
    scene_stop(scene);
    scratch_write(path, "", 0, 0600);
    assert_refused(scene, STATUS_CORRUPT, "no slot of the watermark is whole");
    free(path);
    scene_close(scene);
}
