#include "collector/lobby.h"

#include "common/base.h"

#include <stdlib.h>

enum place {
    PLACE_NOBODY,
    PLACE_IN,
    PLACE_ENDED, /* told to go; its descriptor is not free yet */
};

struct member {
    enum place place;
    bool young;
    int before, after; /* of the young, in order of coming */
    int64_t since_ms;
};

struct lobby {
    uint32_t most, count;
    lobby_shown_fn shown;
    void *argument;
    struct member *members; /* by descriptor */
    int room;
    int oldest, newest; /* of the young */
};

struct lobby *lobby_open(uint32_t most, lobby_shown_fn shown, void *argument)
{
    struct lobby *lobby = mem_new(1, sizeof *lobby);
    lobby->most = most;
    lobby->shown = shown;
    lobby->argument = argument;
    lobby->oldest = lobby->newest = LOBBY_NOBODY;
    return lobby;
}

void lobby_close(struct lobby *lobby)
{
    if (!lobby)
        return;
    free(lobby->members);
    free(lobby);
}

uint32_t lobby_count(const struct lobby *lobby)
{
    return lobby->count;
}

static void make_room(struct lobby *lobby, int descriptor)
{
    if (descriptor < lobby->room)
        return;
    int room = descriptor * 2 + 64;
    lobby->members = mem_grow(lobby->members, (size_t)room, sizeof *lobby->members);
    memset(lobby->members + lobby->room, 0, (size_t)(room - lobby->room) * sizeof *lobby->members);
    lobby->room = room;
}

static void grow_up(struct lobby *lobby, int descriptor)
{
    struct member *member = &lobby->members[descriptor];
    if (!member->young)
        return;
    *(member->before == LOBBY_NOBODY ? &lobby->oldest : &lobby->members[member->before].after) = member->after;
    *(member->after == LOBBY_NOBODY ? &lobby->newest : &lobby->members[member->after].before) = member->before;
    member->young = false;
}

static void join_young(struct lobby *lobby, int descriptor)
{
    struct member *member = &lobby->members[descriptor];
    member->young = true;
    member->before = lobby->newest;
    member->after = LOBBY_NOBODY;
    *(lobby->newest == LOBBY_NOBODY ? &lobby->oldest : &lobby->members[lobby->newest].after) = descriptor;
    lobby->newest = descriptor;
}

/* The oldest of the young that has shown nothing. Those before it are young no longer. */
static int least_known(struct lobby *lobby, int64_t now_ms)
{
    for (int oldest; (oldest = lobby->oldest) != lobby->newest;) {
        int64_t age_ms = now_ms - lobby->members[oldest].since_ms;
        if (age_ms < LOBBY_YOUNG_MS && !lobby->shown(oldest, lobby->argument))
            return oldest;
        grow_up(lobby, oldest);
    }
    return lobby->newest;
}

void lobby_leave(struct lobby *lobby, int descriptor)
{
    if (descriptor < 0 || descriptor >= lobby->room)
        return;
    struct member *member = &lobby->members[descriptor];
    lobby->count -= member->place == PLACE_IN;
    grow_up(lobby, descriptor);
    member->place = PLACE_NOBODY;
}

int lobby_enter(struct lobby *lobby, int descriptor, int64_t now_ms)
{
    ensure(descriptor >= 0);
    make_room(lobby, descriptor);
    lobby_leave(lobby, descriptor);
    lobby->members[descriptor].place = PLACE_IN;
    lobby->members[descriptor].since_ms = now_ms;
    join_young(lobby, descriptor);
    if (++lobby->count <= lobby->most)
        return LOBBY_NOBODY;
    int ended = least_known(lobby, now_ms);
    lobby_leave(lobby, ended);
    lobby->members[ended].place = PLACE_ENDED;
    return ended;
}

void lobby_audit(struct lobby *lobby, bool (*gone)(int descriptor))
{
    for (int descriptor = 0; descriptor < lobby->room; descriptor++)
        if (lobby->members[descriptor].place == PLACE_IN && gone(descriptor))
            lobby_leave(lobby, descriptor);
}
