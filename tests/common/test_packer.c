#include "common/mp.h"
#include "common/packer.h"

#include <criterion/criterion.h>
#include <stdlib.h>

TestSuite(packer);

Test(packer, what_was_packed_is_read_back)
{
    struct packer *packer = packer_open();
    uint8_t id[3] = {0, 255, 7};
    packer_map(packer, 4);
    packer_pair_natural(packer, "n", UINT64_MAX);
    packer_pair_text(packer, "t", "terjemahan ✓");
    packer_text(packer, "list");
    packer_array(packer, 2);
    packer_nil(packer);
    packer_slice(packer, slice_of("abc", 2));
    packer_text(packer, "b");
    packer_binary(packer, slice_of(id, sizeof id));
    struct slice bytes = packer_take(packer);

    struct mp mp = mp_open(bytes);
    cr_assert_eq(mp_map(&mp), 4);
    cr_assert(slice_equal(mp_str(&mp), slice_of_text("n")));
    cr_assert_eq(mp_uint(&mp), UINT64_MAX);
    cr_assert(slice_equal(mp_str(&mp), slice_of_text("t")));
    cr_assert(slice_equal(mp_str(&mp), slice_of_text("terjemahan ✓")));
    cr_assert(slice_equal(mp_str(&mp), slice_of_text("list")));
    cr_assert_eq(mp_array(&mp), 2);
    cr_assert_eq(mp_read(&mp).type, MP_NIL);
    cr_assert(slice_equal(mp_str(&mp), slice_of_text("ab")));
    cr_assert(slice_equal(mp_str(&mp), slice_of_text("b")));
    cr_assert(slice_equal(mp_read(&mp).bytes, slice_of(id, sizeof id)));
    cr_assert(mp_done(&mp));
    free((void *)(uintptr_t)bytes.data);
}

Test(packer, forms_are_the_shortest)
{
    static const uint8_t expected[] = {0x82, 0xa1, 'v', 1, 0xa0, 0xc4, 0};
    struct packer *packer = packer_open();
    packer_map(packer, 2);
    packer_pair_natural(packer, "v", 1);
    packer_slice(packer, (struct slice){0});
    packer_binary(packer, (struct slice){0});
    cr_assert(slice_equal(packer_bytes(packer), slice_of(expected, sizeof expected)));
    packer_close(packer);
}

Test(packer, what_was_cleared_is_gone)
{
    struct packer *packer = packer_open();
    packer_text(packer, "before");
    packer_clear(packer);
    cr_assert_eq(packer_bytes(packer).size, 0);
    packer_natural(packer, 5);
    cr_assert(slice_equal(packer_bytes(packer), slice_of("\x05", 1)));
    packer_close(packer);
    packer_close(NULL);
}
