#include "aggregator/render.h"

#include <jansson.h>
#include <math.h>
#include <stdlib.h>

/* Numbers are given back exactly with 17 digits. jansson keeps keys in the order in which they are set. */
#define JSON_FLAGS (JSON_REAL_PRECISION(17) | JSON_INDENT(1))

static void set(json_t *object, const char *name, json_t *value)
{
    ensure(json_object_set_new(object, name, value) == 0);
}

static void append(json_t *array, json_t *value)
{
    ensure(json_array_append_new(array, value) == 0);
}

static json_t *real(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *text(const char *value)
{
    return value ? json_string(value) : json_null();
}

static json_t *date(int32_t day)
{
    char formatted[DATE_TEXT_BYTES];
    date_format(day, formatted);
    return json_string(formatted);
}

static json_t *bound(const char *name, double value)
{
    json_t *object = json_object();
    set(object, name, real(value));
    return object;
}

static json_t *figure_value(enum figure figure, const struct visible_value *value)
{
    switch (value->state) {
    case VISIBLE_SHOWN:
        return figure_is_whole(figure) ? json_integer((json_int_t)value->value) : real(value->value);
    case VISIBLE_AT_MOST:
        return bound("at_most", value->value);
    case VISIBLE_AT_LEAST:
        return bound("at_least", value->value);
    case VISIBLE_NONE:
    case VISIBLE_WITHHELD:
        break;
    }
    return json_null();
}

static void name_withheld(json_t *names, const char *prefix, enum figure figure)
{
    char *name = mem_text("%s%s", prefix, figure_name(figure));
    append(names, json_string(name));
    free(name);
}

static void set_figures(json_t *object, const struct visible_figures *figures, json_t *names)
{
    for (enum figure figure = 0; figure < FIGURE_COUNT; figure++) {
        set(object, figure_name(figure), figure_value(figure, &figures->value[figure]));
        if (figures->value[figure].state == VISIBLE_WITHHELD)
            name_withheld(names, "", figure);
    }
}

static json_t *previous_json(const struct visible_figures *figures, json_t *names)
{
    json_t *object = json_object();
    for (enum figure figure = 0; figure < FIGURE_COUNT; figure++) {
        if (!figure_has_previous(figure))
            continue;
        set(object, figure_name(figure), figure_value(figure, &figures->value[figure]));
        if (figures->value[figure].state == VISIBLE_WITHHELD)
            name_withheld(names, "previous.", figure);
    }
    return object;
}

static json_t *row_json(const struct report_row *row)
{
    json_t *object = json_object(), *names = json_array();
    set(object, "content", text(row->row->content));
    set(object, "title", text(row->row->title));
    set(object, "program", text(row->row->program[0] ? row->row->program : NULL));
    set_figures(object, &row->now, names);
    set(object, "previous", previous_json(&row->previous, names));
    set(object, "withheld", names);
    return object;
}

/* The figures of a window by name, and which are withheld. */
static json_t *window_json(const struct visible_figures *figures)
{
    json_t *object = json_object(), *names = json_array();
    set_figures(object, figures, names);
    set(object, "withheld", names);
    return object;
}

static json_t *revision_json(const struct report_revision *revision)
{
    json_t *object = json_object();
    set(object, "content", text(revision->row->content));
    set(object, "date", date(revision->date));
    set(object, "days", json_integer(revision->days));
    set(object, "before", window_json(&revision->before));
    set(object, "after", window_json(&revision->after));
    set(object, "verdict", text(revision_verdict_name(revision->verdict)));
    set(object, "needs_learners",
        revision->needs_learners ? json_integer((json_int_t)revision->needs_learners) : json_null());
    return object;
}

static json_t *review_json(const struct report *report, const struct review_entry *entry)
{
    json_t *object = json_object(), *reasons = json_array();
    for (uint32_t i = 0; i < entry->reason_count; i++)
        append(reasons, json_string(entry->reasons[i]));
    set(object, "content", text(report->rows[entry->row].row->content));
    set(object, "verdict", text(review_verdict_name(entry->verdict)));
    set(object, "reasons", reasons);
    return object;
}

static json_t *period_json(const struct report *report)
{
    json_t *object = json_object();
    set(object, "from", date(report->from_day));
    set(object, "to", date(report->to_day));
    set(object, "tz", text(report->tz));
    return object;
}

static json_t *watermark_json(const struct cells_position *position)
{
    char log[2 * LOG_ID_BYTES + 1];
    for (size_t i = 0; i < LOG_ID_BYTES; i++)
        snprintf(log + 2 * i, 3, "%02x", position->log_id[i]);
    json_t *object = json_object();
    set(object, "log", position->has_log ? text(log) : json_null());
    set(object, "epoch", json_integer(position->epoch));
    set(object, "offset", json_integer((json_int_t)position->offset));
    return object;
}

static json_t *thresholds_json(const struct review_thresholds *thresholds)
{
    json_t *object = json_object();
    set(object, "over_factor", real(thresholds->over_factor));
    set(object, "long_share", real(thresholds->long_share));
    set(object, "long_ratio", real(thresholds->long_ratio));
    set(object, "min_coverage", real(thresholds->min_coverage));
    set(object, "split_minutes", real(thresholds->split_minutes));
    set(object, "split_visits", real(thresholds->split_visits));
    set(object, "split_spread", real(thresholds->split_spread));
    set(object, "skimmed_ratio", real(thresholds->skimmed_ratio));
    return object;
}

/* What was asked for, of which days there is data, what was clipped, and how many rows have no line of their own. */
static json_t *coverage_json(const struct report *report)
{
    const struct report_coverage *coverage = &report->coverage;
    json_t *object = json_object();
    set(object, "first", coverage->has_data ? date(coverage->first_day) : json_null());
    set(object, "last", coverage->has_data ? date(coverage->last_day) : json_null());
    set(object, "clipped_h", coverage->clipped_shown ? real(coverage->clipped_h) : json_null());
    set(object, "lost", json_integer((json_int_t)coverage->lost));
    set(object, "lost_since",
        coverage->lost > 0 && coverage->lost_since ? date(coverage->lost_first_day) : json_null());
    set(object, "lost_until", coverage->lost > 0 ? date(coverage->lost_last_day) : json_null());
    set(object, "unknown", json_integer(report->unknown_count));
    set(object, "cohort", text(report->cohort));
    set(object, "module", text(report->module));
    set(object, "program", text(report->program));
    return object;
}

static json_t *texts_json(const char *const *texts, uint32_t count)
{
    json_t *array = json_array();
    for (uint32_t i = 0; i < count; i++)
        append(array, json_string(texts[i]));
    return array;
}

static json_t *report_json(const struct report *report)
{
    json_t *rows = json_array(), *review = json_array(), *revisions = json_array(), *object = json_object();
    for (uint32_t i = 0; i < report->row_count; i++)
        append(rows, row_json(&report->rows[i]));
    for (uint32_t i = 0; i < report->review.count; i++)
        append(review, review_json(report, &report->review.entries[i]));
    for (uint32_t i = 0; i < report->revision_count; i++)
        append(revisions, revision_json(&report->revisions[i]));
    set(object, "method", json_integer(REPORT_METHOD));
    set(object, "period", period_json(report));
    set(object, "k", json_integer((json_int_t)report->k));
    set(object, "watermark", watermark_json(&report->position));
    set(object, "level", text(report_level_name(report->level)));
    set(object, "thresholds", thresholds_json(&report->thresholds));
    set(object, "coverage", coverage_json(report));
    set(object, "rows", rows);
    set(object, "suppressed", texts_json(report->suppressed, report->suppressed_count));
    set(object, "unknown", texts_json(report->unknown, report->unknown_count));
    set(object, "review", review);
    set(object, "revisions", revisions);
    return object;
}

static int write_bytes(const char *bytes, size_t size, void *out)
{
    return fwrite(bytes, 1, size, out) == size ? 0 : -1;
}

enum status render_json(const struct report *report, FILE *out, struct error *error)
{
    json_t *object = report_json(report);
    int failed = json_dump_callback(object, write_bytes, out, JSON_FLAGS);
    json_decref(object);
    if (failed || fputc('\n', out) == EOF || fflush(out))
        return error_errno(error, STATUS_IO, "writing the report");
    return STATUS_OK;
}
