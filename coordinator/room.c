#include "coordinator/room.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "coordinator/notify.h"

enum {
    BITS_PER_MIB = 20,
    LOW_MIB = 64,
    AGAIN_MIB = 96, /* or it would change with every result */
    START_MIB = 16, /* the first transaction's, and a little */
    PAGE_BYTES = 4096 + 24,
    RESERVE_BYTES = 16 << BITS_PER_MIB, /* a transaction's messages take 20 ms at most */
    RESERVE_LOW_BYTES = RESERVE_BYTES / 2,
    BLOCK_BYTES = 512 /* of st_blocks */
};

static uint64_t mib(uint64_t bytes)
{
    return bytes >> BITS_PER_MIB;
}

/* UINT64_MAX: it cannot be told. */
static uint64_t free_bytes(const char *database)
{
    char folder[PATH_MAX];
    struct statvfs disk;
    snprintf(folder, sizeof folder, "%s", database);
    char *slash = strrchr(folder, '/');
    if (slash)
        slash[slash == folder] = '\0';
    if (statvfs(slash ? folder : ".", &disk) != 0)
        return UINT64_MAX;
    return (uint64_t)disk.f_bavail * disk.f_frsize;
}

/* SQLite writes to the log from `log_pages` on. Its locks are not on this file, so that closing it
 * again takes none away. */
static bool reserve_log(const struct store *store)
{
    char path[PATH_MAX];
    struct stat status;
    int64_t used = db_log_pages(store->db) * PAGE_BYTES;
    if (snprintf(path, sizeof path, "%s-wal", db_path(store->db)) >= (int)sizeof path ||
        stat(path, &status) != 0 ||
        (int64_t)status.st_blocks * BLOCK_BYTES >= used + RESERVE_LOW_BYTES)
        return true;
    int file = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
    if (file < 0)
        return true;
    bool good =
        fallocate(file, FALLOC_FL_KEEP_SIZE, 0, used + RESERVE_BYTES) == 0 || errno == EOPNOTSUPP;
    close(file);
    return good;
}

static enum room_state judge(const struct room *room, struct store *store)
{
    struct error error;
    if (!journal_reserve(&store->journal, &error) || !reserve_log(store))
        return ROOM_NONE;
    uint64_t wanted = room->state == ROOM_ENOUGH ? LOW_MIB : AGAIN_MIB;
    return mib(room->free_bytes) >= wanted ? ROOM_ENOUGH : ROOM_LOW;
}

void room_look(struct room *room, struct store *store)
{
    char text[ROOM_TEXT_MAX], status[ROOM_TEXT_MAX + 16];
    enum room_state before = room->state;
    room->free_bytes = free_bytes(db_path(store->db));
    room->state = judge(room, store);
    if (room->state == before)
        return;
    room_text(room, db_path(store->db), text);
    if (room->state == ROOM_ENOUGH)
        log_info("the disk with %s has %llu MiB left again: going on", db_path(store->db),
                 (unsigned long long)mib(room->free_bytes));
    else
        log_error("%s", text);
    snprintf(status, sizeof status, "STATUS=%s", text);
    notify(status);
    static const char *const kinds[] = {
        [ROOM_ENOUGH] = "disk_has_room", [ROOM_LOW] = "disk_low", [ROOM_NONE] = "disk_full"};
    event_log_add(store->events, clock_wall_ms(), kinds[room->state], (struct event_subject){0},
                  text);
    event_log_flush(store->events);
}

bool room_is_there(const char *database)
{
    return mib(free_bytes(database)) >= START_MIB;
}

bool room_is_for_files(const struct room *room)
{
    return mib(room->free_bytes) >= START_MIB;
}

void room_text(const struct room *room, const char *database, char text[ROOM_TEXT_MAX])
{
    text[0] = '\0';
    if (room->state == ROOM_LOW)
        snprintf(text, ROOM_TEXT_MAX,
                 "the disk with %.200s has %llu MiB left: no jobs are handed out until %d MiB are "
                 "free; results still come in as far as there is room",
                 database, (unsigned long long)mib(room->free_bytes), AGAIN_MIB);
    else if (room->state == ROOM_NONE)
        snprintf(text, ROOM_TEXT_MAX,
                 "the disk with %.200s is full: nothing is stored, and results wait with their "
                 "workers, until %d MiB are free",
                 database, LOW_MIB);
}
