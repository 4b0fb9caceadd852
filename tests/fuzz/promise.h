/* promise.h - what a fuzz target holds its subject to; apart from fuzz.h for targets whose subject has a `struct bytes` too. */
#ifndef JEJAK_TESTS_FUZZ_PROMISE_H
#define JEJAK_TESTS_FUZZ_PROMISE_H

#include "common/base.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define promise(condition) ((condition) ? (void)0 : promise_broken(__FILE__, __LINE__, #condition))
static inline _Noreturn void promise_broken(const char *file, int line, const char *condition)
{
    fprintf(stderr, "%s:%d: broken promise: %s\n", file, line, condition);
    abort();
}

#endif
