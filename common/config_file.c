#include "common/config_inner.h"

#include <fcntl.h>
#include <ini.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LINE_MAX_CHARACTERS = 190, /* libinih's lines end near 200, and are cut there */
    FILE_MAX_BYTES = 1 << 20,
};

/* The file in memory, and libinih's way through it line by line. */
struct file_reading {
    struct config *config;
    const char *path;
    const char *at, *end;
    int line;
    int given_at[CONFIG_COUNT]; /* line of each key, 0: not given yet */
    enum status status;
    struct error *error;
};

/* libinih asks for a line: what fgets() would give, without the blanks before it, which would continue the line before.
 */
static char *next_line(char *line, int size, void *argument)
{
    struct file_reading *reading = argument;
    if (reading->at == reading->end || reading->status != STATUS_OK)
        return NULL;
    const char *stop = memchr(reading->at, '\n', (size_t)(reading->end - reading->at));
    size_t length = (size_t)((stop ? stop : reading->end) - reading->at);
    const char *start = reading->at;
    reading->at = stop ? stop + 1 : reading->end;
    reading->line++;
    if (length > LINE_MAX_CHARACTERS || memchr(start, '\0', length)) {
        reading->status = error_set(reading->error, STATUS_CONFIG, "%s:%d: %s", reading->path, reading->line,
                                    length > LINE_MAX_CHARACTERS ? "the line is longer than 190 characters"
                                                                 : "the line holds a NUL byte");
        return NULL;
    }
    size_t blanks = 0;
    while (blanks < length && (start[blanks] == ' ' || start[blanks] == '\t'))
        blanks++;
    snprintf(line, (size_t)size, "%.*s\n", (int)(length - blanks), start + blanks);
    return line;
}

/* Cuts a comment after a value: a # with a blank before it. */
static void cut_comment(char *value)
{
    for (char *hash = value; (hash = strchr(hash, '#')); hash++)
        if (hash == value || hash[-1] == ' ' || hash[-1] == '\t') {
            *hash = '\0';
            break;
        }
    size_t length = strlen(value);
    while (length > 0 && (value[length - 1] == ' ' || value[length - 1] == '\t'))
        value[--length] = '\0';
}

static enum status take_pair(struct file_reading *reading, const char *section, const char *name, char *value)
{
    if (*section)
        return error_set(reading->error, STATUS_CONFIG, "the file has no sections; take [%.64s] out", section);
    cut_comment(value);
    char *origin = mem_text("%s:%d", reading->path, reading->line);
    enum status status = config_set(reading->config, name, value, origin, reading->error);
    free(origin);
    if (status != STATUS_OK)
        return status;
    enum config_key key = config_key_from_name(name);
    if (reading->given_at[key])
        return error_set(reading->error, STATUS_CONFIG, "%s is given twice; first on line %d", name,
                         reading->given_at[key]);
    reading->given_at[key] = reading->line;
    return STATUS_OK;
}

/* libinih hands over a pair. Returns whether it is fine, as libinih wants it. */
static int pair(void *argument, const char *section, const char *name, const char *value)
{
    struct file_reading *reading = argument;
    if (reading->status != STATUS_OK)
        return 0;
    char *copy = mem_text("%s", value);
    reading->status = take_pair(reading, section, name, copy);
    free(copy);
    if (reading->status != STATUS_OK)
        (void)error_prefix(reading->error, "%s:%d", reading->path, reading->line);
    return reading->status == STATUS_OK;
}

/* The file's bytes, to be freed. */
static enum status read_whole(const char *path, char **bytes, size_t *size, struct error *error)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat file;
    if (fd < 0 || fstat(fd, &file) != 0) {
        enum status status = error_errno(error, STATUS_CONFIG, "%s: the configuration cannot be read", path);
        if (fd >= 0)
            close(fd);
        return status;
    }
    bool readable = S_ISREG(file.st_mode) && file.st_size <= FILE_MAX_BYTES;
    size_t room = readable ? (size_t)file.st_size : 0;
    char *content = mem_new(room + 1, 1);
    ssize_t got = readable ? read(fd, content, room) : -1;
    close(fd);
    if (got < 0) {
        free(content);
        return error_set(error, STATUS_CONFIG, "%s: the configuration is not a readable file of at most 1 MiB", path);
    }
    *bytes = content;
    *size = (size_t)got;
    return STATUS_OK;
}

enum status config_read_file(struct config *config, const char *path, struct error *error)
{
    char *bytes = NULL;
    size_t size = 0;
    enum status status = read_whole(path, &bytes, &size, error);
    if (status != STATUS_OK)
        return status;
    struct file_reading reading = {.config = config, .path = path, .at = bytes, .end = bytes + size, .error = error};
    int bad_line = ini_parse_stream(next_line, &reading, pair, &reading);
    if (reading.status == STATUS_OK && bad_line != 0)
        reading.status = error_set(error, STATUS_CONFIG, "%s:%d: this is not `key = value`", path, bad_line);
    free(bytes);
    return reading.status;
}
