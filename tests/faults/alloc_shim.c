/* alloc_shim.c - memory that cannot be had: of the allocations that the program itself asks for, those from code of its own mapping
 * and not of a library's, the n-th fails. Loaded into a program (LD_PRELOAD) for 17_memory.py, which has the other end.
 *
 * JEJAK_ALLOC names a file of 64 bytes that both sides map. All fields are little-endian and aligned:
 *
 *     0      4         8        16     24      32
 *     mode | lasting | counted | nth | failed | where: offset in the program of who asked
 */
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

enum mode {
    MODE_COUNT,
    MODE_FAIL, /* NULL, ENOMEM */
    MODE_WILD, /* a pointer that nobody may use: what comes of a failure that is not looked at */
};

struct order {
    _Atomic uint32_t mode;
    uint32_t lasting; /* 1: and all after it */
    _Atomic uint64_t counted;
    uint64_t nth; /* from 1 */
    _Atomic uint64_t failed, where;
    char unused[24];
};
_Static_assert(sizeof(struct order) == 64, "the layout that 17_memory.py writes");

enum {
    WILD_POINTER = 64, /* in the first page, which is never mapped */
};

/* glibc's own, which do the work. */
// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)

static struct order *order;
static uintptr_t program, program_end; /* where the program's own code and data are mapped */

static void find_program(void)
{
    const ElfW(Phdr) *header = (const ElfW(Phdr) *)getauxval(AT_PHDR);
    unsigned long count = getauxval(AT_PHNUM);
    uintptr_t base = 0;
    for (unsigned long i = 0; i < count; i++)
        if (header[i].p_type == PT_PHDR)
            base = (uintptr_t)header - header[i].p_vaddr;
    program = base;
    for (unsigned long i = 0; i < count; i++)
        if (header[i].p_type == PT_LOAD && base + header[i].p_vaddr + header[i].p_memsz > program_end)
            program_end = base + header[i].p_vaddr + header[i].p_memsz;
}

__attribute__((constructor)) static void map_order(void)
{
    const char *path = getenv("JEJAK_ALLOC");
    int file = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    void *memory = file < 0 ? MAP_FAILED : mmap(NULL, sizeof *order, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    if (memory == MAP_FAILED)
        _exit(71);
    close(file);
    find_program();
    order = memory;
}

/* Does this one fail? */
static bool fails(const void *caller)
{
    uintptr_t from = (uintptr_t)caller;
    if (!order || from < program || from >= program_end)
        return false;
    uint64_t number = atomic_fetch_add(&order->counted, 1) + 1;
    uint32_t mode = atomic_load(&order->mode);
    if (mode == MODE_COUNT || number < order->nth || (number > order->nth && !order->lasting))
        return false;
    if (atomic_fetch_add(&order->failed, 1) == 0)
        atomic_store(&order->where, from - program);
    errno = ENOMEM;
    return true;
}

static void *no_memory(void)
{
    return atomic_load(&order->mode) == MODE_WILD ? (void *)(uintptr_t)WILD_POINTER : NULL;
}

#define FAILS() fails(__builtin_return_address(0))

// NOLINTBEGIN(readability-inconsistent-declaration-parameter-name): glibc's own names are reserved
void *malloc(size_t size)
{
    return FAILS() ? no_memory() : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    return FAILS() ? no_memory() : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    return FAILS() ? no_memory() : __libc_realloc(memory, size);
}

void *reallocarray(void *memory, size_t count, size_t size)
{
    size_t bytes = 0;
    if (FAILS())
        return no_memory();
    if (__builtin_mul_overflow(count, size, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    return __libc_realloc(memory, bytes);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return FAILS() ? no_memory() : __libc_memalign(alignment, size);
}

int posix_memalign(void **memory, size_t alignment, size_t size)
{
    void *made = FAILS() ? no_memory() : __libc_memalign(alignment, size);
    if (made)
        *memory = made;
    return made ? 0 : ENOMEM;
}

char *strdup(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = FAILS() ? no_memory() : __libc_malloc(size);
    return copy && copy != (char *)(uintptr_t)WILD_POINTER ? memcpy(copy, text, size) : copy;
}
// NOLINTEND(readability-inconsistent-declaration-parameter-name)
