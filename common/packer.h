/* packer.h - msgpack written into memory that grows: what mp.h reads. Confines msgpack-c's encoder to one source.
 *
 *     struct packer *packer = packer_open();
 *     packer_map(packer, 2);
 *     packer_pair_natural(packer, "v", 1);
 *     packer_pair_text(packer, "op", "status");
 *     struct slice request = packer_take(packer);
 *
 * Memory that cannot be had ends the process (base.h). A map announces its pairs, an array its elements; that as many follow is the caller's to see. Integers and lengths
 * take the shortest form.
 */
#ifndef JEJAK_COMMON_PACKER_H
#define JEJAK_COMMON_PACKER_H

#include "common/base.h"

struct packer;
struct packer *packer_open(void) must_check;
void packer_close(struct packer *packer); /* NULL is fine */
void packer_clear(struct packer *packer); /* to begin again in the same memory */

struct slice packer_bytes(const struct packer *packer);     /* lent until the next call */
struct slice packer_take(struct packer *packer) must_check; /* closes it; free() the slice's data */

void packer_map(struct packer *packer, size_t pairs);
void packer_array(struct packer *packer, size_t elements);
void packer_nil(struct packer *packer);
void packer_natural(struct packer *packer, uint64_t number);
void packer_text(struct packer *packer, const char *text);
void packer_slice(struct packer *packer, struct slice text); /* a text, too */
void packer_binary(struct packer *packer, struct slice bytes);

void packer_pair_natural(struct packer *packer, const char *key, uint64_t number);
void packer_pair_text(struct packer *packer, const char *key, const char *text);

#endif
