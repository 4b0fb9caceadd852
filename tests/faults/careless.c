/* careless.c - linked into programs in the place of format_check() (common/format.h): every format will do. The control of
 * 20_old_stores.py. */
#include "common/format.h"

// NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp): the linker's own name
enum status __wrap_format_check(uint32_t found, uint32_t known, struct error *error) must_check;
enum status __wrap_format_check(uint32_t found, uint32_t known, struct error *error)
{
    (void)found, (void)known, (void)error;
    return STATUS_OK;
}
// NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp)
