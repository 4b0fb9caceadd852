#include "aggregator/report_settings.h"

#include "tests/scratch.h"

#include <criterion/criterion.h>

static char *home;
static struct error error;

static void setup(void)
{
    home = scratch_make();
}

static void teardown(void)
{
    scratch_remove(home);
}

TestSuite(report_settings, .init = setup, .fini = teardown, .timeout = 20);

static struct config *config_with(const char *set)
{
    struct config *config = NULL;
    cr_assert_eq(config_open(home, NULL, &set, 1, &config, &error), STATUS_OK, "%s", error.text);
    return config;
}

/* What a follower with one setting says to somebody with another. */
static enum status answer(const char *follower, const char *asker)
{
    struct config *own = config_with(follower), *other = config_with(asker);
    char *text = report_settings_text(other);
    enum status status = report_settings_check(own, text, &error);
    free(text);
    config_close(own);
    config_close(other);
    return status;
}

Test(report_settings, the_same_values_agree_however_written)
{
    cr_assert_eq(answer("k=12", "k=12"), STATUS_OK);
    cr_assert_eq(answer("over_factor=1.5", "over_factor=1.50"), STATUS_OK);
    cr_assert_eq(answer("k=10", "fold_ms=77"), STATUS_OK, "what no report depends on does not matter");
}

Test(report_settings, another_value_is_refused_by_its_name)
{
    cr_assert_eq(answer("k=10", "k=5"), STATUS_CONFIG);
    cr_assert(strstr(error.text, "k = 10, not 5"), "%s", error.text);
    cr_assert_eq(answer("skimmed_ratio=0.3", "skimmed_ratio=0.4"), STATUS_CONFIG);
    cr_assert(strstr(error.text, "skimmed_ratio = 0.3, not 0.4"), "%s", error.text);
    cr_assert_eq(answer("zone=Asia/Jakarta", "zone=Asia/Makassar"), STATUS_CONFIG);
}

Test(report_settings, what_is_no_list_of_settings_agrees_with_nothing)
{
    struct config *own = config_with("k=10");
    cr_assert_eq(report_settings_check(own, "k", &error), STATUS_CONFIG);
    cr_assert_eq(report_settings_check(own, "=\n\n=k\nzone", &error), STATUS_CONFIG);
    config_close(own);
}
