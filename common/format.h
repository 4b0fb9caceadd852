/* format.h - what a program says to stored bytes of another format than its own: it never guesses.
 *
 * Every stored thing has a format, a number from 1 on (docs/FORMATS.md). Whoever changes what stands in a store raises the
 * number in the store's row "format" too, even where only what lies inside has a new one: that row is looked at before
 * anything is written (rocks_look_format()), the numbers inside when they are read.
 */
#ifndef JEJAK_COMMON_FORMAT_H
#define JEJAK_COMMON_FORMAT_H

#include "common/status.h"

/* STATUS_NEWER above what this program knows, STATUS_CORRUPT below 1: "it is of format 2, this program knows 1; ...". The
 * caller names the thing before it (error_prefix()). */
enum status format_check(uint32_t found, uint32_t known, struct error *error) must_check;

#endif
