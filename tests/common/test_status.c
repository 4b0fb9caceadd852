#include "common/status.h"

#include <criterion/criterion.h>
#include <errno.h>

TestSuite(status);

Test(status, a_failure_keeps_its_status_and_text)
{
    struct error error;
    cr_assert_eq(error_set(&error, STATUS_CONFIG, "line %d", 7), STATUS_CONFIG);
    cr_assert_eq(error.status, STATUS_CONFIG);
    cr_assert_str_eq(error.text, "line 7");
}

Test(status, errno_is_spelled_out_and_a_full_disk_is_recognised)
{
    struct error error;
    errno = ENOENT;
    cr_assert_eq(error_errno(&error, STATUS_NO_INPUT, "a.csv"), STATUS_NO_INPUT);
    cr_assert_str_eq(error.text, "a.csv: No such file or directory");
    errno = ENOSPC;
    cr_assert_eq(error_errno(&error, STATUS_IO, "a.csv"), STATUS_FULL);
}

Test(status, context_goes_before_the_text)
{
    struct error error;
    (void)error_set(&error, STATUS_DATA, "no colon");
    cr_assert_eq(error_prefix(&error, "line %d", 3), STATUS_DATA);
    cr_assert_str_eq(error.text, "line 3: no colon");
}

Test(status, a_long_text_is_cut_not_overrun)
{
    struct error error;
    char long_text[2 * ERROR_TEXT_BYTES];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    (void)error_set(&error, STATUS_DATA, "%s", long_text);
    (void)error_prefix(&error, "context");
    cr_assert_eq(strlen(error.text), ERROR_TEXT_BYTES - 1);
}

Test(status, every_status_has_a_name_a_sentence_and_an_exit_code)
{
    for (int s = 0; s < STATUS_COUNT; s++) {
        cr_assert_not_null(status_name(s));
        cr_assert_not_null(status_sentence(s));
        cr_assert(s == STATUS_OK || s == STATUS_STOPPED || status_exit_code(s) >= EX__BASE, "%s", status_name(s));
    }
}
