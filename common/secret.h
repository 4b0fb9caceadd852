/* secret.h - memory for keys: locked, so that it is never swapped to a disk; left out of core dumps; between pages that
 * nobody may touch; zeroed when it is freed (libsodium's guarded memory).
 *
 * Needs a few pages of what a process may lock (RLIMIT_MEMLOCK; 8 MiB on Debian unless set otherwise). What a library
 * copies for itself stays outside: libzmq keeps the CURVE secret of each socket.
 */
#ifndef JEJAK_COMMON_SECRET_H
#define JEJAK_COMMON_SECRET_H

#include "common/status.h"

/* Zeroed. STATUS_SYSTEM with what to raise where it cannot be locked: it is not handed out unlocked. */
enum status secret_new(size_t size, void **memory, struct error *error) must_check;
void secret_free(void *memory); /* NULL is fine */

#endif
