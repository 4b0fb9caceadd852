/* Goldens of all three formats, from a report made by hand. */
#include "aggregator/render.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <stdlib.h>

TestSuite(render, .timeout = 20);

struct made {
    struct row rows[2];
    struct report_row shown[2];
    struct report_revision revision;
    struct review_entry entry;
    struct report report;
};

static void fill(struct visible_figures *figures)
{
    for (enum figure figure = 0; figure < FIGURE_COUNT; figure++)
        figures->value[figure] =
            (struct visible_value){VISIBLE_SHOWN, figure_is_whole(figure) ? 100 + figure : 0.1 * figure};
    figures->value[FIGURE_dwell_coverage] = (struct visible_value){VISIBLE_AT_LEAST, 0.91};
    figures->value[FIGURE_dwell_learners] = (struct visible_value){VISIBLE_WITHHELD, 0};
    figures->value[FIGURE_completion] = (struct visible_value){VISIBLE_AT_MOST, 0.09};
    figures->value[FIGURE_skip_rate] = (struct visible_value){VISIBLE_NONE, 0};
}

static const char *suppressed[] = {"m3"}, *unknown[] = {"m2", "m3"};

static void make(struct made *m)
{
    static char first[] = "m1", second[] = "m2";
    static char reason[] = "73 % took longer (n = 100)";
    *m = (struct made){0};
    m->rows[0] =
        (struct row){.content = first, .title = "Aljabar, \"dasar\" ∑", .program = "maths", .expected_minutes = 12};
    m->rows[1] = (struct row){.content = second, .title = "=1+2", .program = ""};
    for (int i = 0; i < 2; i++) {
        m->shown[i].row = &m->rows[i];
        fill(&m->shown[i].now);
        fill(&m->shown[i].previous);
    }
    m->shown[1].previous.value[FIGURE_opens] = (struct visible_value){VISIBLE_WITHHELD, 0};
    m->revision =
        (struct report_revision){&m->rows[0], 20500, 28, m->shown[0].now, m->shown[1].now, REVISION_UNCLEAR, 321};
    m->entry = (struct review_entry){1, REVIEW_CLARIFY, 1, 1, {reason}};
    m->report = (struct report){.from_day = 20454,
                                .to_day = 20544,
                                .tz = "Asia/Jakarta",
                                .k = 10,
                                .level = LEVEL_MODULE,
                                .position = {.has_log = true, .epoch = 3, .offset = 714044, .log_id = {0xAB, 1}},
                                .thresholds = {10, 1.5, 0.5, 1.5, 0.6, 25, 3, 3, 0.3},
                                .coverage = {true, 20450, 20543, true, 2.25},
                                .row_count = 2,
                                .suppressed_count = 1,
                                .unknown_count = 2,
                                .revision_count = 1,
                                .rows = m->shown,
                                .suppressed = suppressed,
                                .unknown = unknown,
                                .revisions = &m->revision,
                                .review = {1, &m->entry}};
}

typedef enum status (*render_fn)(const struct report *report, FILE *out, struct error *error);

static enum status table(const struct report *report, FILE *out, struct error *error)
{
    return render_table(report, false, out, error);
}

static char *rendered(render_fn render, const struct report *report)
{
    char *text = NULL;
    size_t size = 0;
    struct error error;
    FILE *out = open_memstream(&text, &size);
    cr_assert_eq(render(report, out, &error), STATUS_OK);
    fclose(out);
    return text;
}

static const char row_golden[] =
    "{\"content\":\"m2\",\"title\":\"=1+2\",\"program\":null,\"learners\":100,\"opens\":101,\"dwell_learners\":null,"
    "\"dwell_coverage\":{\"at_least\":0.91000000000000003},\"dwell_p25\":0.40000000000000002,\"dwell_median\":0.5,"
    "\"dwell_p75\":0.60000000000000009,\"dwell_p90\":0.70000000000000007,\"dwell_median_low\":0.80000000000000004,"
    "\"dwell_median_high\":0.90000000000000002,\"dwell_mean\":1.0,\"dwell_trimmed_mean\":1.1000000000000001,"
    "\"dwell_total_h\":1.2000000000000002,\"over_expected\":1.3,\"over_expected_low\":1.4000000000000001,"
    "\"over_expected_high\":1.5,\"dwell_ratio\":1.6000000000000001,\"reopen_rate\":1.7000000000000002,"
    "\"visits_median\":1.8,\"favorites\":119,\"favorite_rate\":2.0,\"completion\":{\"at_most\":0.089999999999999997},"
    "\"drop_off\":2.2000000000000002,\"skip_rate\":null,\"previous\":{\"learners\":100,\"opens\":null,"
    "\"dwell_median\":0.5,\"dwell_total_h\":1.2000000000000002,\"over_expected\":1.3,\"reopen_rate\":1."
    "7000000000000002,"
    "\"favorite_rate\":2.0,\"completion\":{\"at_most\":0.089999999999999997},\"drop_off\":2.2000000000000002},"
    "\"withheld\":[\"dwell_learners\",\"previous.opens\"]}";

static char *compact(const json_t *json)
{
    return json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(17) | JSON_ENCODE_ANY);
}

static void assert_json(const json_t *report, const char *key, const char *expected)
{
    char *text = compact(json_object_get(report, key));
    cr_assert_str_eq(text, expected, "%s is %s", key, text);
    free(text);
}

Test(render, json_says_exactly_this)
{
    struct made m;
    make(&m);
    char *text = rendered(render_json, &m.report);
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_not_null(json);
    static const char *const keys[] = {"method",   "period", "k",          "watermark", "level",  "thresholds",
                                       "coverage", "rows",   "suppressed", "unknown",   "review", "revisions"};
    size_t count = 0;
    const char *key;
    json_t *value;
    json_object_foreach(json, key, value)
    {
        cr_assert(count < ARRAY_COUNT(keys), "%s", key);
        cr_assert_str_eq(key, keys[count++]);
    }
    cr_assert_eq(count, ARRAY_COUNT(keys));
    assert_json(json, "method", "1");
    assert_json(json, "period", "{\"from\":\"2026-01-01\",\"to\":\"2026-04-01\",\"tz\":\"Asia/Jakarta\"}");
    assert_json(json, "watermark", "{\"log\":\"ab010000000000000000000000000000\",\"epoch\":3,\"offset\":714044}");
    assert_json(
        json, "thresholds",
        "{\"over_factor\":1.5,\"long_share\":0.5,\"long_ratio\":1.5,\"min_coverage\":0.59999999999999998,"
        "\"split_minutes\":25.0,\"split_visits\":3.0,\"split_spread\":3.0,\"skimmed_ratio\":0.29999999999999999}");
    assert_json(json, "coverage",
                "{\"first\":\"2025-12-28\",\"last\":\"2026-03-31\",\"clipped_h\":2.25,\"lost\":0,\"lost_since\":null,"
                "\"lost_until\":null,\"unknown\":2,\"cohort\":null,"
                "\"module\":null,\"program\":null}");
    assert_json(json, "suppressed", "[\"m3\"]");
    assert_json(json, "unknown", "[\"m2\",\"m3\"]");
    assert_json(json, "review",
                "[{\"content\":\"m2\",\"verdict\":\"clarify\",\"reasons\":[\"73 % took longer (n = 100)\"]}]");
    char *row = compact(json_array_get(json_object_get(json, "rows"), 1));
    cr_assert_str_eq(row, row_golden, "%s", row);
    free(row);
    json_decref(json);
    free(text);
}

Test(render, json_revisions_hold_both_windows)
{
    struct made m;
    make(&m);
    char *text = rendered(render_json, &m.report);
    json_t *json = json_loads(text, 0, NULL), *revision = json_array_get(json_object_get(json, "revisions"), 0);
    assert_json(revision, "date", "\"2026-02-16\"");
    assert_json(revision, "days", "28");
    assert_json(revision, "verdict", "\"unclear\"");
    assert_json(revision, "needs_learners", "321");
    for (int i = 0; i < 2; i++) {
        json_t *window = json_object_get(revision, i ? "after" : "before");
        assert_json(window, "learners", "100");
        assert_json(window, "withheld", "[\"dwell_learners\"]");
    }
    json_decref(json);
    free(text);
}

Test(render, the_same_report_is_the_same_bytes)
{
    static const render_fn all[] = {render_json, render_csv, table};
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        struct made m, again;
        make(&m);
        make(&again);
        char *text = rendered(all[i], &m.report), *same = rendered(all[i], &again.report);
        cr_assert_str_eq(text, same);
        free(text);
        free(same);
    }
}

Test(render, csv_says_exactly_this)
{
    struct made m;
    make(&m);
    char *text = rendered(render_csv, &m.report);
    cr_assert_str_eq(
        text,
        "content,title,program,learners,opens,dwell_learners,dwell_coverage,dwell_p25,dwell_median,dwell_p75,dwell_p90,"
        "dwell_median_low,dwell_median_high,dwell_mean,dwell_trimmed_mean,dwell_total_h,over_expected,over_expected_"
        "low,"
        "over_expected_high,dwell_ratio,reopen_rate,visits_median,favorites,favorite_rate,completion,drop_off,skip_"
        "rate,"
        "previous_learners,previous_opens,previous_dwell_median,previous_dwell_total_h,previous_over_expected,"
        "previous_reopen_rate,previous_favorite_rate,previous_completion,previous_drop_off,lost\r\n"
        "m1,\"Aljabar, \"\"dasar\"\" ∑\",maths,100,101,withheld,>=0.91000000000000003,0.40000000000000002,0.5,"
        "0.60000000000000009,0.70000000000000007,0.80000000000000004,0.90000000000000002,1,1.1000000000000001,"
        "1.2000000000000002,1.3,1.4000000000000001,1.5,1.6000000000000001,1.7000000000000002,1.8,119,2,"
        "<=0.089999999999999997,2.2000000000000002,,100,101,0.5,1.2000000000000002,1.3,1.7000000000000002,2,"
        "<=0.089999999999999997,2.2000000000000002,0\r\n"
        "m2,'=1+2,,100,101,withheld,>=0.91000000000000003,0.40000000000000002,0.5,"
        "0.60000000000000009,0.70000000000000007,0.80000000000000004,0.90000000000000002,1,1.1000000000000001,"
        "1.2000000000000002,1.3,1.4000000000000001,1.5,1.6000000000000001,1.7000000000000002,1.8,119,2,"
        "<=0.089999999999999997,2.2000000000000002,,100,withheld,0.5,1.2000000000000002,1.3,1.7000000000000002,2,"
        "<=0.089999999999999997,2.2000000000000002,0\r\n",
        "%s", text);
    free(text);
}

/* Every format says what the log lost. */
Test(render, a_loss_is_said_in_every_format)
{
    struct made m;
    make(&m);
    m.report.coverage.lost = 3412;
    m.report.coverage.lost_since = true;
    m.report.coverage.lost_first_day = 20500;
    m.report.coverage.lost_last_day = 20501;
    char *json = rendered(render_json, &m.report), *csv = rendered(render_csv, &m.report);
    char *text = rendered(table, &m.report);
    cr_assert_not_null(strstr(json, "\"lost\": 3412"), "%s", json);
    cr_assert_not_null(strstr(json, "\"lost_since\": \"2026-02-16\""), "%s", json);
    cr_assert_not_null(strstr(json, "\"lost_until\": \"2026-02-17\""), "%s", json);
    cr_assert_not_null(strstr(csv, ",3412\r\n"));
    cr_assert_not_null(strstr(text, "INCOMPLETE: up to 3412 events received from 2026-02-16 until 2026-02-17"), "%s",
                       text);
    free(json);
    free(csv);
    free(text);
}

Test(render, every_text_that_a_spreadsheet_would_run_is_defused)
{
    static const char *const titles[] = {"=a", "+a", "-a", "@a"};
    for (size_t i = 0; i < ARRAY_COUNT(titles); i++) {
        struct made m;
        make(&m);
        m.rows[1].title = titles[i];
        char *text = rendered(render_csv, &m.report), expected[16];
        snprintf(expected, sizeof expected, "m2,'%s,", titles[i]);
        cr_assert_not_null(strstr(text, expected), "%s", text);
        free(text);
    }
}

static size_t widest(const char *text)
{
    size_t widest = 0, width = 0;
    for (; *text; text++) {
        width = *text == '\n' ? 0 : width + (((unsigned char)*text & 0xC0) != 0x80);
        widest = width > widest ? width : widest;
    }
    return widest;
}

Test(render, the_table_fits_120_columns_and_names_what_is_not_shown)
{
    struct made m;
    make(&m);
    static char name[] = "a-very-long-module-name-that-goes-on-and-on";
    m.rows[0].content = name;
    m.rows[0].title = "judul yang panjang sekali, dengan huruf é dan \x1b[31m, yang tidak muat di kolomnya sama sekali";
    char *text = rendered(table, &m.report);
    cr_assert_leq(widest(text), 120, "%s", text);
    cr_assert_null(strchr(text, '\x1b'), "no colours unless told, and none from a title");
    static const char *const said[] = {"2026-01-01 to 2026-03-31",
                                       "Asia/Jakarta",
                                       "method 1",
                                       "fewer than 10 learners",
                                       "too few learners (or to protect such rows) (1):\n  m3\n",
                                       "m2  m3",
                                       "clarify",
                                       "73 % took longer (n = 100)",
                                       "2026-02-16",
                                       "unclear (needs 321)",
                                       "epoch 3",
                                       "offset 714044",
                                       "ab010000000000000000000000000000",
                                       "…",
                                       "≤9%"};
    for (size_t i = 0; i < ARRAY_COUNT(said); i++)
        cr_assert_not_null(strstr(text, said[i]), "%s is not in\n%s", said[i], text);
    free(text);
}

Test(render, a_full_disk_is_told)
{
    struct made m;
    struct error error;
    make(&m);
    static const render_fn all[] = {render_json, render_csv, table};
    for (size_t i = 0; i < ARRAY_COUNT(all); i++) {
        FILE *full = fopen("/dev/full", "w");
        cr_assert_not_null(full);
        cr_assert_eq(all[i](&m.report, full, &error), STATUS_FULL, "%zu", i);
        fclose(full);
    }
}
