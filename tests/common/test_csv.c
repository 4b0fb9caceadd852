#include "common/csv.h"
#include "tests/scratch.h"

#include <criterion/criterion.h>
#include <sys/mman.h>
#include <sys/socket.h>

TestSuite(csv, .timeout = 30);

static struct error error;

static int file_of(const char *bytes, size_t size)
{
    int fd = memfd_create("csv", MFD_CLOEXEC);
    ensure(fd >= 0 && write(fd, bytes, size) == (ssize_t)size && lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

/* Reads everything and writes it down: "1:a|b 3:! 4:c" is a record on line 1, a broken one on line 3, one on line 4. */
static const char *read_all(int fd, struct csv_position from)
{
    static char text[1 << 18];
    struct csv *csv = csv_open(fd, from);
    struct csv_record record;
    enum csv_outcome outcome;
    size_t at = 0;
    text[0] = '\0';
    while ((outcome = csv_next(csv, &record, &error)) != CSV_END && outcome != CSV_FAILED) {
        at += snprintf(text + at, sizeof text - at, "%s%llu:%s", at ? " " : "", (unsigned long long)record.line,
                       outcome == CSV_BROKEN ? "!" : "");
        for (size_t i = 0; outcome == CSV_RECORD && i < record.count; i++)
            at += snprintf(text + at, sizeof text - at, "%s%.*s", i ? "|" : "", (int)record.fields[i].size,
                           (const char *)record.fields[i].data);
        cr_assert(outcome == CSV_RECORD || error.status == STATUS_DATA);
    }
    if (outcome == CSV_FAILED)
        strcpy(text, "failed");
    csv_close(csv);
    close(fd);
    return text;
}

static const char *read_text(const char *text)
{
    return read_all(file_of(text, strlen(text)), (struct csv_position){0});
}

Test(csv, plain_and_quoted_records)
{
    cr_assert_str_eq(read_text(""), "");
    cr_assert_str_eq(read_text("a,b\nc,d\n"), "1:a|b 2:c|d");
    cr_assert_str_eq(read_text("a,b\r\nc,d\r\n"), "1:a|b 2:c|d");
    cr_assert_str_eq(read_text("a,b\nc,d"), "1:a|b 2:c|d");
    cr_assert_str_eq(read_text("\n\r\na\n\n\nb\n\n\r"), "3:a 6:b");
    cr_assert_str_eq(read_text("\xEF\xBB\xBF\"a\",b\n"), "1:a|b");
    cr_assert_str_eq(read_text("a\n\xEF\xBB\xBF"
                               "b\n"),
                     "1:a 2:\xEF\xBB\xBF"
                     "b",
                     "at the start only");
    cr_assert_str_eq(read_text(",\n"), "1:|");
    cr_assert_str_eq(read_text(" a , b\t\n"), "1: a | b\t");
    cr_assert_str_eq(read_text("\"a,\"\"b\"\"\",c\n"), "1:a,\"b\"|c");
    cr_assert_str_eq(read_text("\"a\nb\r\nc\",d\ne\n"), "1:a\nb\r\nc|d 4:e");
    cr_assert_str_eq(read_text("a,\"b\""), "1:a|b");
}

Test(csv, a_broken_record_costs_one_line)
{
    cr_assert_str_eq(read_text("a\nb\"b\nc\n"), "1:a 2:! 3:c");
    cr_assert_str_eq(read_text("a\n\"b\"b\nc\n"), "1:a 2:! 3:c");
    cr_assert_str_eq(read_text("a\n\"b\" ,x\nc\n"), "1:a 2:! 3:c");
    cr_assert_str_eq(read_text("a\n\"b\nc\nd\n"), "1:a 2:! 3:c 4:d");
    cr_assert_str_eq(error.text, "a quoted field is not closed before the file ends");
    cr_assert_str_eq(read_text("a\n\"b\nc\n\"d\ne\n"), "1:a 2:! 3:c 4:! 5:e");
    cr_assert_str_eq(read_text("a\rb\nc\n"), "1:! 2:c");
    cr_assert_str_eq(read_text("a\rb"), "1:!");
    cr_assert_str_eq(read_text("a\n\"b"), "1:a 2:!");
    cr_assert_str_eq(read_all(file_of("a\nb\0b\nc\n", 8), (struct csv_position){0}), "1:a 2:! 3:c");
    cr_assert_str_eq(error.text, "there is a NUL byte");
}

Test(csv, too_many_fields_are_refused_and_the_most_are_read)
{
    char text[200];
    memset(text, ',', sizeof text);
    memcpy(text + CSV_MAX_FIELDS - 1, "\nx\n", 4);
    cr_assert_eq(strlen(read_text(text)), strlen("1: 2:x") + CSV_MAX_FIELDS - 1);
    memcpy(text + CSV_MAX_FIELDS - 1, ",\nx\n", 5);
    cr_assert_str_eq(read_text(text), "1:! 2:x");
}

Test(csv, records_are_bounded)
{
    size_t size = 3 * CSV_MAX_RECORD_BYTES;
    char *text = mem_new(size + 64, 1);
    memset(text, 'x', size);
    memcpy(text + CSV_MAX_RECORD_BYTES - 1, "\ny\n", 4);
    const char *read = read_text(text);
    cr_assert_eq(strlen(read), 2 + CSV_MAX_RECORD_BYTES - 1 + 4, "a line of just the bound is read");
    text[CSV_MAX_RECORD_BYTES - 1] = 'x';
    memcpy(text + CSV_MAX_RECORD_BYTES, "\ny\n", 4);
    cr_assert_str_eq(read_text(text), "1:! 2:y");
    memset(text, 'x', size);
    memcpy(text + size, "\ny\n", 4);
    cr_assert_str_eq(read_text(text), "1:! 2:y");
    cr_assert_str_eq(error.text, "the line is longer than 64 KiB");

    for (size_t i = 0; i < size; i++)
        text[i] = i % 64 == 63 ? '\n' : 'x';
    memcpy(text, "k\n\"", 3);
    text[size] = '\0';
    read = read_text(text);
    cr_assert_eq(strncmp(read, "1:k 2:! 3:xx", 12), 0, "%.40s", read);
    cr_assert_str_eq(error.text, "a quoted field is not closed within 64 KiB");
    free(text);
}

Test(csv, reading_goes_on_from_any_position)
{
    static const char text[] = "\xEF\xBB\xBFtime,x\r\n1,\"a\nb\"\n\n2,c\nbad\"\n3,d";
    struct csv_record record;
    struct csv *csv = csv_open(file_of(text, sizeof text - 1), (struct csv_position){0});
    struct csv_position after[8];
    size_t count = 0;
    while (csv_next(csv, &record, &error) != CSV_END)
        after[count++] = record.next;
    csv_close(csv);
    static const char *const rest[] = {"2:1|a\nb 5:2|c 6:! 7:3|d", "5:2|c 6:! 7:3|d", "6:! 7:3|d", "7:3|d", ""};
    cr_assert_eq(count, ARRAY_COUNT(rest));
    for (size_t i = 0; i < count; i++) {
        cr_assert_str_eq(read_all(file_of(text, sizeof text - 1), after[i]), rest[i], "seeking, %zu", i);
        int ends[2]; /* of packets: every read gives one byte */
        cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
        for (size_t k = 0; k < sizeof text - 1; k++)
            cr_assert_eq(write(ends[1], text + k, 1), 1);
        close(ends[1]);
        cr_assert_str_eq(read_all(ends[0], after[i]), rest[i], "byte by byte, %zu", i);
    }
}

Test(csv, a_record_is_there_as_soon_as_its_line_is)
{
    int ends[2];
    struct csv_record record;
    cr_assert_eq(pipe(ends), 0);
    struct csv *csv = csv_open(ends[0], (struct csv_position){0});
    cr_assert_eq(write(ends[1], "a,b\nc", 5), 5);
    cr_assert_eq(csv_next(csv, &record, &error), CSV_RECORD);
    cr_assert_eq(record.count, 2);
    cr_assert_eq(record.next.offset, 4);
    cr_assert_eq(write(ends[1], ",d\n", 3), 3);
    cr_assert_eq(csv_next(csv, &record, &error), CSV_RECORD);
    cr_assert(slice_equal(record.fields[1], slice_of_text("d")));
    close(ends[1]);
    cr_assert_eq(csv_next(csv, &record, &error), CSV_END);
    cr_assert_eq(csv_next(csv, &record, &error), CSV_END);
    csv_close(csv);
    close(ends[0]);
    csv_close(NULL);
}

Test(csv, what_cannot_be_read_fails_and_keeps_failing)
{
    int fd = open("/tmp", O_RDONLY | O_DIRECTORY);
    struct csv *csv = csv_open(fd, (struct csv_position){0});
    struct csv_record record;
    cr_assert_eq(csv_next(csv, &record, &error), CSV_FAILED);
    cr_assert_eq(error.status, STATUS_IO);
    cr_assert_eq(csv_next(csv, &record, &error), CSV_FAILED);
    csv_close(csv);
    close(fd);
}

/* Random bytes of the characters that matter: every record has a bound, every byte is passed once, nothing hangs. */
Test(csv, any_bytes_end)
{
    static const char alphabet[] = "\"\",,\n\n\r a\0b";
    unsigned seed = 20260131;
    for (int round = 0; round < 3000; round++) {
        char bytes[64];
        size_t size = rand_r(&seed) % sizeof bytes;
        for (size_t i = 0; i < size; i++)
            bytes[i] = alphabet[rand_r(&seed) % (sizeof alphabet - 1)];
        int fd = file_of(bytes, size);
        struct csv *csv = csv_open(fd, (struct csv_position){0});
        struct csv_record record;
        uint64_t offset = 0;
        enum csv_outcome outcome;
        while ((outcome = csv_next(csv, &record, &error)) != CSV_END) {
            cr_assert_neq(outcome, CSV_FAILED);
            cr_assert_gt(record.next.offset, offset);
            cr_assert_leq(record.next.offset, size);
            offset = record.next.offset;
        }
        csv_close(csv);
        close(fd);
    }
}
