#include "tests/simulator/files.h"

#include <stdlib.h>

enum {
    FILES_MAX = 256,
    NAMES_MAX = 128,
    MOVES_MAX = 4096,
};

struct name {
    char *path;
    struct file *now, *synced;
};
/* A name that came, went, or took another's place, not synced yet. */
struct move {
    struct name *from, *to; /* from: NULL where `file` got the name; to: NULL where it lost it */
    struct file *file;
};

static struct file *files[FILES_MAX];
static size_t file_count;
static struct name names[NAMES_MAX];
static size_t name_count;
static struct move moves[MOVES_MAX];
static size_t move_count;

static struct name *name_of(const char *path)
{
    for (size_t i = 0; i < name_count; i++)
        if (strcmp(names[i].path, path) == 0)
            return &names[i];
    ensure(name_count < NAMES_MAX);
    names[name_count] = (struct name){.path = mem_text("%s", path)};
    return &names[name_count++];
}

struct file *file_at(const char *path)
{
    return name_of(path)->now;
}

const uint8_t *file_synced(const char *path, size_t *size)
{
    const struct file *file = name_of(path)->synced;
    *size = file ? file->synced.size : 0;
    return file ? file->synced.bytes : NULL;
}

static void note_move(struct name *from, struct name *to, struct file *file)
{
    ensure(move_count < MOVES_MAX);
    moves[move_count++] = (struct move){from, to, file};
}

/* Folders are there at once: what is tested is what lies in them. */
struct file *file_make(const char *path, bool folder)
{
    ensure(file_count < FILES_MAX);
    struct file *file = files[file_count++] = mem_new(1, sizeof *file);
    struct name *name = name_of(path);
    *file = (struct file){.folder = folder, .machine = (unsigned)(process_self()->machine - world.machines)};
    name->now = file;
    if (folder)
        name->synced = file;
    else
        note_move(NULL, name, file);
    return file;
}

void file_rename(const char *from, const char *to)
{
    struct name *source = name_of(from), *target = name_of(to);
    note_move(source, target, source->now);
    target->now = source->now;
    source->now = NULL;
}

void file_unlink(const char *path)
{
    struct name *name = name_of(path);
    note_move(name, NULL, name->now);
    name->now = NULL;
}

static void settle(const struct move *move)
{
    if (move->from && move->from->synced == move->file)
        move->from->synced = NULL;
    if (move->to)
        move->to->synced = move->file;
}

static bool lies_in(const struct name *name, const char *folder)
{
    size_t length = strlen(folder);
    return strncmp(name->path, folder, length) == 0 && name->path[length] == '/' &&
           !strchr(name->path + length + 1, '/');
}

void file_sync_folder(const char *path)
{
    size_t kept = 0;
    for (size_t i = 0; i < move_count; i++)
        if (lies_in(moves[i].to ? moves[i].to : moves[i].from, path))
            settle(&moves[i]);
        else
            moves[kept++] = moves[i];
    move_count = kept;
}

/* ---- bytes ---- */

static void image_write(struct image *image, size_t at, const uint8_t *bytes, size_t size)
{
    size_t end = at + size;
    ensure(end <= FILE_MAX_BYTES);
    if (end > image->size) {
        image->bytes = mem_grow(image->bytes, end, 1);
        memset(image->bytes + image->size, 0, end - image->size);
        image->size = end;
    }
    if (size > 0 && bytes)
        memcpy(image->bytes + at, bytes, size);
}

static void image_cut(struct image *image, size_t size)
{
    if (size > image->size)
        image_write(image, size, NULL, 0);
    image->size = size;
}

static void image_copy(struct image *to, const struct image *from)
{
    to->size = 0;
    image_write(to, 0, from->bytes, from->size);
}

static void note_change(struct file *file, uint8_t *bytes, size_t at, size_t size)
{
    file->changes = mem_grow(file->changes, file->change_count + 1, sizeof *file->changes);
    file->changes[file->change_count++] = (struct file_change){bytes, at, size};
}

void file_write(struct file *file, size_t at, const void *bytes, size_t size)
{
    uint8_t *copy = mem_new(size, 1);
    memcpy(copy, bytes, size);
    note_change(file, copy, at, size);
    image_write(&file->now, at, bytes, size);
}

void file_cut(struct file *file, size_t size)
{
    note_change(file, NULL, size, 0);
    image_cut(&file->now, size);
}

static void forget_changes(struct file *file)
{
    for (size_t i = 0; i < file->change_count; i++)
        free(file->changes[i].bytes);
    file->change_count = 0;
}

void file_sync(struct file *file)
{
    image_copy(&file->synced, &file->now);
    forget_changes(file);
}

/* ---- a power cut ---- */

static void apply(struct file *file, const struct file_change *change)
{
    if (change->bytes)
        image_write(&file->synced, change->at, change->bytes, change->size);
    else
        image_cut(&file->synced, change->at);
}

/* The first write that is lost: a part of it, or zeros where it would lie behind the end. */
static void tear(struct file *file, const struct file_change *change)
{
    if (!change->bytes || world_chance(500))
        return;
    size_t part = world_roll(change->size + 1);
    bool behind = change->at >= file->synced.size;
    image_write(&file->synced, change->at, behind && world_chance(300) ? NULL : change->bytes, part);
}

static void lose(struct file *file)
{
    size_t kept = world_roll(file->change_count + 1);
    for (size_t i = 0; i < kept; i++)
        apply(file, &file->changes[i]);
    if (kept < file->change_count)
        tear(file, &file->changes[kept]);
    forget_changes(file);
    image_copy(&file->now, &file->synced);
}

void files_power_cut(const struct machine *machine)
{
    unsigned number = (unsigned)(machine - world.machines);
    size_t left = 0, seen = 0, kept = 0;
    for (size_t i = 0; i < move_count; i++)
        left += moves[i].file->machine == number;
    left = world_roll(left + 1);
    for (size_t i = 0; i < move_count; i++) {
        if (moves[i].file->machine != number)
            moves[kept++] = moves[i];
        else if (seen++ < left)
            settle(&moves[i]);
    }
    move_count = kept;
    for (size_t i = 0; i < name_count; i++) {
        bool ours = (names[i].now && names[i].now->machine == number) ||
                    (names[i].synced && names[i].synced->machine == number);
        if (ours)
            names[i].now = names[i].synced;
    }
    for (size_t i = 0; i < file_count; i++)
        if (files[i]->machine == number && !files[i]->folder)
            lose(files[i]);
}

void files_free(void)
{
    for (size_t i = 0; i < file_count; i++) {
        forget_changes(files[i]);
        free(files[i]->changes);
        free(files[i]->now.bytes);
        free(files[i]->synced.bytes);
        free(files[i]);
    }
    for (size_t i = 0; i < name_count; i++)
        free(names[i].path);
    file_count = name_count = move_count = 0;
}
