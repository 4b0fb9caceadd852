#include "clients/publish/input.h"
#include "clients/publish/ndjson.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct input {
    const char *const *paths;
    size_t count;
    enum input_format format;
    struct input_place place; /* of the next row */
    int fd;                   /* of the open file, -1: none */
    struct csv *csv;
    struct ndjson *ndjson;
    size_t columns[CSV_MAX_FIELDS]; /* enum row_column of each field */
    size_t column_count;
    uint64_t *sizes;
    uint64_t total_bytes;
};

static uint64_t size_of(const char *path)
{
    struct stat info;
    return strcmp(path, "-") != 0 && stat(path, &info) == 0 && S_ISREG(info.st_mode) ? (uint64_t)info.st_size : 0;
}

struct input *input_open(const char *const *paths, size_t count, enum input_format format, struct input_place from)
{
    struct input *input = mem_new(1, sizeof *input);
    *input = (struct input){.paths = paths, .count = count, .format = format, .place = from, .fd = -1};
    input->sizes = mem_new(count, sizeof *input->sizes);
    bool known = true;
    for (size_t i = 0; i < count; i++) {
        input->sizes[i] = size_of(paths[i]);
        input->total_bytes += input->sizes[i];
        known = known && input->sizes[i] > 0;
    }
    if (!known)
        input->total_bytes = 0;
    return input;
}

static void close_file(struct input *input)
{
    csv_close(input->csv);
    ndjson_close(input->ndjson);
    input->csv = NULL;
    input->ndjson = NULL;
    if (input->fd > STDIN_FILENO)
        close(input->fd);
    input->fd = -1;
}

void input_close(struct input *input)
{
    if (!input)
        return;
    close_file(input);
    free(input->sizes);
    free(input);
}

static bool is_ndjson(const struct input *input, const char *path)
{
    static const char *const endings[] = {".ndjson", ".jsonl", ".json"};
    if (input->format != INPUT_BY_NAME)
        return input->format == INPUT_NDJSON;
    const char *dot = strrchr(path, '.');
    for (size_t i = 0; dot && i < ARRAY_COUNT(endings); i++)
        if (strcmp(dot, endings[i]) == 0)
            return true;
    return false;
}

static enum status take_columns(struct input *input, const struct csv_record *header, const char *path,
                                struct error *error)
{
    bool seen[ROW_COLUMNS] = {false};
    for (size_t i = 0; i < header->count; i++) {
        enum row_column column = row_column_from_name(header->fields[i]);
        if (column == ROW_COLUMNS || seen[column])
            return error_set(error, STATUS_DATA,
                             "%s: column %zu of the header is not, or not for the first time, one of time, learner, "
                             "content, kind, value",
                             path, i + 1);
        input->columns[i] = column;
        seen[column] = true;
    }
    for (unsigned i = 0; i < ROW_VALUE; i++)
        if (!seen[i])
            return error_set(error, STATUS_DATA, "%s: the header lacks the column %s", path,
                             row_column_name((enum row_column)i));
    input->column_count = header->count;
    return STATUS_OK;
}

/* The header stands at the start, wherever reading goes on. */
static enum status open_csv(struct input *input, const char *path, struct error *error)
{
    struct csv_record header;
    struct csv *csv = csv_open(input->fd, (struct csv_position){0});
    enum csv_outcome outcome = csv_next(csv, &header, error);
    enum status status = STATUS_OK;
    if (outcome == CSV_END)
        status = error_set(error, STATUS_DATA, "%s is empty: a header line is needed", path);
    else if (outcome != CSV_RECORD)
        status = error_prefix(error, "%s: the header", path);
    else
        status = take_columns(input, &header, path, error);
    if (status == STATUS_OK && input->place.at.offset > 0) {
        csv_close(csv);
        csv = csv_open(input->fd, input->place.at);
    }
    input->csv = csv;
    return status;
}

static enum status open_file(struct input *input, struct error *error)
{
    const char *path = input->paths[input->place.file];
    bool standard = strcmp(path, "-") == 0;
    input->fd = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (input->fd < 0)
        return error_errno(error, STATUS_NO_INPUT, "%s", path);
    if (!is_ndjson(input, path))
        return open_csv(input, standard ? "standard input" : path, error);
    input->ndjson = ndjson_open(input->fd, input->place.at);
    return STATUS_OK;
}

static bool spread(const struct input *input, const struct csv_record *record, struct row *row, struct error *error)
{
    bool value_left_out = record->count + 1 == input->column_count && input->columns[record->count] == ROW_VALUE;
    if (record->count != input->column_count && !value_left_out) {
        (void)error_set(error, STATUS_DATA, "the line has %zu fields, the header %zu", record->count,
                        input->column_count);
        return false;
    }
    row->fields[ROW_VALUE] = slice_of("", 0);
    for (size_t i = 0; i < record->count; i++)
        row->fields[input->columns[i]] = record->fields[i];
    return true;
}

static enum csv_outcome next_record(struct input *input, struct csv_record *record, struct row *row,
                                    struct error *error)
{
    if (input->ndjson)
        return ndjson_next(input->ndjson, record, row, error);
    enum csv_outcome outcome = csv_next(input->csv, record, error);
    if (outcome == CSV_RECORD && !spread(input, record, row, error))
        return CSV_BROKEN;
    return outcome;
}

enum input_outcome input_next(struct input *input, struct input_row *row, struct error *error)
{
    struct csv_record record;
    while (input->place.file < input->count) {
        if (input->fd < 0 && open_file(input, error) != STATUS_OK)
            return INPUT_FAILED;
        enum csv_outcome outcome = next_record(input, &record, &row->row, error);
        if (outcome == CSV_FAILED) {
            (void)error_prefix(error, "%s", input->paths[input->place.file]);
            return INPUT_FAILED;
        }
        if (outcome != CSV_END) {
            row->file = input->place.file;
            row->line = record.line;
            input->place.at = record.next;
            row->next = input->place;
            return outcome == CSV_RECORD ? INPUT_ROW : INPUT_UNREADABLE;
        }
        close_file(input);
        input->place = (struct input_place){.file = input->place.file + 1};
    }
    return INPUT_END;
}

uint64_t input_bytes(const struct input *input)
{
    uint64_t bytes = input->place.at.offset;
    for (size_t i = 0; i < input->place.file; i++)
        bytes += input->sizes[i];
    return bytes;
}

uint64_t input_total_bytes(const struct input *input)
{
    return input->total_bytes;
}
