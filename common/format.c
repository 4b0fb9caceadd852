#include "common/format.h"

enum {
    FORMAT_FIRST = 1
};

enum status format_check(uint32_t found, uint32_t known, struct error *error)
{
    if (found > known)
        return error_set(error, STATUS_NEWER,
                         "it is of format %u, this program knows %u; use the newer program that wrote it", found,
                         known);
    if (found < FORMAT_FIRST)
        return error_set(error, STATUS_CORRUPT, "it is of format %u, which no program wrote; this program knows %u",
                         found, known);
    return STATUS_OK;
}
