/* Every case of batches.txt and answers.txt against the decoders and the encoder of this project. What needs a
 * session's state (duplicate, gap, conflict, settling) is played to a collector by replay.py. */
#include "common/wire.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdio.h>

#include "tests/support/bytes.h"

TestSuite(vectors);

static const int64_t now_ms = 1767225600000;
static const int64_t retention_ms = INT64_C(5) * 366 * 86400 * 1000;

enum {
    CASE_MAX_MESSAGES = 80,
};

struct vector {
    char name[64];
    struct bytes messages[CASE_MAX_MESSAGES]; /* `before`, then the frames of the message */
    size_t before_count, frame_count;
    bool delimiter, no_answer;
    struct bytes answer_hex;
    json_t *answer;
};

/* ---- reading the files ---- */

static const char *value_of(const char *line, const char *key)
{
    size_t length = strlen(key);
    bool matches = strncmp(line, key, length) == 0 && strncmp(line + length, ": ", 2) == 0;
    return matches ? line + length + 2 : NULL;
}

static void take_line(struct vector *vector, const char *line)
{
    const char *value;
    bool before = value_of(line, "before") != NULL;
    if ((value = value_of(line, "name")))
        snprintf(vector->name, sizeof vector->name, "%s", value);
    else if ((value = value_of(line, "before")) || (value = value_of(line, "message"))) {
        cr_assert_lt(vector->before_count + vector->frame_count, CASE_MAX_MESSAGES);
        bytes_hex(&vector->messages[vector->before_count + vector->frame_count], value);
        *(before ? &vector->before_count : &vector->frame_count) += 1;
    } else if (value_of(line, "delimiter"))
        vector->delimiter = true;
    else if ((value = value_of(line, "answer-hex")))
        bytes_hex(&vector->answer_hex, value);
    else if ((value = value_of(line, "answer")) || (value = value_of(line, "reads"))) {
        vector->answer = json_loads(value, 0, NULL);
        vector->no_answer = strcmp(value, "no answer at all") == 0;
        cr_assert(vector->answer || vector->no_answer, "%s: %s", vector->name, value);
    } else
        cr_assert(value_of(line, "shows"), "an unknown line: %s", line);
}

static void vector_free(struct vector *vector)
{
    for (size_t i = 0; i < CASE_MAX_MESSAGES; i++)
        bytes_free(&vector->messages[i]);
    bytes_free(&vector->answer_hex);
    json_decref(vector->answer);
    memset(vector, 0, sizeof *vector);
}

typedef void (*vector_fn)(struct vector *vector);

static size_t each_vector(const char *path, vector_fn check)
{
    static struct vector vector;
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0, count = 0;
    ssize_t length;
    cr_assert_not_null(file, "%s", path);
    while ((length = getline(&line, &room, file)) > 0) {
        line[length - 1] = '\0';
        if (line[0] == '#')
            continue;
        if (line[0]) {
            take_line(&vector, line);
        } else if (vector.name[0]) {
            check(&vector);
            vector_free(&vector);
            count++;
        }
    }
    free(line);
    fclose(file);
    return count;
}

/* ---- what the project makes of a batch ---- */

struct outcome {
    enum wire_result result;
    struct wire_batch batch;
    bool whole;
    uint32_t accepted, rejected_total, rejected_count;
    struct answer_rejected rejected[REJECTED_MAX_LISTED];
};

static void take_event(struct outcome *outcome, const struct event *event, enum verdict verdict)
{
    if (verdict == VERDICT_ACCEPTED)
        verdict = event_check(event, now_ms - retention_ms, now_ms + FUTURE_TOLERANCE_MS);
    if (verdict == VERDICT_ACCEPTED) {
        outcome->accepted++;
        return;
    }
    uint32_t index = outcome->accepted + outcome->rejected_total++;
    if (outcome->rejected_count < REJECTED_MAX_LISTED)
        outcome->rejected[outcome->rejected_count++] = (struct answer_rejected){index, verdict};
}

static void take_batch(const struct bytes *message, struct outcome *outcome)
{
    struct event event;
    enum verdict verdict;
    uint8_t *copy = exact_copy(bytes_slice(message));
    memset(outcome, 0, sizeof *outcome);
    outcome->result = wire_batch_read(slice_of(copy, message->size), &outcome->batch);
    while (outcome->result == WIRE_OK && wire_event_next(&outcome->batch, &event, &verdict))
        take_event(outcome, &event, verdict);
    outcome->whole = outcome->result == WIRE_OK && wire_batch_finish(&outcome->batch);
    free(copy);
}

/* ---- against the file ---- */

static const char *text_of(const struct vector *vector, const char *key)
{
    const char *text = json_string_value(json_object_get(vector->answer, key));
    return text ? text : "";
}

static bool number_is(const struct vector *vector, const char *key, uint64_t number)
{
    json_t *value = json_object_get(vector->answer, key);
    return json_is_integer(value) && (uint64_t)json_integer_value(value) == number;
}

static void expect_names(const struct vector *vector, bool has_session, const uint8_t *session, bool has_seq,
                         uint64_t seq)
{
    struct bytes expected = {0};
    bytes_hex(&expected, text_of(vector, "session"));
    cr_assert_eq(has_session, expected.size == SESSION_BYTES, "%s: session", vector->name);
    cr_assert(!has_session || memcmp(session, expected.data, SESSION_BYTES) == 0, "%s: session", vector->name);
    cr_assert_eq(has_seq, json_object_get(vector->answer, "seq") != NULL, "%s: seq", vector->name);
    cr_assert(!has_seq || number_is(vector, "seq", seq), "%s: seq", vector->name);
    bytes_free(&expected);
}

static void expect_rejected(const struct vector *vector, const struct answer_rejected *rejected, uint32_t count)
{
    json_t *list = json_object_get(vector->answer, "rejected");
    cr_assert_eq(json_array_size(list), count, "%s: %u are listed", vector->name, count);
    for (uint32_t i = 0; i < count; i++) {
        json_t *pair = json_array_get(list, i);
        cr_assert_eq(json_integer_value(json_array_get(pair, 0)), rejected[i].index, "%s: %u", vector->name, i);
        cr_assert_str_eq(json_string_value(json_array_get(pair, 1)), verdict_name(rejected[i].verdict), "%s: event %u",
                         vector->name, rejected[i].index);
    }
}

/* The answer of the file, as the project writes it. */
static void expect_encoded(const struct vector *vector, const struct outcome *outcome)
{
    struct packer *buffer = packer_open();
    struct answer answer = {
        .has_session = true, .has_seq = true, .seq = outcome->batch.seq, .accepted = outcome->accepted};
    memcpy(answer.session, outcome->batch.session, SESSION_BYTES);
    while (strcmp(answer_status_name(answer.status), text_of(vector, "status")) != 0)
        answer.status++;
    answer.rejected_total = outcome->rejected_total;
    answer.rejected_count = outcome->rejected_count;
    answer.rejected = outcome->rejected;
    answer.expected = (uint64_t)json_integer_value(json_object_get(vector->answer, "expected"));
    cr_assert(slice_equal(answer_encode(buffer, &answer), bytes_slice(&vector->answer_hex)), "%s", vector->name);
    packer_close(buffer);
}

static void check_batch(struct vector *vector)
{
    static struct outcome outcome;
    const char *status = text_of(vector, "status"), *code = text_of(vector, "code");
    bool shaped = vector->frame_count == 1 || (vector->frame_count == 2 && vector->delimiter);
    for (size_t i = 0; i < vector->before_count; i++)
        take_batch(&vector->messages[i], &outcome);
    if (!shaped)
        return;
    take_batch(&vector->messages[vector->before_count + vector->frame_count - 1], &outcome);
    const struct wire_batch *batch = &outcome.batch;
    expect_names(vector, batch->has_session, batch->session, batch->has_seq, batch->seq);
    cr_assert_eq(outcome.result == WIRE_BAD_VERSION, strcmp(code, "version") == 0, "%s", vector->name);
    if (strcmp(code, "malformed") == 0)
        cr_assert(!outcome.whole && batch->detail && strlen(batch->detail) > 0, "%s", vector->name);
    if (strcmp(status, "ok") == 0) {
        cr_assert(outcome.whole, "%s: %s", vector->name, batch->detail);
        cr_assert(number_is(vector, "accepted", outcome.accepted), "%s: %u accepted", vector->name, outcome.accepted);
        cr_assert(number_is(vector, "rejected_total", outcome.rejected_total), "%s", vector->name);
        expect_rejected(vector, outcome.rejected, outcome.rejected_count);
    }
    if (vector->answer_hex.size > 0)
        expect_encoded(vector, &outcome);
}

Test(vectors, every_batch_is_decoded_and_answered_as_written)
{
    cr_assert_geq(each_vector(VECTORS_DIR "/batches.txt", check_batch), 80);
}

static void check_answer(struct vector *vector)
{
    struct answer answer;
    struct answer_rejected rejected[REJECTED_MAX_LISTED];
    struct error error;
    uint8_t *copy = exact_copy(bytes_slice(&vector->answer_hex));
    enum status status = answer_decode(slice_of(copy, vector->answer_hex.size), &answer, rejected, &error);
    free(copy);
    cr_assert_eq(status, vector->no_answer ? STATUS_PROTOCOL : STATUS_OK, "%s", vector->name);
    if (vector->no_answer)
        return;
    cr_assert_str_eq(answer_status_name(answer.status), text_of(vector, "status"), "%s", vector->name);
    expect_names(vector, answer.has_session, answer.session, answer.has_seq, answer.seq);
    cr_assert_str_eq(answer.detail, text_of(vector, "detail"), "%s", vector->name);
    cr_assert(answer.status != ANSWER_OK || number_is(vector, "accepted", answer.accepted), "%s", vector->name);
    cr_assert(answer.status != ANSWER_OK || number_is(vector, "rejected_total", answer.rejected_total), "%s",
              vector->name);
    cr_assert(answer.status != ANSWER_GAP || number_is(vector, "expected", answer.expected), "%s", vector->name);
    cr_assert(answer.status != ANSWER_BUSY || number_is(vector, "retry_ms", answer.retry_ms), "%s", vector->name);
    if (answer.status == ANSWER_REFUSED)
        cr_assert_str_eq(refusal_name(answer.refusal), text_of(vector, "code"), "%s", vector->name);
    expect_rejected(vector, answer.rejected, answer.rejected_count);
}

Test(vectors, every_answer_is_read_as_written)
{
    cr_assert_geq(each_vector(VECTORS_DIR "/answers.txt", check_answer), 15);
}
