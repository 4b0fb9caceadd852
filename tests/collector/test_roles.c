/* Who may do what: keys listed in folders, taken off again, exchanged, broken. */
#include "collector/roles.h"
#include "common/block.h"

#include "tests/scratch.h"

#include <criterion/criterion.h>

static char *home;
static struct roles *roles;
static struct error error;

static void set_up(void)
{
    home = scratch_make();
    roles = roles_open(home, 3);
}

static void tear_down(void)
{
    roles_close(roles);
    scratch_remove(home);
}

TestSuite(roles, .init = set_up, .fini = tear_down);

/* Lists a new key under FOLDER/NAME.public. */
static struct keypair list_key(const char *folder, const char *name)
{
    struct keypair pair;
    char *under = scratch_path(home, folder), *path = mem_text("%s/%s.public", under, name);
    cr_assert_eq(folder_make(under, &error), STATUS_OK);
    cr_assert_eq(keypair_make(&pair, &error), STATUS_OK);
    cr_assert_eq(keyfile_write_public(path, pair.public_key, &error), STATUS_OK, "%s", error.text);
    free(path);
    free(under);
    return pair;
}

static void write_listed(const char *file, const char *text)
{
    char *path = scratch_path(home, file);
    scratch_write(path, text, strlen(text), 0644);
    free(path);
}

static void remove_listed(const char *file)
{
    char *path = scratch_path(home, file);
    cr_assert_eq(unlink(path), 0);
    free(path);
}

static void reload(void)
{
    cr_assert_eq(roles_reload(roles, 3, &error), STATUS_OK, "%s", error.text);
}

static void assert_reload_fails(const char *says)
{
    cr_assert_eq(roles_reload(roles, 3, &error), STATUS_CONFIG, "%s", status_name(error.status));
    cr_assert_not_null(strstr(error.text, says), "`%s` is not in: %s", says, error.text);
}

Test(roles, nobody_is_listed_where_nothing_stands)
{
    reload();
    cr_assert_eq(roles_publisher(roles, ROLE_PLAIN_USER), ROLE_NOBODY);
    cr_assert_eq(roles_publisher(roles, ""), ROLE_NOBODY);
    for (unsigned role = 0; role < ROLE_COUNT; role++) {
        cr_assert_not(roles_listed(roles, (enum role)role, ROLE_PLAIN_USER));
        cr_assert_eq(roles_listed_count(roles, (enum role)role), 0);
    }
}

Test(roles, a_key_is_listed_in_its_role_only)
{
    struct keypair lms = list_key("publishers", "lms"), copy = list_key("readers", "copy");
    struct keypair officer = list_key("admins", "officer");
    reload();
    cr_assert(roles_listed(roles, ROLE_PUBLISHER, lms.public_key));
    cr_assert_not(roles_listed(roles, ROLE_READER, lms.public_key));
    cr_assert_not(roles_listed(roles, ROLE_ADMIN, lms.public_key));
    cr_assert(roles_listed(roles, ROLE_READER, copy.public_key));
    cr_assert_not(roles_listed(roles, ROLE_PUBLISHER, copy.public_key));
    cr_assert(roles_listed(roles, ROLE_ADMIN, officer.public_key));
    cr_assert_eq(roles_publisher(roles, copy.public_key), ROLE_NOBODY);
    cr_assert_str_eq(roles_publisher_name(roles, roles_publisher(roles, lms.public_key)), "lms");
    cr_assert_not(roles_listed(roles, ROLE_PUBLISHER, lms.secret_key));
}

Test(roles, a_removed_key_is_refused_and_an_exchanged_one_keeps_its_number)
{
    struct keypair first = list_key("publishers", "lms"), other = list_key("publishers", "other");
    reload();
    uint32_t lms = roles_publisher(roles, first.public_key);
    remove_listed("publishers/lms.public");
    reload();
    cr_assert_eq(roles_publisher(roles, first.public_key), ROLE_NOBODY);
    cr_assert_neq(roles_publisher(roles, other.public_key), ROLE_NOBODY);
    struct keypair second = list_key("publishers", "lms");
    reload();
    cr_assert_eq(roles_publisher(roles, second.public_key), lms);
    cr_assert_eq(roles_publisher(roles, first.public_key), ROLE_NOBODY);
    cr_assert_eq(roles_publisher_count(roles), 2);
}

Test(roles, broken_lists_let_nobody_new_in)
{
    struct keypair lms = list_key("publishers", "lms");
    reload();
    write_listed("publishers/broken.public", "too short\n");
    assert_reload_fails("publishers/broken.public");
    cr_assert_neq(roles_publisher(roles, lms.public_key), ROLE_NOBODY);
    remove_listed("publishers/broken.public");
    char *twice = mem_text("%s\n", lms.public_key);
    write_listed("publishers/twice.public", twice);
    assert_reload_fails("listed twice");
    remove_listed("publishers/twice.public");
    write_listed("publishers/a name.public", twice);
    struct keypair fresh = list_key("publishers", "fresh");
    assert_reload_fails("a name");
    cr_assert_eq(roles_publisher(roles, fresh.public_key), ROLE_NOBODY);
    cr_assert_neq(roles_publisher(roles, lms.public_key), ROLE_NOBODY);
    remove_listed("publishers/a name.public");
    reload();
    cr_assert_neq(roles_publisher(roles, fresh.public_key), ROLE_NOBODY);
    remove_listed("publishers/lms.public");
    write_listed("publishers/plain.public", twice);
    assert_reload_fails("`plain`");
    cr_assert_eq(roles_publisher(roles, lms.public_key), ROLE_NOBODY);
    free(twice);
}

Test(roles, a_key_that_was_removed_is_out_whatever_else_is_broken)
{
    struct keypair removed = list_key("publishers", "removed"), emptied = list_key("publishers", "emptied");
    struct keypair exchanged = list_key("publishers", "exchanged"), stays = list_key("publishers", "stays");
    struct keypair reader = list_key("readers", "reader"), officer = list_key("admins", "officer");
    cr_assert_eq(roles_reload(roles, 4, &error), STATUS_OK);
    remove_listed("publishers/removed.public");
    remove_listed("publishers/exchanged.public");
    list_key("publishers", "exchanged");
    write_listed("publishers/emptied.public", "");
    remove_listed("readers/reader.public");
    assert_reload_fails("publishers/emptied.public");
    cr_assert_eq(roles_publisher(roles, removed.public_key), ROLE_NOBODY);
    cr_assert_eq(roles_publisher(roles, emptied.public_key), ROLE_NOBODY);
    cr_assert_eq(roles_publisher(roles, exchanged.public_key), ROLE_NOBODY);
    cr_assert_neq(roles_publisher(roles, stays.public_key), ROLE_NOBODY);
    cr_assert_not(roles_listed(roles, ROLE_READER, reader.public_key), "a broken publisher kept a removed reader");
    cr_assert(roles_listed(roles, ROLE_ADMIN, officer.public_key));
}

Test(roles, a_folder_that_cannot_be_listed_says_nothing_about_its_keys)
{
    struct keypair lms = list_key("publishers", "lms"), reader = list_key("readers", "reader");
    reload();
    char *folder = scratch_path(home, "publishers"), *aside = scratch_path(home, "aside");
    cr_assert_eq(rename(folder, aside), 0);
    write_listed("publishers", "no folder");
    remove_listed("readers/reader.public");
    assert_reload_fails("cannot be listed");
    cr_assert_neq(roles_publisher(roles, lms.public_key), ROLE_NOBODY);
    cr_assert_not(roles_listed(roles, ROLE_READER, reader.public_key));
    free(folder);
    free(aside);
}

Test(roles, there_is_a_bound_on_keys)
{
    list_key("publishers", "a");
    list_key("publishers", "b");
    list_key("publishers", "c");
    reload();
    list_key("publishers", "d");
    assert_reload_fails("max_publishers = 3");
    cr_assert_eq(roles_listed_count(roles, ROLE_PUBLISHER), 3);
    cr_assert_eq(roles_reload(roles, 4, &error), STATUS_OK);
    cr_assert_eq(roles_listed_count(roles, ROLE_PUBLISHER), 4);
}

Test(roles, plain_lets_the_plain_user_in_and_no_key)
{
    struct keypair lms = list_key("publishers", "lms");
    roles_allow_plain(roles, ROLE_PUBLISHER);
    reload();
    uint32_t plain = roles_publisher(roles, ROLE_PLAIN_USER);
    cr_assert_str_eq(roles_publisher_name(roles, plain), ROLE_PLAIN_USER);
    cr_assert_eq(roles_publisher(roles, lms.public_key), ROLE_NOBODY);
    cr_assert_not(roles_listed(roles, ROLE_ADMIN, ROLE_PLAIN_USER));
    cr_assert_not(roles_listed(roles, ROLE_READER, ROLE_PLAIN_USER));
}

Test(roles, names_from_the_store_get_numbers_of_their_own)
{
    char longest[PUBLISHER_NAME_MAX + 1];
    memset(longest, 'x', PUBLISHER_NAME_MAX);
    longest[PUBLISHER_NAME_MAX] = '\0';
    uint32_t a = roles_publisher_named(roles, "a"), x = roles_publisher_named(roles, longest);
    cr_assert_neq(a, x);
    cr_assert_eq(roles_publisher_named(roles, "a"), a);
    cr_assert_str_eq(roles_publisher_name(roles, x), longest);
}

Test(roles, domains_are_the_roles)
{
    enum role role;
    for (unsigned i = 0; i < ROLE_COUNT; i++) {
        cr_assert(role_from_domain(slice_of_text(role_domain((enum role)i)), &role));
        cr_assert_eq(role, (enum role)i);
    }
    cr_assert_not(role_from_domain(slice_of_text("publishers"), &role));
    cr_assert_not(role_from_domain(slice_of_text(""), &role));
}
