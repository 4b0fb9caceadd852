#include "aggregator/report.h"

#include "aggregator/render.h"
#include "aggregator/report_settings.h"
#include "aggregator/scope.h"

#include <stdlib.h>

/* A report being made. */
struct making {
    struct crew *crew;
    const struct cells *cells; /* the crew's */
    struct report_options options;
    const struct zone *zone; /* the cells' own, or opened */
    struct zone *opened_zone;
    struct slice curriculum_text;
    struct curriculum *curriculum;
    struct scope scope;
    struct period now, previous;
    struct report report;
    /* windows around revisions, by their days: several rows are often revised on one date */
    struct window {
        int32_t from_day, to_day;
        struct period period;
    } * windows;
    size_t window_count;
};

const char *report_level_name(enum level level)
{
    static const char *const names[] = {
        [LEVEL_MODULE] = "module", [LEVEL_TOPIC] = "topic", [LEVEL_SECTION] = "section"};
    return names[level];
}

static enum status read_k(struct making *m, const struct config *config, struct error *error)
{
    uint64_t configured = (uint64_t)config_whole(config, CONFIG_MIN_LEARNERS);
    if (m->options.k && m->options.k < configured)
        return error_set(error, STATUS_USAGE, "--k %llu is below the configured %llu; it may only raise it",
                         (unsigned long long)m->options.k, (unsigned long long)configured);
    m->report.k = m->options.k ? m->options.k : configured;
    return STATUS_OK;
}

static void read_thresholds(struct making *m, const struct config *config)
{
    m->report.thresholds = (struct review_thresholds){
        .k = m->report.k,
        .over_factor = config_real(config, CONFIG_OVER_FACTOR),
        .long_share = config_real(config, CONFIG_LONG_SHARE),
        .long_ratio = config_real(config, CONFIG_LONG_RATIO),
        .min_coverage = config_real(config, CONFIG_MIN_COVERAGE),
        .split_minutes = config_real(config, CONFIG_SPLIT_MINUTES),
        .split_visits = config_real(config, CONFIG_SPLIT_VISITS),
        .split_spread = config_real(config, CONFIG_SPLIT_SPREAD),
        .skimmed_ratio = config_real(config, CONFIG_SKIMMED_RATIO),
    };
}

static enum status open_zone(struct making *m, const struct config *config, struct error *error)
{
    const char *name = m->options.tz ? m->options.tz : config_text(config, CONFIG_ZONE);
    if (m->options.tz && !zone_exists(name))
        return error_set(error, STATUS_USAGE, "--tz: no time zone is called %.64s", name);
    m->report.tz = name;
    m->zone = cells_time_zone(m->cells);
    if (strcmp(cells_zone(m->cells), name) == 0)
        return STATUS_OK;
    enum status status = zone_open(name, &m->opened_zone, error);
    m->zone = m->opened_zone;
    return status;
}

/* First and last day with data, in the report's zone: the cells' days begin and end within days of it. */
static void find_coverage(struct making *m)
{
    struct report_coverage *coverage = &m->report.coverage;
    const struct zone *own = cells_time_zone(m->cells);
    int32_t first, end;
    coverage->has_data = cells_days(m->cells, &first, &end);
    if (!coverage->has_data)
        return;
    coverage->first_day = zone_day(m->zone, zone_day_start_ms(own, first));
    coverage->last_day = zone_day(m->zone, zone_day_start_ms(own, end) - 1);
}

static void find_lost(struct making *m)
{
    struct report_coverage *coverage = &m->report.coverage;
    int64_t least_ms, greatest_ms;
    coverage->lost = cells_lost_from(m->cells, zone_day_start_ms(m->zone, m->report.from_day), &least_ms, &greatest_ms);
    if (coverage->lost == 0)
        return;
    coverage->lost_since = least_ms > 0;
    coverage->lost_first_day = coverage->lost_since ? zone_day(m->zone, least_ms) : 0;
    coverage->lost_last_day = zone_day(m->zone, greatest_ms);
}

static enum status find_period(struct making *m, struct error *error)
{
    const struct report_options *options = &m->options;
    const struct report_coverage *coverage = &m->report.coverage;
    if (!coverage->has_data && !(options->has_from && options->has_to))
        return error_set(error, STATUS_NO_INPUT, "there is no data yet; give --from and --to for an empty report");
    m->report.from_day = options->has_from ? options->from_day : coverage->first_day;
    m->report.to_day = options->has_to ? options->to_day : coverage->last_day + 1;
    if (m->report.from_day < m->report.to_day) {
        find_lost(m);
        return STATUS_OK;
    }
    char first[DATE_TEXT_BYTES], last[DATE_TEXT_BYTES];
    date_format(coverage->first_day, first);
    date_format(coverage->last_day, last);
    return error_set(error, STATUS_USAGE, "the period is empty: there is data from %s to %s", first, last);
}

static enum status open_period(const struct making *m, enum period_use use, int32_t from_day, int32_t to_day,
                               struct period *period, struct error *error)
{
    return period_open(&m->scope, use, zone_day_start_ms(m->zone, from_day), zone_day_start_ms(m->zone, to_day), period,
                       error);
}

static enum status compute(struct making *m, struct error *error)
{
    const struct report *report = &m->report;
    m->scope = (struct scope){
        .crew = m->crew,
        .cohort = m->options.cohort,
        .over_factor = report->thresholds.over_factor,
        .k = report->k,
    };
    scope_open(&m->scope, m->curriculum, m->options.level);
    enum status status = open_period(m, PERIOD_NOW, report->from_day, report->to_day, &m->now, error);
    int32_t before = report->from_day - (report->to_day - report->from_day);
    if (!status) /* days before 1970 have no number; nothing is older */
        status = open_period(m, PERIOD_BEFORE, before > 0 ? before : 0, report->from_day, &m->previous, error);
    return status;
}

static bool asked_for(const struct report_options *options, const struct row *row)
{
    struct slice module = rows_prefix(slice_of_text(row->content), LEVEL_MODULE);
    return (!options->module || slice_equal(module, slice_of_text(options->module))) &&
           (!options->program || strcmp(row->program, options->program) == 0);
}

/* Every row asked for is shown, suppressed, or, where nobody was active, no row. */
static void take_row(struct making *m, uint32_t index)
{
    struct report *report = &m->report;
    const struct row *row = &scope_rows(&m->scope)->rows[index];
    const struct figures *figures = period_figures(&m->now, index);
    struct visibility_case rules = period_rules(&m->now, index), before = period_rules(&m->previous, index);
    if (figures->learners == 0 || !asked_for(&m->options, row))
        return;
    if (curriculum_count(m->curriculum) > 0 && !row->line)
        report->unknown[report->unknown_count++] = row->content;
    if (figures->learners < report->k || (rules.hidden & HIDDEN_ROW)) {
        report->suppressed[report->suppressed_count++] = row->content;
        return;
    }
    struct report_row *shown = &report->rows[report->row_count++];
    shown->row = row;
    visibility_apply(figures, &rules, &shown->now);
    visibility_apply_previous(period_figures(&m->previous, index), &before, &shown->now, &shown->previous);
}

static void take_rows(struct making *m)
{
    uint32_t count = scope_rows(&m->scope)->count;
    m->report.rows = mem_new(count, sizeof *m->report.rows);
    m->report.suppressed = mem_new(count, sizeof *m->report.suppressed);
    m->report.unknown = mem_new(count, sizeof *m->report.unknown);
    for (uint32_t i = 0; i < count; i++)
        take_row(m, i);
}

static void take_clipped(struct making *m)
{
    const struct figures_table *modules = &m->now.tables[0];
    uint64_t clipped_ms = 0;
    for (uint32_t i = 0; i < modules->row_count; i++)
        clipped_ms += modules->rows[i].clipped_ms;
    m->report.coverage.clipped_shown = m->report.row_count > 0;
    m->report.coverage.clipped_h = m->report.coverage.clipped_shown ? (double)clipped_ms / 3600000 : 0;
}

static void make_review(struct making *m)
{
    const struct report *report = &m->report;
    struct review_row *rows = mem_new(report->row_count, sizeof *rows);
    for (uint32_t i = 0; i < report->row_count; i++)
        rows[i] = (struct review_row){report->rows[i].row->program, report->rows[i].row->expected_minutes,
                                      &report->rows[i].now};
    review_open(rows, report->row_count, &report->thresholds, &m->report.review);
    free(rows);
}

static enum status find_window(struct making *m, int32_t from_day, int32_t to_day, size_t *found, struct error *error)
{
    for (size_t i = 0; i < m->window_count; i++) {
        if (m->windows[i].from_day == from_day && m->windows[i].to_day == to_day) {
            *found = i;
            return STATUS_OK;
        }
    }
    struct window window = {.from_day = from_day, .to_day = to_day};
    enum status status = open_period(m, PERIOD_WINDOW, from_day, to_day, &window.period, error);
    if (status)
        return status;
    m->windows = mem_grow(m->windows, m->window_count + 1, sizeof *m->windows);
    m->windows[m->window_count] = window;
    *found = m->window_count++;
    return STATUS_OK;
}

static enum status see_window(struct making *m, const struct row *row, int32_t from_day, int32_t to_day,
                              struct visible_figures *visible, struct error *error)
{
    size_t found;
    enum status status = find_window(m, from_day, to_day, &found, error);
    if (status)
        return status;
    uint32_t index = (uint32_t)(row - scope_rows(&m->scope)->rows);
    struct visibility_case rules = period_rules(&m->windows[found].period, index);
    visibility_apply(period_figures(&m->windows[found].period, index), &rules, visible);
    return STATUS_OK;
}

static enum status take_revision(struct making *m, const struct row *row, int32_t date, struct error *error)
{
    const struct report_coverage *coverage = &m->report.coverage;
    uint32_t days = coverage->has_data ? revision_days(date, coverage->first_day, m->report.to_day) : 0;
    if (days == 0)
        return STATUS_OK;
    struct report_revision revision = {.row = row, .date = date, .days = days};
    int32_t first = date - (int32_t)days, end = date + (int32_t)days;
    enum status status = see_window(m, row, first, date, &revision.before, error);
    if (!status)
        status = see_window(m, row, date, end, &revision.after, error);
    if (status)
        return status;
    revision.verdict = revision_judge(&revision.before, &revision.after);
    if (revision.verdict == REVISION_UNCLEAR)
        revision.needs_learners = revision_needs(&revision.before, &revision.after);
    struct report *report = &m->report;
    report->revisions = mem_grow(report->revisions, report->revision_count + 1, sizeof *report->revisions);
    report->revisions[report->revision_count++] = revision;
    return STATUS_OK;
}

static enum status take_revisions(struct making *m, struct error *error)
{
    for (uint32_t i = 0; i < m->report.row_count; i++) {
        const struct row *row = m->report.rows[i].row;
        for (uint32_t r = 0; row->line && r < row->line->revised_count; r++) {
            enum status status = take_revision(m, row, row->line->revised[r], error);
            if (status)
                return status;
        }
    }
    return STATUS_OK;
}

static enum status make(struct making *m, const struct config *config, struct error *error)
{
    enum status status = read_k(m, config, error);
    if (status)
        return status;
    read_thresholds(m, config);
    if ((status = open_zone(m, config, error)))
        return status;
    find_coverage(m);
    if ((status = find_period(m, error)) ||
        (status = curriculum_open(m->options.curriculum, m->curriculum_text, &m->curriculum, error)) ||
        (status = compute(m, error)))
        return status;
    m->report.level = m->options.level;
    m->report.cohort = m->options.cohort;
    m->report.module = m->options.module;
    m->report.program = m->options.program;
    m->report.position = cells_position(m->cells);
    take_rows(m);
    take_clipped(m);
    make_review(m);
    return take_revisions(m, error);
}

static void making_close(struct making *m)
{
    for (size_t i = 0; i < m->window_count; i++)
        period_close(&m->windows[i].period);
    free(m->windows);
    free(m->report.rows);
    free(m->report.suppressed);
    free(m->report.unknown);
    free(m->report.revisions);
    review_close(&m->report.review);
    period_close(&m->now);
    period_close(&m->previous);
    scope_close(&m->scope);
    curriculum_close(m->curriculum);
    zone_close(m->opened_zone);
}

static enum status render(const struct making *m, FILE *out, struct error *error)
{
    if (m->options.format == REPORT_JSON)
        return render_json(&m->report, out, error);
    if (m->options.format == REPORT_CSV)
        return render_csv(&m->report, out, error);
    return render_table(&m->report, m->options.color, out, error);
}

enum status report_run(struct crew *crew, const struct config *config, const struct query *query, FILE *out,
                       struct error *error)
{
    struct report_options options;
    enum status status = report_options_parse(query->argc - 1, query->argv + 1, &options, error);
    if (!status && options.curriculum && !query->file.data)
        status = error_set(error, STATUS_PROTOCOL,
                           "the curriculum file %s is named, but what stands in it was not sent: use the "
                           "jejak-aggregator of the same version",
                           options.curriculum);
    if (!status && options.settings)
        status = report_settings_check(config, options.settings, error);
    if (status)
        return status;
    do {
        struct making m = {.crew = crew, .cells = crew_cells(crew), .options = options, .curriculum_text = query->file};
        status = make(&m, config, error);
        if (!status)
            status = render(&m, out, error);
        making_close(&m);
    } while (status == STATUS_CORRUPT && crew_forget_damaged(crew)); /* again, from the pieces */
    return status;
}
