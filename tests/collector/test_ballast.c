#include "collector/ballast.h"
#include "tests/scratch.h"

#include <criterion/criterion.h>

static char *home, *path;
static struct config *config;

static void setup(void)
{
    struct error error;
    home = scratch_make();
    char *data = scratch_path(home, "data");
    cr_assert_eq(mkdir(data, 0700), 0);
    free(data);
    path = scratch_path(home, "data/ballast");
    cr_assert_eq(config_open(home, NULL, NULL, 0, &config, &error), STATUS_OK, "%s", error.text);
}

static void teardown(void)
{
    config_close(config);
    free(path);
    scratch_remove(home);
}

TestSuite(ballast, .init = setup, .fini = teardown, .timeout = 30);

static uint64_t blocks_bytes(void)
{
    struct stat file;
    return stat(path, &file) == 0 ? (uint64_t)file.st_blocks * 512 : 0;
}

Test(ballast, takes_room_and_gives_it_up_once)
{
    cr_assert_not(ballast_give_up(config), "there is none yet");
    ballast_keep(config);
    cr_assert_geq(blocks_bytes(), BALLAST_BYTES, "no hole: blocks of its own");
    ballast_keep(config);
    cr_assert(ballast_give_up(config));
    cr_assert_eq(blocks_bytes(), 0);
    cr_assert_not(ballast_give_up(config));
}

Test(ballast, that_is_not_whole_is_made_anew)
{
    ballast_keep(config);
    cr_assert_eq(truncate(path, 4096), 0);
    ballast_keep(config);
    cr_assert_geq(blocks_bytes(), BALLAST_BYTES);
}
