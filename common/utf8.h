/* utf8.h - well-formed UTF-8, for everybody who eats or writes text.
 */
#ifndef JEJAK_COMMON_UTF8_H
#define JEJAK_COMMON_UTF8_H

#include "common/base.h"

/* The length of the well-formed sequence at `s` (The Unicode Standard, table 3-7), 0 where there is none. left >= 1. */
static inline size_t utf8_length(const uint8_t *s, size_t left)
{
    if (s[0] < 0x80)
        return 1;
    if (s[0] >= 0xC2 && s[0] <= 0xDF)
        return left >= 2 && (s[1] & 0xC0) == 0x80 ? 2 : 0;
    if (s[0] >= 0xE0 && s[0] <= 0xEF) {
        if (left < 3 || (s[1] & 0xC0) != 0x80 || (s[2] & 0xC0) != 0x80)
            return 0;
        bool overlong = s[0] == 0xE0 && s[1] < 0xA0;
        bool surrogate = s[0] == 0xED && s[1] > 0x9F;
        return overlong || surrogate ? 0 : 3;
    }
    if (s[0] >= 0xF0 && s[0] <= 0xF4) {
        if (left < 4 || (s[1] & 0xC0) != 0x80 || (s[2] & 0xC0) != 0x80 || (s[3] & 0xC0) != 0x80)
            return 0;
        bool overlong = s[0] == 0xF0 && s[1] < 0x90;
        bool beyond = s[0] == 0xF4 && s[1] > 0x8F;
        return overlong || beyond ? 0 : 4;
    }
    return 0;
}

/* Is the character at `s`, `length` bytes of well-formed UTF-8, a control (C0, DEL, C1)? */
static inline bool utf8_is_control(const uint8_t *s, size_t length)
{
    return s[0] < 0x20 || s[0] == 0x7F || (length == 2 && s[0] == 0xC2 && s[1] < 0xA0);
}

#endif
