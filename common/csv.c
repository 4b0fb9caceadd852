#include "common/csv.h"

#include <csv.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    BUFFER_BYTES = 4 * CSV_MAX_RECORD_BYTES
};

/* Records are cut here, line by line, and taken apart by libcsv: it swallows a line, and where no record came of it a
 * quoted field goes on in the next. So the line, the offset and the bound of every record are known. */
struct csv {
    int fd;              /* -1: it is memory that is read */
    struct slice memory; /* what is left of it */
    bool at_end;         /* of the file */
    int read_errno;
    struct csv_position position; /* of data + begin */
    size_t begin, end;            /* what is read and not yet taken */
    size_t skip;                  /* bytes to read past first, where seeking was not possible */
    struct csv_parser parser;
    /* the record that libcsv takes apart */
    const char *broken;
    size_t records; /* completed since the last reset */
    size_t field_count, text_size;
    struct slice fields[CSV_MAX_FIELDS];
    uint8_t text[CSV_MAX_RECORD_BYTES];
    uint8_t data[BUFFER_BYTES];
};

static int no_blank(unsigned char byte)
{
    (void)byte;
    return 0;
}

struct csv *csv_open(int fd, struct csv_position from)
{
    struct csv *csv = mem_new(1, sizeof *csv);
    csv->fd = fd;
    csv->position = (struct csv_position){from.offset, from.line ? from.line : 1};
    if (from.offset > 0 && lseek(fd, (off_t)from.offset, SEEK_SET) < 0)
        csv->skip = from.offset;
    ensure(csv_init(&csv->parser, CSV_STRICT) == 0);
    csv_set_space_func(&csv->parser, no_blank);
    return csv;
}

struct csv *csv_open_text(struct slice text)
{
    struct csv *csv = csv_open(-1, (struct csv_position){0});
    csv->memory = text;
    return csv;
}

void csv_close(struct csv *csv)
{
    if (!csv)
        return;
    csv_free(&csv->parser);
    free(csv);
}

static ssize_t take_memory(struct csv *csv, uint8_t *to, size_t room)
{
    size_t size = csv->memory.size < room ? csv->memory.size : room;
    if (size > 0)
        memcpy(to, csv->memory.data, size);
    csv->memory = slice_of(csv->memory.data + size, csv->memory.size - size);
    return (ssize_t)size;
}

static ssize_t take(struct csv *csv, uint8_t *to, size_t room)
{
    return csv->fd < 0 ? take_memory(csv, to, room) : read(csv->fd, to, room);
}

/* Reads what is there, at least one byte unless the file ends. */
static void fill(struct csv *csv)
{
    memmove(csv->data, csv->data + csv->begin, csv->end - csv->begin);
    csv->end -= csv->begin;
    csv->begin = 0;
    ssize_t got;
    do
        got = take(csv, csv->data + csv->end, BUFFER_BYTES - csv->end);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        csv->read_errno = errno;
    csv->at_end = got <= 0;
    size_t bytes = got > 0 ? (size_t)got : 0, past = csv->skip < bytes ? csv->skip : bytes;
    memmove(csv->data + csv->end, csv->data + csv->end + past, bytes - past);
    csv->skip -= past;
    csv->end += bytes - past;
}

/* The size of the line that begins `taken` bytes after data + begin, its line end included; without one at the end of
 * the file. 0: nothing is left there. CSV_MAX_RECORD_BYTES + 1: the record is longer than it may be. */
static size_t line_size(struct csv *csv, size_t taken)
{
    size_t seen = taken;
    for (;;) {
        size_t there = csv->end - csv->begin;
        const uint8_t *from = csv->data + csv->begin;
        const uint8_t *stop = there > seen ? memchr(from + seen, '\n', there - seen) : NULL;
        size_t size = stop ? (size_t)(stop - from) + 1 : there;
        if (size > CSV_MAX_RECORD_BYTES)
            return CSV_MAX_RECORD_BYTES + 1;
        if (stop || csv->at_end)
            return size - taken;
        seen = there;
        fill(csv);
    }
}

static void on_field(void *bytes, size_t size, void *argument)
{
    struct csv *csv = argument;
    if (csv->field_count == CSV_MAX_FIELDS) {
        csv->broken = "the record has more than 64 fields";
        return;
    }
    if (size > 0)
        memcpy(csv->text + csv->text_size, bytes, size); /* fits: a record's fields are shorter than its lines */
    csv->fields[csv->field_count++] = slice_of(csv->text + csv->text_size, size);
    csv->text_size += size;
}

static void on_record(int end, void *argument)
{
    struct csv *csv = argument;
    (void)end;
    csv->records++;
}

static bool parse(struct csv *csv, const void *bytes, size_t size)
{
    return csv_parse(&csv->parser, bytes, size, on_field, on_record, csv) == size;
}

/* Gives libcsv a line. False where the record is broken. */
static bool take_line(struct csv *csv, const uint8_t *line, size_t size)
{
    bool ended = line[size - 1] == '\n'; /* the last line of a file may lack its end */
    if (memchr(line, '\0', size))
        csv->broken = "there is a NUL byte";
    else if (!parse(csv, line, size) || (!ended && !parse(csv, "\n", 1)))
        csv->broken = "a quote stands where none may stand";
    else if (csv->records > 1)
        csv->broken = "there is a carriage return within a line";
    return !csv->broken;
}

static void reset(struct csv *csv)
{
    csv_fini(&csv->parser, NULL, NULL, NULL);
    csv->broken = NULL;
    csv->records = csv->field_count = csv->text_size = 0;
}

/* Takes lines until a record is whole or broken. Returns its size; `first_size` is that of its first line, and `lines`
 * how many it has. */
static size_t take_record(struct csv *csv, size_t *first_size, uint64_t *lines)
{
    size_t size = 0;
    *lines = 0;
    while (csv->records == 0 && !csv->broken) {
        size_t more = line_size(csv, size);
        if (more > CSV_MAX_RECORD_BYTES)
            csv->broken = size ? "a quoted field is not closed within 64 KiB" : "the line is longer than 64 KiB";
        else if (more == 0)
            csv->broken = csv->read_errno ? "reading failed" : "a quoted field is not closed before the file ends";
        else
            take_line(csv, csv->data + csv->begin + size, more);
        size += more;
        *first_size = *lines ? *first_size : more;
        ++*lines;
    }
    return size;
}

static void advance(struct csv *csv, size_t size, uint64_t lines)
{
    csv->begin += size;
    csv->position.offset += size;
    csv->position.line += lines;
}

/* Goes past a line that is too long to be held. */
static void skip_line(struct csv *csv)
{
    for (;;) {
        size_t there = csv->end - csv->begin;
        const uint8_t *from = csv->data + csv->begin, *stop = there ? memchr(from, '\n', there) : NULL;
        advance(csv, stop ? (size_t)(stop - from) + 1 : there, stop ? 1 : 0);
        if (stop || csv->at_end)
            return;
        fill(csv);
    }
}

static bool is_blank(const uint8_t *line, size_t size)
{
    while (size > 0 && (line[size - 1] == '\n' || line[size - 1] == '\r'))
        size--;
    return size == 0;
}

/* To the next line that holds something. Returns its size, 0 at the end. */
static size_t skip_blanks(struct csv *csv)
{
    size_t size;
    while ((size = line_size(csv, 0)) > 0) {
        if (csv->position.offset == 0 && size >= 3 && memcmp(csv->data + csv->begin, "\xEF\xBB\xBF", 3) == 0)
            advance(csv, 3, 0);
        else if (is_blank(csv->data + csv->begin, size))
            advance(csv, size, 1);
        else
            break;
    }
    return size;
}

enum csv_outcome csv_next(struct csv *csv, struct csv_record *record, struct error *error)
{
    size_t first_size = skip_blanks(csv);
    uint64_t line = csv->position.line, lines = 0;
    if (first_size > 0) {
        reset(csv);
        size_t size = take_record(csv, &first_size, &lines);
        if (!csv->broken)
            advance(csv, size, lines);
        else if (first_size > CSV_MAX_RECORD_BYTES)
            skip_line(csv);
        else
            advance(csv, first_size, 1);
    }
    if (csv->read_errno) {
        errno = csv->read_errno;
        (void)error_errno(error, STATUS_IO, "reading failed");
        return CSV_FAILED;
    }
    if (first_size == 0)
        return CSV_END;
    *record =
        (struct csv_record){csv->broken ? NULL : csv->fields, csv->broken ? 0 : csv->field_count, line, csv->position};
    if (!csv->broken)
        return CSV_RECORD;
    (void)error_set(error, STATUS_DATA, "%s", csv->broken);
    return CSV_BROKEN;
}
