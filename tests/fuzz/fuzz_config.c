/* A configuration file. What it says is what config_value() tells, and every value lies within its bounds. */
#include "tests/fuzz/fuzz.h"

#include "common/config.h"
#include "tests/fuzz/memory_file.h"

static void check_values(const struct config *config, const char *path)
{
    size_t length = strlen(path);
    for (enum config_key key = 0; key < CONFIG_COUNT; key++) {
        const char *origin = config_origin(config, key), *value = config_value(config, key);
        promise(value && strlen(value) < 4096);
        promise(strcmp(origin, "default") == 0 || (strncmp(origin, path, length) == 0 && origin[length] == ':'));
    }
    promise(config_whole(config, CONFIG_MAX_MESSAGE_BYTES) >= 1 << 20);
    promise(config_whole(config, CONFIG_MAX_MESSAGE_BYTES) <= 16 << 20);
    promise(config_whole(config, CONFIG_SESSION_DAYS) >= 30 && config_whole(config, CONFIG_SESSION_DAYS) <= 3650);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[32];
    struct config *config = NULL;
    struct error error;
    snprintf(path, sizeof path, "/proc/self/fd/%d", memory_file(data, size));
    enum status status = config_open("/nowhere", path, NULL, 0, &config, &error);
    promise(status == STATUS_OK || (status == STATUS_CONFIG && strncmp(error.text, path, strlen(path)) == 0));
    if (status != STATUS_OK)
        return 0;
    check_values(config, path);
    config_close(config);
    return 0;
}
