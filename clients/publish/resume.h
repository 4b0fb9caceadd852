/* resume.h - the file that lets an interrupted run go on: same session, same borders of batches, nothing twice.
 *
 * It says up to where everything is settled. Batches are cut by number of events only, so reading on from there makes
 * the batches that were on their way again, byte for byte; the collector answers `duplicate` to those it has. It is
 * replaced as a whole (written beside, synced, renamed), first before anything is sent.
 *
 *     jejak-resume 1
 *     session 9f86d081884c7d659a2feaa0c55ad015
 *     settled 1200          every batch up to this seq
 *     batch 500             events in each
 *     shift 0               days added to every time
 *     done 0                1: all files were read to their ends and everything is settled
 *     place 0 104857 1201   file (from 0), byte, line where reading goes on
 *     file 209715 6e340b9cffb37a98 c1a5298f939e87e8 events.csv      one line a file
 *
 * A file is known by its size, by XXH3-64 of its first 64 KiB, and by XXH3-64 of the 64 KiB before the place (for the
 * file that the place is in). Where the run was done, a file may have grown: what was added is read.
 */
#ifndef JEJAK_PUBLISH_RESUME_H
#define JEJAK_PUBLISH_RESUME_H

#include "clients/publish/input.h"
#include "common/wire.h"

struct resume {
    uint8_t session[SESSION_BYTES];
    uint64_t settled;
    uint32_t batch;
    int64_t shift_days;
    bool done;
    struct input_place place;
};

/* The input files, with the sizes that they had when the run began: a file that grows meanwhile is not the same file to
 * a run that goes on, because its last batch would be another. */
struct resume_files {
    const char *const *paths;
    size_t count;
    uint64_t *sizes;
};
enum status resume_files_open(const char *const *paths, size_t count, struct resume_files *files,
                              struct error *error) must_check;
void resume_files_close(struct resume_files *files);

/* Reads the file and holds it against the input files. *found: false where there is none, which is a fresh start. */
enum status resume_read(const char *path, const struct resume_files *files, bool *found, struct resume *resume,
                        struct error *error) must_check;
enum status resume_write(const char *path, const struct resume_files *files, const struct resume *resume,
                         struct error *error) must_check;

#endif
