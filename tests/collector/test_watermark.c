#include "collector/watermark.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/jejak-watermark-XXXXXX";
static char path[64];

static void setup(void)
{
    cr_assert_not_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/watermark", folder);
}

static void teardown(void)
{
    unlink(path);
    rmdir(folder);
}

TestSuite(watermark, .init = setup, .fini = teardown);

static struct watermark_mark mark_at(uint64_t offset)
{
    struct watermark_mark mark = {.epoch = 3, .offset = offset, .vault_rows = offset / 2};
    memcpy(mark.log_id, "0123456789abcdef", LOG_ID_BYTES);
    return mark;
}

static void write_marks(uint64_t last)
{
    struct watermark *watermark;
    struct error error;
    struct watermark_mark mark = mark_at(0);
    cr_assert_eq(watermark_make(path, &mark, &watermark, &error), STATUS_OK);
    for (uint64_t i = 1; i <= last; i++) {
        mark = mark_at(i);
        cr_assert_eq(watermark_write(watermark, &mark, &error), STATUS_OK);
    }
    watermark_close(watermark);
}

static enum status read_mark(struct watermark_mark *mark)
{
    struct watermark *watermark;
    struct error error;
    enum status status = watermark_open(path, &watermark, mark, &error);
    if (status == STATUS_OK)
        watermark_close(watermark);
    return status;
}

Test(watermark, the_greatest_mark_is_read)
{
    struct watermark_mark mark;
    write_marks(7);
    cr_assert_eq(read_mark(&mark), STATUS_OK);
    cr_assert_eq(mark.offset, 7);
    cr_assert_eq(mark.vault_rows, 3);
    cr_assert_eq(mark.epoch, 3);
}

Test(watermark, is_never_made_over_an_old_one)
{
    struct watermark_mark mark = mark_at(0);
    struct watermark *watermark;
    struct error error;
    write_marks(1);
    cr_assert_neq(watermark_make(path, &mark, &watermark, &error), STATUS_OK);
}

Test(watermark, a_missing_file_is_no_input)
{
    struct watermark_mark mark;
    cr_assert_eq(read_mark(&mark), STATUS_NO_INPUT);
}

/* A torn write leaves the slot before it: one offset back at most, never a mark that was not written. */
Test(watermark, any_flipped_byte_leaves_the_other_slot)
{
    struct watermark_mark mark;
    write_marks(8);
    int fd = open(path, O_RDWR);
    for (off_t at = 0; at < WATERMARK_SLOTS * WATERMARK_SLOT_BYTES; at++) {
        uint8_t byte, flipped;
        cr_assert_eq(pread(fd, &byte, 1, at), 1);
        flipped = byte ^ 0x40;
        cr_assert_eq(pwrite(fd, &flipped, 1, at), 1);
        cr_assert_eq(read_mark(&mark), STATUS_OK);
        cr_assert(mark.offset == 7 || mark.offset == 8);
        cr_assert_eq(pwrite(fd, &byte, 1, at), 1);
    }
    cr_assert_eq(ftruncate(fd, 10), 0);
    cr_assert_eq(read_mark(&mark), STATUS_CORRUPT);
    close(fd);
}
