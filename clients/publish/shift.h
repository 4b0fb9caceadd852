/* shift.h - moving old data by whole UTC days, so that its last event falls on a given day. */
#ifndef JEJAK_PUBLISH_SHIFT_H
#define JEJAK_PUBLISH_SHIFT_H

#include "clients/publish/input.h"

#define DAY_MS INT64_C(86400000)

/* Reads all files once. `day` counts from 1970-01-01. Without any event there is nothing to move: 0. */
enum status shift_find(const char *const *paths, size_t count, enum input_format format, int32_t day, int64_t *days,
                       struct error *error) must_check;

#endif
