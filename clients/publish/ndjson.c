#include "clients/publish/ndjson.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    BUFFER_BYTES = 4 * NDJSON_MAX_LINE_BYTES
};

struct ndjson {
    int fd;
    bool at_end;
    int read_errno;
    struct csv_position position; /* of data + begin */
    size_t begin, end;
    json_t *object; /* of the last row */
    char time_text[24], value_text[24];
    uint8_t data[BUFFER_BYTES];
};

struct ndjson *ndjson_open(int fd, struct csv_position from)
{
    struct ndjson *ndjson = mem_new(1, sizeof *ndjson);
    ndjson->fd = fd;
    ndjson->position = (struct csv_position){from.offset, from.line ? from.line : 1};
    if (from.offset > 0 && lseek(fd, (off_t)from.offset, SEEK_SET) < 0)
        ndjson->read_errno = errno;
    return ndjson;
}

void ndjson_close(struct ndjson *ndjson)
{
    if (!ndjson)
        return;
    json_decref(ndjson->object);
    free(ndjson);
}

static void fill(struct ndjson *ndjson)
{
    memmove(ndjson->data, ndjson->data + ndjson->begin, ndjson->end - ndjson->begin);
    ndjson->end -= ndjson->begin;
    ndjson->begin = 0;
    ssize_t got;
    do
        got = read(ndjson->fd, ndjson->data + ndjson->end, BUFFER_BYTES - ndjson->end);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        ndjson->read_errno = errno;
    ndjson->at_end = got <= 0;
    ndjson->end += got > 0 ? (size_t)got : 0;
}

static void advance(struct ndjson *ndjson, size_t size, bool line_ends)
{
    ndjson->begin += size;
    ndjson->position.offset += size;
    ndjson->position.line += line_ends;
}

/* The next line without its end; false at the end of the file. A line that is too long comes cut, *whole false. */
static bool next_line(struct ndjson *ndjson, struct slice *line, bool *whole)
{
    *whole = true;
    for (;;) {
        size_t there = ndjson->end - ndjson->begin;
        const uint8_t *from = ndjson->data + ndjson->begin;
        const uint8_t *stop = there > 0 ? memchr(from, '\n', there) : NULL;
        if (stop || (ndjson->at_end && there > 0)) {
            size_t size = stop ? (size_t)(stop - from) : there;
            *whole = *whole && size <= NDJSON_MAX_LINE_BYTES;
            *line = slice_of(from, size);
            advance(ndjson, size + (stop ? 1 : 0), true);
            return true;
        }
        if (ndjson->at_end)
            return false;
        if (there > NDJSON_MAX_LINE_BYTES) {
            *whole = false;
            advance(ndjson, there, false);
        }
        fill(ndjson);
    }
}

static bool is_blank(struct slice line)
{
    for (size_t i = 0; i < line.size; i++)
        if (line.data[i] != ' ' && line.data[i] != '\t' && line.data[i] != '\r')
            return false;
    return true;
}

static struct slice field_of(const json_t *value, enum row_column column, char number[24])
{
    static const char none[] = "\n"; /* no field of an event may hold it */
    bool numeric = column == ROW_TIME || column == ROW_VALUE;
    bool textual = column != ROW_VALUE;
    if (!value || (json_is_null(value) && column == ROW_VALUE))
        return slice_of("", 0);
    if (json_is_integer(value) && numeric)
        return slice_of(number, (size_t)snprintf(number, 24, "%" JSON_INTEGER_FORMAT, json_integer_value(value)));
    if (json_is_string(value) && textual)
        return slice_of(json_string_value(value), json_string_length(value));
    return slice_of(none, 1);
}

static bool parse(struct ndjson *ndjson, struct slice line, struct row *row, struct error *error)
{
    const char *key;
    json_t *value;
    json_decref(ndjson->object);
    ndjson->object = json_loadb((const char *)line.data, line.size, JSON_REJECT_DUPLICATES | JSON_ALLOW_NUL, NULL);
    if (!json_is_object(ndjson->object)) {
        (void)error_set(error, STATUS_DATA, "the line is not a JSON object");
        return false;
    }
    *row = (struct row){0};
    json_object_foreach(ndjson->object, key, value)
    {
        enum row_column column = row_column_from_name(slice_of_text(key));
        if (column == ROW_COLUMNS) {
            (void)error_set(error, STATUS_DATA,
                            "the object has a key that is none of time, learner, content, kind, value");
            return false;
        }
        row->fields[column] = field_of(value, column, column == ROW_TIME ? ndjson->time_text : ndjson->value_text);
    }
    return true;
}

enum csv_outcome ndjson_next(struct ndjson *ndjson, struct csv_record *record, struct row *row, struct error *error)
{
    struct slice line;
    bool whole, there;
    uint64_t number;
    do {
        number = ndjson->position.line;
        there = !ndjson->read_errno && next_line(ndjson, &line, &whole);
    } while (there && whole && is_blank(line));
    if (ndjson->read_errno) {
        errno = ndjson->read_errno;
        (void)error_errno(error, STATUS_IO, "reading failed");
        return CSV_FAILED;
    }
    if (!there)
        return CSV_END;
    *record = (struct csv_record){.line = number, .next = ndjson->position};
    if (!whole) {
        (void)error_set(error, STATUS_DATA, "the line is longer than 64 KiB");
        return CSV_BROKEN;
    }
    return parse(ndjson, line, row, error) ? CSV_RECORD : CSV_BROKEN;
}
