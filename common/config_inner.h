/* config_inner.h - what config.c (values) and config_file.c (the file) share; nobody else includes it.
 */
#ifndef JEJAK_COMMON_CONFIG_INNER_H
#define JEJAK_COMMON_CONFIG_INNER_H

#include "common/config.h"

enum config_key config_key_from_name(const char *name); /* CONFIG_COUNT where there is none */

/* Checks a value and keeps it; origin says where it comes from. The text of a failure does not name the origin. */
enum status config_set(struct config *config, const char *name, const char *text, const char *origin,
                       struct error *error) must_check;

/* Every pair of the file. The text of a failure begins with "path:line: ". */
enum status config_read_file(struct config *config, const char *path, struct error *error) must_check;

#endif
