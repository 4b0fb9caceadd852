/* fuzz.h - what a fuzz target is: one function of bytes. With the fuzz preset libFuzzer calls it; in every other build
 * replay.c does, on the files of the corpus.
 *
 * A target copies its bytes to memory of exactly their size, so that a sanitizer sees every read beyond them, and holds
 * what was read to what its header promises: `promise` ends the process where that is broken, which is the finding. */
#ifndef JEJAK_TESTS_FUZZ_FUZZ_H
#define JEJAK_TESTS_FUZZ_FUZZ_H

#include "tests/fuzz/promise.h"
#include "tests/support/bytes.h"

#endif
