#include "common/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

_Noreturn void ensure_failed(const char *file, int line, const char *condition)
{
    fprintf(stderr, "jejak: a bug: %s:%d: %s does not hold; please report it\n", file, line, condition);
    abort();
}

/* At once: exit() takes libraries down under the threads that still run, and dies of it now and then. */
static _Noreturn void out_of_memory(size_t count, size_t size)
{
    fprintf(stderr, "jejak: out of memory: %zu x %zu bytes could not be had\n", count, size);
    _exit(EX_OSERR);
}

void *mem_new(size_t count, size_t size)
{
    void *memory = calloc(count ? count : 1, size ? size : 1);
    if (!memory)
        out_of_memory(count, size);
    return memory;
}

void *mem_grow(void *memory, size_t count, size_t size)
{
    void *grown = reallocarray(memory, count ? count : 1, size);
    if (!grown)
        out_of_memory(count, size);
    return grown;
}

void mem_prefer_huge(void *memory, size_t size)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = ((uintptr_t)memory + page - 1) / page * page;
    uintptr_t end = (uintptr_t)memory + size;
    if (start < end)
        (void)madvise((uint8_t *)memory + (start - (uintptr_t)memory), end - start, MADV_HUGEPAGE);
}

char *mem_text(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    ensure(length >= 0);
    char *text = mem_new((size_t)length + 1, 1);
    va_start(args, format);
    vsnprintf(text, (size_t)length + 1, format, args);
    va_end(args);
    return text;
}

int64_t clock_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_mono_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}
