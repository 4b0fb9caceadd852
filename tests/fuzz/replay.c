/* replay.c - feeds files to a fuzz target, in builds without libFuzzer: replay FILE|FOLDER… */
#include "tests/fuzz/fuzz.h"

#include <dirent.h>
#include <limits.h>

static int replay_file(const char *path)
{
    struct bytes bytes = {0};
    uint8_t part[4096];
    size_t size;
    FILE *file = fopen(path, "rb");
    if (!file) {
        perror(path);
        return 0;
    }
    while ((size = fread(part, 1, sizeof part, file)) > 0)
        bytes_add(&bytes, part, size);
    fclose(file);
    (void)LLVMFuzzerTestOneInput(bytes.data ? bytes.data : part, bytes.size);
    bytes_free(&bytes);
    return 1;
}

static int replay(const char *path)
{
    char inside[PATH_MAX];
    int count = 0;
    DIR *folder = opendir(path);
    if (!folder)
        return replay_file(path);
    for (struct dirent *entry; (entry = readdir(folder));)
        if (entry->d_name[0] != '.') {
            snprintf(inside, sizeof inside, "%s/%s", path, entry->d_name);
            count += replay_file(inside);
        }
    closedir(folder);
    return count;
}

int main(int argc, char **argv)
{
    int count = 0;
    for (int i = 1; i < argc; i++)
        count += replay(argv[i]);
    printf("%d files\n", count);
    return count > 0 ? 0 : 1;
}
