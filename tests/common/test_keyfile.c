#include "common/keyfile.h"
#include "tests/scratch.h"

#include <criterion/criterion.h>

static char *folder;
static struct error error;

static void begin(void)
{
    folder = scratch_make();
}
static void end(void)
{
    scratch_remove(folder);
}
TestSuite(keyfile, .init = begin, .fini = end);

/* 40 characters of Z85: 32 bytes of 0x0B, a valid key. */
static const char some_key[] = "3AmFW3AmFW3AmFW3AmFW3AmFW3AmFW3AmFW3AmFW";

static unsigned mode_of(const char *path)
{
    struct stat file;
    return stat(path, &file) == 0 ? file.st_mode & 07777 : 0;
}

Test(keyfile, a_pair_comes_back_as_written_with_the_right_modes)
{
    struct keypair pair;
    char text[KEY_TEXT_BYTES];
    umask(0027);
    cr_assert_eq(keypair_make(&pair, &error), STATUS_OK);
    cr_assert_eq(strlen(pair.public_key), 40);
    cr_assert_str_neq(pair.public_key, pair.secret_key);
    char *secret = scratch_path(folder, "a.secret"), *public = scratch_path(folder, "a.public");
    cr_assert_eq(keyfile_write_secret(secret, pair.secret_key, &error), STATUS_OK, "%s", error.text);
    cr_assert_eq(keyfile_write_public(public, pair.public_key, &error), STATUS_OK, "%s", error.text);
    cr_assert_eq(mode_of(secret), 0600);
    cr_assert_eq(mode_of(public), 0644);
    cr_assert_eq(keyfile_read_secret(secret, text, &error), STATUS_OK);
    cr_assert_str_eq(text, pair.secret_key);
    cr_assert_eq(keyfile_read_public(public, text, &error), STATUS_OK);
    cr_assert_str_eq(text, pair.public_key);
    free(secret), free(public);
}

Test(keyfile, an_old_key_is_never_written_over_and_no_draft_stays)
{
    char *path = scratch_path(folder, "a.secret"), text[KEY_TEXT_BYTES];
    struct keypair pair;
    cr_assert_eq(keypair_make(&pair, &error), STATUS_OK);
    cr_assert_eq(keyfile_write_secret(path, pair.secret_key, &error), STATUS_OK);
    cr_assert_eq(keyfile_write_secret(path, some_key, &error), STATUS_CANNOT_MAKE);
    cr_assert_not_null(strstr(error.text, path));
    cr_assert_eq(keyfile_read_secret(path, text, &error), STATUS_OK);
    cr_assert_str_eq(text, pair.secret_key);
    unlink(path);
    cr_assert_eq(rmdir(folder), 0, "a draft was left in the folder");
    mkdir(folder, 0700);
    free(path);
}

Test(keyfile, a_secret_of_a_wrong_mode_or_kind_is_refused_by_name)
{
    char *path = scratch_path(folder, "a.secret"), *other = scratch_path(folder, "link"), text[KEY_TEXT_BYTES];
    static const unsigned wrong[] = {0644, 0640, 0604, 0700, 0660, 04600};
    for (size_t i = 0; i < ARRAY_COUNT(wrong); i++) {
        scratch_write(path, some_key, 40, wrong[i]);
        cr_assert_eq(keyfile_read_secret(path, text, &error), STATUS_CONFIG, "%04o", wrong[i]);
        cr_assert_not_null(strstr(error.text, path));
    }
    scratch_write(path, some_key, 40, 0400);
    cr_assert_eq(keyfile_read_secret(path, text, &error), STATUS_OK, "%s", error.text);
    cr_assert_eq(symlink(path, other), 0);
    cr_assert_eq(keyfile_read_secret(other, text, &error), STATUS_CONFIG);
    unlink(other);
    cr_assert_eq(mkfifo(other, 0600), 0);
    cr_assert_eq(keyfile_read_secret(other, text, &error), STATUS_CONFIG, "a pipe must not hang nor serve");
    cr_assert_eq(keyfile_read_secret(folder, text, &error), STATUS_CONFIG);
    unlink(other);
    cr_assert_eq(keyfile_read_secret(other, text, &error), STATUS_NO_INPUT);
    free(path), free(other);
}

Test(keyfile, a_key_that_anybody_may_write_is_refused)
{
    char *path = scratch_path(folder, "a.public"), text[KEY_TEXT_BYTES];
    scratch_write(path, some_key, 40, 0646);
    cr_assert_eq(keyfile_read_public(path, text, &error), STATUS_CONFIG);
    free(path);
}

Test(keyfile, what_is_not_one_key_is_refused_without_being_quoted)
{
    static const char zeros[] = "0000000000000000000000000000000000000000";
    static const struct {
        const char *text;
        enum status status;
    } cases[] = {
        {"", STATUS_CONFIG},
        {"\n", STATUS_CONFIG},
        {"3AmFW", STATUS_CONFIG},
        {zeros, STATUS_CONFIG},
        {"3AmFW3AmFW3AmFW3AmFW3AmFW3AmFW3AmFW3AmF", STATUS_CONFIG},
        {"3AmFW3AmFW3AmFW3AmFW3AmFW3AmFW3AmFW3AmFWx", STATUS_CONFIG},
        {"3AmFW3AmFW3AmFW3AmFW3AmFW3AmFW3AmFW3AmFW\nx", STATUS_CONFIG},
        {"3AmFW3AmFW3AmFW3AmFW3AmFW3AmFW3AmFW3Am~W", STATUS_CONFIG},
        {"3AmFW3AmFW3AmFW3AmFW3AmFW3AmFW3AmFW#####", STATUS_CONFIG}, /* beyond 32 bits */
        {"3AmFW3AmFW3AmFW3AmFW3AmFW3AmFW3AmFW3AmFW", STATUS_OK},
        {"3AmFW3AmFW3AmFW3AmFW3AmFW3AmFW3AmFW3AmFW\n", STATUS_OK},
        {"3AmFW3AmFW3AmFW3AmFW3AmFW3AmFW3AmFW3AmFW\r\n", STATUS_OK},
    };
    char *path = scratch_path(folder, "a.secret");
    for (size_t i = 0; i < ARRAY_COUNT(cases); i++) {
        char text[KEY_TEXT_BYTES] = "untouched";
        scratch_write(path, cases[i].text, strlen(cases[i].text), 0600);
        cr_assert_eq(keyfile_read_secret(path, text, &error), cases[i].status, "case %zu", i);
        cr_assert_str_eq(text, cases[i].status == STATUS_OK ? some_key : "untouched", "case %zu", i);
        cr_assert(cases[i].status == STATUS_OK || !strstr(error.text, "3AmFW"), "case %zu quotes the key", i);
    }
    cr_assert_eq(keyfile_write_public("/nonexistent/x", zeros, &error), STATUS_DATA);
    free(path);
}

Test(keyfile, bytes_are_random_and_come_back)
{
    char *a = scratch_path(folder, "a.key"), *b = scratch_path(folder, "b.key");
    uint8_t first[KEY_BYTES], again[KEY_BYTES], second[KEY_BYTES];
    cr_assert_eq(keyfile_make_bytes(a, &error), STATUS_OK, "%s", error.text);
    cr_assert_eq(keyfile_make_bytes(b, &error), STATUS_OK);
    cr_assert_eq(keyfile_read_bytes(a, first, &error), STATUS_OK);
    cr_assert_eq(keyfile_read_bytes(a, again, &error), STATUS_OK);
    cr_assert_eq(keyfile_read_bytes(b, second, &error), STATUS_OK);
    cr_assert_arr_eq(first, again, KEY_BYTES);
    cr_assert_arr_neq(first, second, KEY_BYTES);
    cr_assert_eq(mode_of(a), 0600);
    free(a), free(b);
}

struct names {
    size_t count;
    char text[256];
};

static enum status remember(const char *name, const char public_key[KEY_TEXT_BYTES], void *argument, struct error *e)
{
    struct names *names = argument;
    (void)e;
    cr_assert_str_eq(public_key, some_key);
    names->count++;
    strcat(strcat(names->text, name), " ");
    return STATUS_OK;
}

Test(keyfile, public_keys_of_a_folder_are_listed_in_order_of_name)
{
    static const char *const files[] = {"lms.public", "b.public", "Z.public", "b.secret", "note.txt", "b.public~"};
    for (size_t i = 0; i < ARRAY_COUNT(files); i++) {
        char *path = scratch_path(folder, files[i]);
        scratch_write(path, some_key, 40, 0644);
        free(path);
    }
    struct names names = {0};
    cr_assert_eq(keyfile_each_public(folder, remember, &names, &error), STATUS_OK, "%s", error.text);
    cr_assert_str_eq(names.text, "Z b lms ");
    cr_assert_eq(keyfile_each_public("/nonexistent/keys", remember, &names, &error), STATUS_OK);

    char *bad = scratch_path(folder, "a name.public");
    scratch_write(bad, some_key, 40, 0644);
    cr_assert_eq(keyfile_each_public(folder, remember, &names, &error), STATUS_CONFIG);
    cr_assert_not_null(strstr(error.text, "a name.public"));
    unlink(bad);
    free(bad);
    bad = scratch_path(folder, ".public");
    scratch_write(bad, some_key, 40, 0644);
    cr_assert_eq(keyfile_each_public(folder, remember, &names, &error), STATUS_CONFIG);
    free(bad);
}

Test(keyfile, folders_are_made_private_and_old_ones_stay_as_they_are)
{
    char *deep = scratch_path(folder, "x/y/"), *middle = scratch_path(folder, "x"), *file = scratch_path(folder, "f");
    cr_assert_eq(folder_make(deep, &error), STATUS_OK, "%s", error.text);
    cr_assert_eq(mode_of(deep), 0700);
    chmod(middle, 0755);
    cr_assert_eq(folder_make(deep, &error), STATUS_OK);
    cr_assert_eq(mode_of(middle), 0755);
    scratch_write(file, "", 0, 0600);
    cr_assert_eq(folder_make(file, &error), STATUS_CANNOT_MAKE);
    free(deep), free(middle), free(file);
}
