/* dump_store - writes every key and value of a RocksDB to standard output, as they are: what the files hold once they
 * are uncompressed. For privacy.py, which searches it for learner ids. */
#include "common/rocks.h"

#include <stdio.h>

static enum status dump_family(struct rocks *store, struct rocks_family *family, struct error *error)
{
    struct rocks_iterator *iterator = rocks_iterator_open(store, family);
    printf("\n== family %s\n", rocks_family_name(family));
    for (rocks_iterator_seek(iterator, slice_of("", 0)); rocks_iterator_valid(iterator);
         rocks_iterator_next(iterator)) {
        struct slice parts[] = {rocks_iterator_key(iterator), rocks_iterator_value(iterator)};
        for (size_t i = 0; i < ARRAY_COUNT(parts); i++) {
            fwrite(parts[i].data, 1, parts[i].size, stdout);
            putchar('\n');
        }
    }
    enum status status = rocks_iterator_status(iterator, error);
    rocks_iterator_close(iterator);
    return status;
}

int main(int argc, char **argv)
{
    struct rocks_options options = {.mode = ROCKS_READ_ONLY,
                                    .write_buffer_bytes = 1 << 20,
                                    .cache_bytes = 1 << 20,
                                    .max_wal_bytes = 1 << 20,
                                    .block_bytes = 4096};
    struct error error = {.status = STATUS_USAGE, .text = "say: dump_store FOLDER"};
    struct rocks *store = NULL;
    enum status status = argc == 2 ? rocks_open(argv[1], &options, NULL, 0, &store, &error) : STATUS_USAGE;
    for (size_t i = 0; status == STATUS_OK && i < rocks_family_count(store); i++)
        status = dump_family(store, rocks_family_at(store, i), &error);
    rocks_close(store);
    if (status != STATUS_OK)
        fprintf(stderr, "dump_store: %s\n", error.text);
    return status_exit_code(status);
}
