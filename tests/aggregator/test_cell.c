#include "aggregator/cell.h"
#include "aggregator/facts.h"
#include "tests/aggregator/history.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <xxhash.h>

static struct error error;
static const struct cell_key key = {12, 20000, 7};
static const int64_t base_ms = INT64_C(20000) * 86400000 - 7 * 3600000;

enum {
    LEARNERS = 700,
    LEARNER_LIMIT = 100000
};

/* Facts of many learners, of all widths, kept to compare with. */
struct person {
    uint32_t learner;
    struct cell_facts facts;
    int64_t opens[4];
    struct cell_interval intervals[3];
    struct cell_clipped clipped[2];
};

static void make_people(struct dice *dice, struct person *people)
{
    uint32_t learner = 0;
    for (int i = 0; i < LEARNERS; i++) {
        struct person *p = &people[i];
        p->learner = learner += 1 + (uint32_t)dice_roll(dice, i % 50 == 0 ? 5000 : 3);
        int64_t scale = dice_chance(dice, 50) ? 86400000 : 300;
        for (int o = 0; o < 4; o++)
            p->opens[o] = base_ms + (int64_t)dice_roll(dice, scale);
        for (int v = 0; v < 3; v++) {
            p->intervals[v].start_ms = base_ms + (int64_t)dice_roll(dice, scale);
            p->intervals[v].end_ms = p->intervals[v].start_ms + 1 + (int64_t)dice_roll(dice, 1800000);
        }
        for (int c = 0; c < 2; c++)
            p->clipped[c] = (struct cell_clipped){base_ms + (int64_t)dice_roll(dice, scale), 1 + dice_roll(dice, 9999)};
        p->facts.open_count = facts_join_opens(p->opens, dice_roll(dice, 5));
        p->facts.interval_count = facts_join_intervals(p->intervals, p->facts.open_count ? dice_roll(dice, 4) : 2);
        p->facts.clipped_count = dice_chance(dice, 10) ? facts_join_clipped(p->clipped, 2) : 0;
        p->facts.opens = p->opens;
        p->facts.intervals = p->intervals;
        p->facts.clipped = p->clipped;
    }
}

static void build(struct cell_builder *builder, const struct person *people, struct cell_values *values)
{
    cell_builder_start(builder, &key, base_ms);
    for (int i = 0; i < LEARNERS; i++)
        cell_builder_add(builder, people[i].learner, &people[i].facts);
    cell_builder_mark(builder, &(struct cell_mark){99999, KIND_PROGRESS, 100, base_ms + 5});
    cell_builder_mark(builder, &(struct cell_mark){3, KIND_UNFAVORITE, 0, base_ms + 86399999});
    cell_builder_mark(builder, &(struct cell_mark){3, KIND_FAVORITE, 0, base_ms});
    cell_builder_encode(builder, values);
}

static bool same_facts(const struct cell_facts *a, const struct cell_facts *b)
{
    return a->open_count == b->open_count && a->interval_count == b->interval_count &&
           a->clipped_count == b->clipped_count && memcmp(a->opens, b->opens, a->open_count * sizeof *a->opens) == 0 &&
           memcmp(a->intervals, b->intervals, a->interval_count * sizeof *a->intervals) == 0 &&
           memcmp(a->clipped, b->clipped, a->clipped_count * sizeof *a->clipped) == 0;
}

static struct person people[LEARNERS];
static struct cell_builder builder;
static struct cell_values values;

static void setup(void)
{
    struct dice dice = {(uint64_t)time(NULL)};
    fprintf(stderr, "seed %llu\n", (unsigned long long)dice.state);
    make_people(&dice, people);
    build(&builder, people, &values);
}

static void teardown(void)
{
    cell_builder_close(&builder);
}

TestSuite(cell, .init = setup, .fini = teardown, .timeout = 30);

Test(cell, a_summary_comes_back_as_it_was)
{
    struct cell_entries into = {0};
    uint32_t count = 0;
    cr_assert_eq(cell_summary_decode(values.summary, &key, LEARNER_LIMIT, &into, &count, &error), STATUS_OK, "%s",
                 error.text);
    cr_assert_eq(count, LEARNERS);
    for (int i = 0; i < LEARNERS; i++) {
        struct cell_entry expected = facts_summary(people[i].learner, &people[i].facts);
        const struct cell_entry *got = &into.entries[i];
        cr_assert_eq(got->learner, expected.learner);
        cr_assert_eq(got->opens, expected.opens);
        cr_assert_eq(got->visits, expected.visits);
        cr_assert_eq(got->active_ms, expected.active_ms);
        cr_assert_eq(got->first_ms, expected.first_ms);
        cr_assert_eq(got->last_ms, expected.last_ms);
        if (expected.opens) {
            cr_assert_eq(got->first_open_ms, expected.first_open_ms);
            cr_assert_eq(got->last_open_ms, expected.last_open_ms);
        }
    }
    free(into.entries);
    free(into.learners);
}

struct come_back {
    const struct cell_entry *sent;
    uint32_t count;
};

static void come_back(const struct cell_entry *entries, uint32_t count, void *argument)
{
    struct come_back *all = argument;
    for (uint32_t i = 0; i < count; i++) {
        const struct cell_entry *sent = &all->sent[all->count++], *got = &entries[i];
        cr_assert(got->learner == sent->learner && got->opens == sent->opens && got->visits == sent->visits &&
                      got->active_ms == sent->active_ms && got->first_ms == sent->first_ms &&
                      got->last_ms == sent->last_ms && got->first_open_ms == sent->first_open_ms &&
                      got->last_open_ms == sent->last_open_ms,
                  "entry %u", all->count - 1);
    }
}

/* More than are encoded at a time, the widest number of each column in another part of them. */
Test(cell, a_roll_up_of_many_comes_back_as_it_was)
{
    enum {
        MANY = 1000
    };
    static struct cell_entry sent[MANY];
    const struct cell_key rollup = {3, 32, 2 << 8 | 1};
    int64_t start_ms = 32 * INT64_C(86400000);
    struct bytes out = {0};
    struct cell_entries into = {0};
    struct come_back all = {sent, 0};
    for (uint32_t i = 0; i < MANY; i++) {
        int64_t first_ms = start_ms + (int64_t)i * (i == 900 ? 70000 : 1);
        sent[i] = (struct cell_entry){.learner = 2 * i + (i > 300 ? 1000 : 0),
                                      .opens = i == 700 ? 300 : 1,
                                      .visits = 1,
                                      .active_ms = i == 10 ? 70000 : 0,
                                      .first_ms = first_ms,
                                      .last_ms = first_ms + 80000,
                                      .first_open_ms = first_ms + i % 7,
                                      .last_open_ms = first_ms + i % 7 + (i == 700 ? 400 : 0)};
    }
    cell_rollup_encode(&rollup, start_ms, sent, MANY, &out);
    struct cell_sink sink = {&into, come_back, &all};
    cr_assert_eq(cell_rollup_decode(slice_of(out.data, out.size), &rollup, 10000, &sink, &error), STATUS_OK, "%s",
                 error.text);
    cr_assert_eq(all.count, MANY);
    cell_entries_close(&into);
    free(out.data);
}

Test(cell, facts_come_back_in_order_and_one_by_one)
{
    struct cell_facts_view view;
    struct arena arena = {0};
    const uint8_t *next = NULL;
    cr_assert_eq(cell_facts_open(values.facts, &key, &view, &error), STATUS_OK, "%s", error.text);
    cr_assert_eq(view.count, LEARNERS);
    for (int i = 0; i < LEARNERS; i++) {
        struct cell_facts walked, picked;
        cr_assert_eq(cell_facts_next(&view, &next, &arena, &walked, &error), STATUS_OK, "%s", error.text);
        cr_assert_eq(cell_facts_at(&view, i, &arena, &picked, &error), STATUS_OK, "%s", error.text);
        cr_assert(same_facts(&walked, &people[i].facts), "learner %d", i);
        cr_assert(same_facts(&picked, &people[i].facts), "learner %d", i);
    }
    struct cell_facts beyond;
    cr_assert_eq(cell_facts_at(&view, LEARNERS, &arena, &beyond, &error), STATUS_CORRUPT);
    arena_close(&arena);
}

Test(cell, marks_come_back_sorted)
{
    struct arena arena = {0};
    struct cell_mark *marks = NULL;
    uint32_t count = 0;
    cr_assert_eq(cell_marks_decode(values.marks, &key, LEARNER_LIMIT, &arena, &marks, &count, &error), STATUS_OK, "%s",
                 error.text);
    cr_assert_eq(count, 3);
    cr_assert(marks[0].learner == 3 && marks[0].kind == KIND_FAVORITE && marks[0].time_ms == base_ms);
    cr_assert(marks[1].learner == 3 && marks[1].kind == KIND_UNFAVORITE && marks[1].time_ms == base_ms + 86399999);
    cr_assert(marks[2].learner == 99999 && marks[2].kind == KIND_PROGRESS && marks[2].value == 100);
    arena_close(&arena);
}

Test(cell, cohorts_come_back_with_their_names)
{
    struct cell_cohort changes[] = {
        {9, base_ms + 4, slice_of_text("class-b")},
        {2, base_ms + 1, slice_of_text("class-b")},
        {2, base_ms + 1, slice_of_text("-")},
        {2, base_ms + 1, slice_of_text("class-b")},
    };
    struct cell_key day = {CELL_COHORTS, key.day, 1};
    struct bytes out = {0};
    struct cell_index index;
    cell_cohorts_encode(&day, base_ms, changes, 4, &out, &index);
    cr_assert_eq(index.least_learner, 2);
    cr_assert_eq(index.greatest_learner, 9);
    struct arena arena = {0};
    struct cell_cohort *read = NULL;
    uint32_t count = 0;
    struct slice value = slice_of(out.data, out.size);
    cr_assert_eq(cell_cohorts_decode(value, &day, 10, &arena, &read, &count, &error), STATUS_OK, "%s", error.text);
    cr_assert_eq(count, 3);
    cr_assert(slice_equal(read[0].name, slice_of_text("-")));
    cr_assert(slice_equal(read[1].name, slice_of_text("class-b")) && read[1].learner == 2);
    cr_assert(read[2].learner == 9 && read[2].time_ms == base_ms + 4);
    cr_assert_eq(cell_cohorts_decode(value, &day, 9, &arena, &read, &count, &error), STATUS_CORRUPT);
    arena_close(&arena);
    free(out.data);
}

static enum status decode_all(struct slice summary, struct slice facts, struct slice marks)
{
    struct cell_entries into = {0};
    struct arena arena = {0};
    struct cell_facts_view view;
    struct cell_mark *read = NULL;
    uint32_t count = 0;
    enum status status = cell_summary_decode(summary, &key, LEARNER_LIMIT, &into, &count, &error);
    if (status == STATUS_OK)
        status = cell_facts_open(facts, &key, &view, &error);
    const uint8_t *next = NULL;
    for (uint32_t i = 0; status == STATUS_OK && i < view.count; i++) {
        struct cell_facts one;
        status = cell_facts_next(&view, &next, &arena, &one, &error);
    }
    if (status == STATUS_OK)
        status = cell_marks_decode(marks, &key, LEARNER_LIMIT, &arena, &read, &count, &error);
    free(into.entries);
    free(into.learners);
    arena_close(&arena);
    return status;
}

Test(cell, every_flipped_bit_and_every_cut_is_refused_by_name)
{
    struct slice *parts[] = {&values.summary, &values.facts, &values.marks};
    cr_assert_eq(decode_all(values.summary, values.facts, values.marks), STATUS_OK, "%s", error.text);
    for (int p = 0; p < 3; p++) {
        struct slice whole = *parts[p];
        uint8_t *copy = malloc(whole.size);
        memcpy(copy, whole.data, whole.size);
        *parts[p] = slice_of(copy, whole.size);
        for (size_t at = 0; at < whole.size; at += 1 + whole.size / 97) {
            copy[at] ^= 0x10;
            error.text[0] = '\0';
            cr_assert_eq(decode_all(values.summary, values.facts, values.marks), STATUS_CORRUPT, "part %d byte %zu", p,
                         at);
            cr_assert_not_null(strstr(error.text, "content 12 on 2024-10-04, piece 7"), "%s", error.text);
            copy[at] ^= 0x10;
        }
        for (size_t size = 0; size < whole.size; size += 1 + whole.size / 31) {
            *parts[p] = slice_of(copy, size);
            cr_assert_eq(decode_all(values.summary, values.facts, values.marks), STATUS_CORRUPT, "size %zu", size);
        }
        *parts[p] = whole;
        free(copy);
    }
}

/* A forger who mends the checksum still gets a status, never a crash: sanitizers watch. */
Test(cell, bytes_with_a_mended_checksum_are_never_trusted)
{
    struct dice dice = {(uint64_t)time(NULL)};
    struct slice *parts[] = {&values.summary, &values.facts, &values.marks};
    fprintf(stderr, "seed %llu\n", (unsigned long long)dice.state);
    int refused = 0;
    for (int round = 0; round < 2000; round++) {
        struct slice *part = parts[dice_roll(&dice, 3)], whole = *part;
        uint8_t *copy = malloc(whole.size);
        memcpy(copy, whole.data, whole.size);
        for (int n = 0; n < 3; n++)
            copy[dice_roll(&dice, dice_chance(&dice, 50) ? 60 : whole.size - 8)] = (uint8_t)dice_roll(&dice, 256);
        put_u64(copy + whole.size - 8, XXH3_64bits(copy, whole.size - 8));
        *part = slice_of(copy, whole.size);
        refused += decode_all(values.summary, values.facts, values.marks) != STATUS_OK;
        *part = whole;
        free(copy);
    }
    cr_assert_gt(refused, 500);
}
