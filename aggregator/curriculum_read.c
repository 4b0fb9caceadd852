#include "aggregator/curriculum_read.h"

#include "common/csv.h"
#include "common/event.h"
#include "common/utf8.h"
#include "common/zone.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum column {
    COLUMN_CONTENT,
    COLUMN_TITLE,
    COLUMN_ORDER, /* required up to here */
    COLUMN_EXPECTED_MINUTES,
    COLUMN_REVISED,
    COLUMN_PROGRAM,
    COLUMN_COUNT
};
enum {
    SHOWN_BYTES = 24, /* of a wrong value, in a message */
    FAULT_BYTES = 96,
};
static const char *const column_names[COLUMN_COUNT] = {"content",          "title",   "order",
                                                       "expected_minutes", "revised", "program"};

/* A file being read. */
struct reading {
    struct curriculum *curriculum;
    size_t columns[COLUMN_COUNT]; /* index of the field; SIZE_MAX: the file has none */
    size_t field_count;           /* of the header */
    uint64_t line;
    uint64_t fault_count;
    char faults[CURRICULUM_MAX_FAULTS][FAULT_BYTES];
};

static void fault(struct reading *reading, uint64_t line, const char *format, ...) printf_like(3, 4);

static void fault(struct reading *reading, uint64_t line, const char *format, ...)
{
    if (reading->fault_count++ >= CURRICULUM_MAX_FAULTS)
        return;
    char *text = reading->faults[reading->fault_count - 1];
    int length = snprintf(text, FAULT_BYTES, "line %llu: ", (unsigned long long)line);
    va_list args;
    va_start(args, format);
    vsnprintf(text + length, FAULT_BYTES - (size_t)length, format, args);
    va_end(args);
}

/* A wrong value for a message: its beginning, with anything a terminal could mistake for a command left out. */
struct shown {
    char text[SHOWN_BYTES + 4];
};
static struct shown show(struct slice value)
{
    struct shown shown = {0};
    size_t size = 0;
    for (size_t i = 0, length; i < value.size; i += length) {
        length = utf8_length(value.data + i, value.size - i);
        bool plain = length > 0 && !utf8_is_control(value.data + i, length);
        length = length ? length : 1;
        if (size + length > SHOWN_BYTES)
            break;
        memcpy(shown.text + size, plain ? (const char *)value.data + i : "????", length);
        size += length;
    }
    return shown;
}

static struct slice trim(struct slice value)
{
    while (value.size > 0 && (value.data[0] == ' ' || value.data[0] == '\t'))
        value = slice_of(value.data + 1, value.size - 1);
    while (value.size > 0 && (value.data[value.size - 1] == ' ' || value.data[value.size - 1] == '\t'))
        value.size--;
    return value;
}

static bool text_valid(struct slice text)
{
    for (size_t i = 0, length; i < text.size; i += length) {
        length = utf8_length(text.data + i, text.size - i);
        if (length == 0 || utf8_is_control(text.data + i, length))
            return false;
    }
    return true;
}

static char *copy(struct slice value)
{
    return mem_text("%.*s", (int)value.size, value.size ? (const char *)value.data : "");
}

/* digits, at most one point among them, a sign before them. */
static bool parse_decimal(struct slice value, double *number)
{
    char text[64];
    size_t digits = 0, points = 0;
    if (value.size == 0 || value.size >= sizeof text)
        return false;
    for (size_t i = 0; i < value.size; i++) {
        char c = (char)value.data[i];
        digits += c >= '0' && c <= '9';
        points += c == '.';
        if (!((c >= '0' && c <= '9') || c == '.' || (i == 0 && (c == '-' || c == '+'))))
            return false;
    }
    if (digits == 0 || points > 1)
        return false;
    memcpy(text, value.data, value.size);
    text[value.size] = '\0';
    *number = strtod(text, NULL);
    return true;
}

static int by_day(const void *left, const void *right)
{
    const int32_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

static void add_revision(struct curriculum_line *line, int32_t day)
{
    line->revised = mem_grow(line->revised, line->revised_count + 1, sizeof *line->revised);
    line->revised[line->revised_count++] = day;
}

static void read_revised(struct reading *reading, struct slice value, struct curriculum_line *line)
{
    while (value.size > 0) {
        const uint8_t *end = memchr(value.data, ';', value.size);
        size_t size = end ? (size_t)(end - value.data) : value.size;
        struct slice date = trim(slice_of(value.data, size));
        value = end ? slice_of(end + 1, value.size - size - 1) : slice_of(value.data, 0);
        int32_t day;
        if (date.size == 0)
            continue;
        if (!date_parse(date, &day))
            fault(reading, line->line, "revised is not dates like 2026-01-31 separated by ;: \"%s\"", show(date).text);
        else if (line->revised_count == CURRICULUM_MAX_REVISIONS)
            fault(reading, line->line, "more than %d revisions", CURRICULUM_MAX_REVISIONS);
        else
            add_revision(line, day);
    }
    if (line->revised_count == 0)
        return;
    qsort(line->revised, line->revised_count, sizeof *line->revised, by_day);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < line->revised_count; i++)
        if (line->revised[i] != line->revised[kept - 1])
            line->revised[kept++] = line->revised[i];
    line->revised_count = kept;
}

static void read_plan(struct reading *reading, struct slice order, struct slice expected, struct curriculum_line *line)
{
    if (!parse_decimal(order, &line->order))
        fault(reading, line->line, "order is not a decimal number: \"%s\"", show(order).text);
    if (expected.size == 0)
        return;
    if (!parse_decimal(expected, &line->expected_minutes) || !(line->expected_minutes > 0))
        fault(reading, line->line, "expected_minutes is not a decimal number above 0: \"%s\"", show(expected).text);
}

static struct slice field(const struct reading *reading, const struct csv_record *record, enum column column)
{
    size_t index = reading->columns[column];
    return index < record->count ? trim(record->fields[index]) : slice_of("", 0);
}

static void keep_line(struct curriculum *curriculum, const struct curriculum_line *line)
{
    if (curriculum->count == curriculum->room) {
        curriculum->room = curriculum->room ? curriculum->room * 2 : 64;
        curriculum->lines = mem_grow(curriculum->lines, curriculum->room, sizeof *curriculum->lines);
    }
    curriculum->lines[curriculum->count++] = *line;
}

static void read_line(struct reading *reading, const struct csv_record *record)
{
    struct slice content = field(reading, record, COLUMN_CONTENT), title = field(reading, record, COLUMN_TITLE);
    struct slice program = field(reading, record, COLUMN_PROGRAM);
    struct curriculum_line line = {.line = record->line};
    uint64_t faults_before = reading->fault_count;
    if (record->count != reading->field_count)
        fault(reading, record->line, "%zu fields where the header has %zu", record->count, reading->field_count);
    else if (!content_valid(content))
        fault(reading, record->line, "content is not a path like module/topic/section: \"%s\"", show(content).text);
    else if (!text_valid(title))
        fault(reading, record->line, "title is not UTF-8 without control characters");
    else if (!text_valid(program))
        fault(reading, record->line, "program is not UTF-8 without control characters");
    else if (reading->curriculum->count == CURRICULUM_MAX_LINES)
        fault(reading, record->line, "more than %d lines", CURRICULUM_MAX_LINES);
    else {
        read_plan(reading, field(reading, record, COLUMN_ORDER), field(reading, record, COLUMN_EXPECTED_MINUTES),
                  &line);
        read_revised(reading, field(reading, record, COLUMN_REVISED), &line);
    }
    line.content = copy(content);
    line.title = copy(title);
    line.program = copy(program);
    if (reading->fault_count == faults_before)
        keep_line(reading->curriculum, &line);
    else
        curriculum_line_close(&line);
}

static void read_header(struct reading *reading, const struct csv_record *record)
{
    reading->field_count = record->count;
    for (size_t i = 0; i < record->count; i++) {
        for (enum column column = 0; column < COLUMN_COUNT; column++) {
            if (!slice_equal(trim(record->fields[i]), slice_of_text(column_names[column])))
                continue;
            if (reading->columns[column] != SIZE_MAX)
                fault(reading, record->line, "the header names %s twice", column_names[column]);
            reading->columns[column] = i;
        }
    }
    for (enum column column = 0; column < COLUMN_EXPECTED_MINUTES; column++)
        if (reading->columns[column] == SIZE_MAX)
            fault(reading, record->line, "the header has no column %s", column_names[column]);
}

static int by_content(const void *left, const void *right)
{
    const struct curriculum_line *a = left, *b = right;
    int order = strcmp(a->content, b->content);
    return order ? order : (a->line > b->line) - (a->line < b->line);
}

static void find_repeats(struct reading *reading)
{
    struct curriculum *curriculum = reading->curriculum;
    if (curriculum->count > 0)
        qsort(curriculum->lines, curriculum->count, sizeof *curriculum->lines, by_content);
    for (uint32_t i = 1; i < curriculum->count; i++)
        if (strcmp(curriculum->lines[i].content, curriculum->lines[i - 1].content) == 0)
            fault(reading, curriculum->lines[i].line, "the content of line %llu again: \"%s\"",
                  (unsigned long long)curriculum->lines[i - 1].line,
                  show(slice_of_text(curriculum->lines[i].content)).text);
}

static enum status read_records(struct reading *reading, struct csv *csv, struct error *error)
{
    struct csv_record record;
    bool header_read = false;
    for (enum csv_outcome outcome; (outcome = csv_next(csv, &record, error)) != CSV_END;) {
        if (outcome == CSV_FAILED)
            return error->status;
        if (outcome == CSV_BROKEN)
            fault(reading, record.line, "%s", error->text);
        else if (!header_read)
            read_header(reading, &record);
        else
            read_line(reading, &record);
        header_read = true;
        if (reading->field_count == 0 || reading->columns[COLUMN_CONTENT] == SIZE_MAX)
            break; /* without a header nothing after it means anything */
    }
    if (!header_read)
        fault(reading, 1, "the file is empty; it needs the header content,title,order");
    find_repeats(reading);
    return STATUS_OK;
}

/* The file, then one line for each broken one. */
static enum status refuse(const struct reading *reading, const char *path, struct error *error)
{
    uint64_t told = reading->fault_count < CURRICULUM_MAX_FAULTS ? reading->fault_count : CURRICULUM_MAX_FAULTS;
    char text[ERROR_TEXT_BYTES] = "";
    size_t size = 0;
    for (uint64_t i = 0; i < told && size < sizeof text; i++)
        size += (size_t)snprintf(text + size, sizeof text - size, "\n  %s", reading->faults[i]);
    if (reading->fault_count > told && size < sizeof text)
        snprintf(text + size, sizeof text - size, "\n  and %llu more",
                 (unsigned long long)(reading->fault_count - told));
    return error_set(error, STATUS_DATA, "%s: %llu fault%s in the curriculum file:%s", path,
                     (unsigned long long)reading->fault_count, reading->fault_count == 1 ? "" : "s", text);
}

enum status curriculum_read(const char *path, struct slice text, struct curriculum *curriculum, struct error *error)
{
    struct reading *reading = mem_new(1, sizeof *reading);
    reading->curriculum = curriculum;
    for (enum column column = 0; column < COLUMN_COUNT; column++)
        reading->columns[column] = SIZE_MAX;
    struct csv *csv = csv_open_text(text);
    enum status status = read_records(reading, csv, error);
    csv_close(csv);
    if (status)
        status = error_prefix(error, "%s", path);
    else if (reading->fault_count > 0)
        status = refuse(reading, path, error);
    free(reading);
    return status;
}
