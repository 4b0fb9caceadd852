/* mp.h - a cursor over msgpack bytes from outside, that remembers its first error.
 *
 * It reads in a straight line, allocates nothing, recurses nowhere and never looks past its end; after an error every
 * further read gives zeros, so a decoder checks once, at its end. A length or count greater than the bytes left is an
 * error at its header. (msgpack-c's unpacker reserves memory by such a count before it looks, and takes 107 ns an event
 * against 12; it encodes, and the tests compare this cursor with it.) Format: github.com/msgpack/msgpack spec.md.
 */
#ifndef JEJAK_COMMON_MP_H
#define JEJAK_COMMON_MP_H

#include "common/base.h"

enum mp_type {
    MP_NIL,
    MP_BOOL,
    MP_UINT, /* an integer >= 0 */
    MP_INT,  /* an integer < 0 */
    MP_FLOAT,
    MP_STR,
    MP_BIN,
    MP_ARRAY,
    MP_MAP,
    MP_EXT,
    MP_NONE, /* the end, or bytes that are no msgpack */
};

struct mp {
    const uint8_t *at;
    const uint8_t *end;
    const char *error; /* the first one, NULL while all is well */
};

/* One value's head: scalars whole, the bytes of str/bin/ext borrowed, the count of array/map. */
struct mp_value {
    enum mp_type type;
    union {
        uint64_t u; /* MP_UINT; MP_BOOL: 0 or 1; MP_ARRAY, MP_MAP: count */
        int64_t i;  /* MP_INT */
        double f;
    };
    struct slice bytes; /* MP_STR, MP_BIN, MP_EXT */
};

static inline struct mp mp_open(struct slice bytes)
{
    return (struct mp){bytes.data, bytes.data + bytes.size, NULL};
}
static inline size_t mp_left(const struct mp *mp)
{
    return (size_t)(mp->end - mp->at);
}
void mp_fail(struct mp *mp, const char *error); /* the first one stays */

enum mp_type mp_peek(const struct mp *mp);
struct mp_value mp_read(struct mp *mp); /* any head; MP_NONE after an error */
void mp_skip(struct mp *mp);            /* one whole value, however deeply nested */
struct mp_value
mp_read_whole(struct mp *mp); /* scalars as mp_read(); of array and map the head, the rest passed over */
/* A value of the type asked for, or an error. */
uint32_t mp_map(struct mp *mp);
uint32_t mp_array(struct mp *mp);
uint64_t mp_uint(struct mp *mp);
int64_t mp_int(struct mp *mp); /* of either sign, within int64 */
struct slice mp_str(struct mp *mp);
struct slice mp_bin(struct mp *mp);
/* All well, and all bytes consumed? */
bool mp_done(const struct mp *mp);

#endif
