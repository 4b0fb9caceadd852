/* base.h - what every file of the project starts from: borrowed bytes, checked invariants, must-check results.
 *
 * Three kinds of trouble have three mechanisms, everywhere:
 *   a bad event           a verdict  (common/event.h)   answered to the publisher, never an error here
 *   the world failing us  a status   (common/status.h)  returned, must be checked, with a text in struct error
 *   our own bug           ensure()   below              ends the process; bytes from a socket or a file never reach one
 */
#ifndef JEJAK_COMMON_BASE_H
#define JEJAK_COMMON_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define must_check             __attribute__((warn_unused_result))
#define printf_like(fmt, args) __attribute__((format(printf, fmt, args)))

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* A slice borrows: it never owns its bytes and is valid only as long as whoever lent them says. */
struct slice {
    const uint8_t *data;
    size_t size;
};

static inline struct slice slice_of(const void *data, size_t size)
{
    return (struct slice){data, size};
}

static inline struct slice slice_of_text(const char *text)
{
    return (struct slice){(const uint8_t *)text, strlen(text)};
}

static inline bool slice_equal(struct slice a, struct slice b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Ends the process with file, line and the condition that did not hold. On in release builds too. */
#define ensure(condition) ((condition) ? (void)0 : ensure_failed(__FILE__, __LINE__, #condition))
_Noreturn void ensure_failed(const char *file, int line, const char *condition);

/* Memory that cannot be had ends the process with EX_OSERR and a sentence: for tools and for start-up. The paths that
 * serve requests use arenas of fixed size and answer `busy` instead. Zeroed. Freed with free(). */
void *mem_new(size_t count, size_t size) must_check;
void *mem_grow(void *memory, size_t count, size_t size) must_check; /* like realloc; new bytes are not zeroed */
/* Huge pages for it, where the system has them: a table of many megabytes misses the TLB at each look otherwise. */
void mem_prefer_huge(void *memory, size_t size);
char *mem_text(const char *format, ...) must_check printf_like(1, 2);

/* Wall clock, Unix ms UTC, and a monotonic clock in ns. Read at the edges only; the pipeline takes times as arguments.
 */
int64_t clock_now_ms(void);
int64_t clock_mono_ns(void);

/* Stored integers are little-endian, read and written byte by byte so that no alignment is assumed. */
static inline void put_u16(uint8_t *at, uint16_t v)
{
    memcpy(at, &v, 2);
}
static inline void put_u32(uint8_t *at, uint32_t v)
{
    memcpy(at, &v, 4);
}
static inline void put_u64(uint8_t *at, uint64_t v)
{
    memcpy(at, &v, 8);
}
static inline uint16_t get_u16(const uint8_t *at)
{
    uint16_t v;
    memcpy(&v, at, 2);
    return v;
}
static inline uint32_t get_u32(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, 4);
    return v;
}
static inline uint64_t get_u64(const uint8_t *at)
{
    uint64_t v;
    memcpy(&v, at, 8);
    return v;
}
/* Keys are big-endian, so that RocksDB's byte order is the numbers' order. */
static inline void put_be32(uint8_t *at, uint32_t v)
{
    put_u32(at, __builtin_bswap32(v));
}
static inline void put_be64(uint8_t *at, uint64_t v)
{
    put_u64(at, __builtin_bswap64(v));
}
static inline uint32_t get_be32(const uint8_t *at)
{
    return __builtin_bswap32(get_u32(at));
}
static inline uint64_t get_be64(const uint8_t *at)
{
    return __builtin_bswap64(get_u64(at));
}
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__,
               "stored integers are little-endian; a big-endian port swaps here");

#endif
