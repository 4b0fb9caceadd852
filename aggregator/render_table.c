#include "aggregator/render.h"

#include "common/utf8.h"

#include <stdlib.h>

enum {
    TABLE_COLUMNS = 120,
    CONTENT_COLUMNS = 19,
    TITLE_COLUMNS = 24,
};

/* Where the table goes, and whether it may use colours. */
struct canvas {
    FILE *out;
    bool color;
};

#define BOLD  "1"
#define FAINT "2"

static void begin(const struct canvas *canvas, const char *code)
{
    if (canvas->color)
        fprintf(canvas->out, "\033[%sm", code);
}

static void end(const struct canvas *canvas)
{
    if (canvas->color)
        fputs("\033[0m", canvas->out);
}

/* A text in exactly so many characters, cut with an ellipsis. Controls are replaced: a title never moves the cursor. */
static void put_cell(const struct canvas *canvas, const char *text, size_t columns)
{
    size_t characters = 0, used = 0, left = strlen(text);
    for (size_t i = 0, length; i < left; i += length, characters++) {
        length = utf8_length((const uint8_t *)text + i, left - i);
        length = length ? length : 1;
    }
    size_t kept = characters <= columns ? characters : columns - 1;
    for (size_t length; used < kept; used++, text += length, left -= length) {
        length = utf8_length((const uint8_t *)text, left);
        bool plain = length > 0 && !utf8_is_control((const uint8_t *)text, length);
        length = length ? length : 1;
        fprintf(canvas->out, "%.*s", plain ? (int)length : 1, plain ? text : "?");
    }
    if (kept < characters)
        fputs("…", canvas->out);
    for (used += kept < characters; used < columns; used++)
        fputc(' ', canvas->out);
}

static size_t characters_in(const char *text, size_t size)
{
    size_t characters = 0;
    for (size_t i = 0; i < size; i++)
        characters += ((unsigned char)text[i] & 0xC0) != 0x80;
    return characters;
}

/* Right-aligned; only ASCII and the signs below, which take one column each. */
static void put_right(const struct canvas *canvas, const char *text, size_t columns)
{
    size_t characters = characters_in(text, strlen(text));
    for (; characters < columns; characters++)
        fputc(' ', canvas->out);
    fputs(text, canvas->out);
}

enum unit {
    UNIT_COUNT,
    UNIT_MINUTES, /* of seconds */
    UNIT_PERCENT, /* of a share */
};

struct shown {
    char text[32];
};

static struct shown format_value(const struct visible_value *value, enum unit unit)
{
    static const char *const signs[] = {[VISIBLE_SHOWN] = "", [VISIBLE_AT_MOST] = "≤", [VISIBLE_AT_LEAST] = "≥"};
    struct shown shown;
    if (value->state == VISIBLE_NONE || value->state == VISIBLE_WITHHELD)
        snprintf(shown.text, sizeof shown.text, "%s", value->state == VISIBLE_NONE ? "–" : "*");
    else if (unit == UNIT_COUNT)
        snprintf(shown.text, sizeof shown.text, "%.0f", value->value);
    else if (unit == UNIT_MINUTES)
        snprintf(shown.text, sizeof shown.text, "%.1f", value->value / 60);
    else
        snprintf(shown.text, sizeof shown.text, "%s%.0f%%", signs[value->state], 100 * value->value);
    return shown;
}

static const struct {
    const char *heading;
    size_t columns;
    enum figure figure; /* FIGURE_COUNT: the plan */
    enum unit unit;
} columns[] = {
    {"learners", 8, FIGURE_learners, UNIT_COUNT},       {"opens", 8, FIGURE_opens, UNIT_COUNT},
    {"median", 7, FIGURE_dwell_median, UNIT_MINUTES},   {"plan", 6, FIGURE_COUNT, UNIT_MINUTES},
    {"over", 6, FIGURE_over_expected, UNIT_PERCENT},    {"reopen", 7, FIGURE_reopen_rate, UNIT_PERCENT},
    {"favour.", 7, FIGURE_favorite_rate, UNIT_PERCENT}, {"complete", 8, FIGURE_completion, UNIT_PERCENT},
    {"drop-off", 8, FIGURE_drop_off, UNIT_PERCENT},
};

/* A paragraph, wrapped at blanks and indented. A word too long for a line is cut. */
static void put_wrapped(const struct canvas *canvas, const char *text, size_t indent)
{
    for (size_t column = 0; *text;) {
        char word[512];
        size_t size = strcspn(text, " ");
        snprintf(word, sizeof word, "%.*s", (int)size, text);
        size_t width = characters_in(word, strlen(word));
        width = width < TABLE_COLUMNS - indent ? width : TABLE_COLUMNS - indent;
        if (column == 0 || column + 1 + width > TABLE_COLUMNS) {
            if (column > 0)
                fputc('\n', canvas->out);
            fprintf(canvas->out, "%*s", (int)indent, "");
            column = indent;
        } else {
            fputc(' ', canvas->out);
            column++;
        }
        put_cell(canvas, word, width);
        column += width;
        text += size;
        text += strspn(text, " ");
    }
    fputc('\n', canvas->out);
}

static void put_head(const struct canvas *canvas, const struct report *report)
{
    char from[DATE_TEXT_BYTES], to[DATE_TEXT_BYTES];
    date_format(report->from_day, from);
    date_format(report->to_day - 1, to);
    begin(canvas, BOLD);
    fprintf(canvas->out, "Learning activity by %s, %s to %s\n", report_level_name(report->level), from, to);
    end(canvas);
    char *about =
        mem_text("%s, method %d, no row with fewer than %llu learners%s%s%s%s%s%s", report->tz, REPORT_METHOD,
                 (unsigned long long)report->k, report->cohort ? ", group " : "", report->cohort ? report->cohort : "",
                 report->module ? ", module " : "", report->module ? report->module : "",
                 report->program ? ", program " : "", report->program ? report->program : "");
    put_wrapped(canvas, about, 0);
    fputc('\n', canvas->out);
    free(about);
}

/* Said before any figure: every figure below may lack something. */
static void put_lost(const struct canvas *canvas, const struct report *report)
{
    const struct report_coverage *coverage = &report->coverage;
    char since[DATE_TEXT_BYTES] = "", until[DATE_TEXT_BYTES], about[256];
    if (coverage->lost == 0)
        return;
    if (coverage->lost_since)
        date_format(coverage->lost_first_day, since);
    date_format(coverage->lost_last_day, until);
    snprintf(
        about, sizeof about,
        "INCOMPLETE: up to %llu events received %s%s%suntil %s are lost, for the log is damaged there; every figure "
        "below may lack some of them.",
        (unsigned long long)coverage->lost, coverage->lost_since ? "from " : "", since, coverage->lost_since ? " " : "",
        until);
    begin(canvas, BOLD);
    put_wrapped(canvas, about, 0);
    end(canvas);
    fputc('\n', canvas->out);
}

static void put_row(const struct canvas *canvas, const struct report_row *row)
{
    put_cell(canvas, row->row->content, CONTENT_COLUMNS);
    fputc(' ', canvas->out);
    put_cell(canvas, row->row->title, TITLE_COLUMNS);
    for (size_t i = 0; i < ARRAY_COUNT(columns); i++) {
        double minutes = row->row->expected_minutes;
        struct visible_value plan = {minutes > 0 ? VISIBLE_SHOWN : VISIBLE_NONE, minutes * 60};
        const struct visible_value *value =
            columns[i].figure == FIGURE_COUNT ? &plan : &row->now.value[columns[i].figure];
        fputc(' ', canvas->out);
        put_right(canvas, format_value(value, columns[i].unit).text, columns[i].columns);
    }
    fputc('\n', canvas->out);
}

static void put_rows(const struct canvas *canvas, const struct report *report)
{
    begin(canvas, BOLD);
    put_cell(canvas, report_level_name(report->level), CONTENT_COLUMNS);
    fputc(' ', canvas->out);
    put_cell(canvas, "title", TITLE_COLUMNS);
    for (size_t i = 0; i < ARRAY_COUNT(columns); i++) {
        fputc(' ', canvas->out);
        put_right(canvas, columns[i].heading, columns[i].columns);
    }
    fputc('\n', canvas->out);
    end(canvas);
    for (uint32_t i = 0; i < report->row_count; i++)
        put_row(canvas, &report->rows[i]);
    if (report->row_count == 0)
        fputs("(no row)\n", canvas->out);
    begin(canvas, FAINT);
    fprintf(canvas->out,
            "median and plan in minutes; over: took longer than %.4g times the plan; * withheld, too few "
            "learners; – nothing to count\n",
            report->thresholds.over_factor);
    end(canvas);
}

/* Words one after the other, wrapped and indented. */
static void put_list(const struct canvas *canvas, const char *heading, const char *const *texts, uint32_t count)
{
    if (count == 0)
        return;
    fprintf(canvas->out, "\n%s (%u):\n", heading, count);
    size_t column = 0;
    for (uint32_t i = 0; i < count; i++) {
        size_t size = strlen(texts[i]); /* a path: ASCII */
        if (size > TABLE_COLUMNS - 2)
            size = TABLE_COLUMNS - 2;
        if (column > 0 && column + 2 + size > TABLE_COLUMNS) {
            fputc('\n', canvas->out);
            column = 0;
        }
        column += 2 + size;
        fputs("  ", canvas->out);
        put_cell(canvas, texts[i], size);
    }
    fputc('\n', canvas->out);
}

static void put_review(const struct canvas *canvas, const struct report *report)
{
    static const char *const colors[REVIEW_VERDICT_COUNT] = {
        [REVIEW_INSUFFICIENT] = FAINT, [REVIEW_CLARIFY] = "31", [REVIEW_SPLIT] = "33",
        [REVIEW_INTEREST] = "32",      [REVIEW_SKIMMED] = "36", [REVIEW_STEADY] = FAINT};
    if (report->review.count == 0)
        return;
    fputs("\nWhat to look at, the most pressing first:\n", canvas->out);
    for (uint32_t i = 0; i < report->review.count; i++) {
        const struct review_entry *entry = &report->review.entries[i];
        const struct row *row = report->rows[entry->row].row;
        fputs("  ", canvas->out);
        begin(canvas, colors[entry->verdict]);
        put_cell(canvas, review_verdict_name(entry->verdict), 12);
        end(canvas);
        fputc(' ', canvas->out);
        put_cell(canvas, row->title, 45);
        fprintf(canvas->out, " %s\n", review_verdict_words(entry->verdict));
        for (uint32_t r = 0; r < entry->reason_count; r++)
            put_wrapped(canvas, entry->reasons[r], 17);
    }
}

static void put_revisions(const struct canvas *canvas, const struct report *report)
{
    if (report->revision_count == 0)
        return;
    fputs("\nRevisions, the days before and after side by side:\n", canvas->out);
    for (uint32_t i = 0; i < report->revision_count; i++) {
        const struct report_revision *revision = &report->revisions[i];
        const struct visible_value *before = revision->before.value, *after = revision->after.value;
        char date[DATE_TEXT_BYTES];
        date_format(revision->date, date);
        fprintf(canvas->out, "  %s ", date);
        put_cell(canvas, revision->row->title, 24);
        fprintf(canvas->out, " %2u days  median %s → %s min  over %s → %s  %s", revision->days,
                format_value(&before[FIGURE_dwell_median], UNIT_MINUTES).text,
                format_value(&after[FIGURE_dwell_median], UNIT_MINUTES).text,
                format_value(&before[FIGURE_over_expected], UNIT_PERCENT).text,
                format_value(&after[FIGURE_over_expected], UNIT_PERCENT).text,
                revision_verdict_name(revision->verdict));
        if (revision->needs_learners)
            fprintf(canvas->out, " (needs %llu)", (unsigned long long)revision->needs_learners);
        fputc('\n', canvas->out);
    }
}

static void put_foot(const struct canvas *canvas, const struct report *report)
{
    const struct report_coverage *coverage = &report->coverage;
    char first[DATE_TEXT_BYTES], last[DATE_TEXT_BYTES];
    begin(canvas, FAINT);
    fputc('\n', canvas->out);
    if (coverage->has_data) {
        date_format(coverage->first_day, first);
        date_format(coverage->last_day, last);
        fprintf(canvas->out, "Data from %s to %s.", first, last);
    }
    if (coverage->clipped_shown)
        fprintf(canvas->out, " %.1f h of overlong slices left out.", coverage->clipped_h);
    fputs("\nLog ", canvas->out);
    for (size_t i = 0; report->position.has_log && i < LOG_ID_BYTES; i++)
        fprintf(canvas->out, "%02x", report->position.log_id[i]);
    fprintf(canvas->out, "%s, epoch %u, offset %llu.\n", report->position.has_log ? "" : "none yet",
            report->position.epoch, (unsigned long long)report->position.offset);
    end(canvas);
}

enum status render_table(const struct report *report, bool color, FILE *out, struct error *error)
{
    struct canvas canvas = {out, color};
    put_head(&canvas, report);
    put_lost(&canvas, report);
    put_rows(&canvas, report);
    put_list(&canvas, "Not shown, too few learners (or to protect such rows)", report->suppressed,
             report->suppressed_count);
    put_list(&canvas, "Not in the curriculum file", report->unknown, report->unknown_count);
    put_review(&canvas, report);
    put_revisions(&canvas, report);
    put_foot(&canvas, report);
    if (fflush(out) || ferror(out))
        return error_errno(error, STATUS_IO, "writing the report");
    return STATUS_OK;
}
