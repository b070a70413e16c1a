#include "coordinator/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/file.h"

enum {
    RESERVE_BYTES = 1 << 20,
    RESERVE_LOW_BYTES = 1 << 18, /* more than a transaction's lines */
};

static bool fail(const struct journal *journal, const char *what, struct error *error)
{
    return error_set_errno(error, errno, "cannot %s the journal %s", what, journal->path);
}

static bool make_folder(const struct journal *journal, struct error *error)
{
    char folder[JOURNAL_PATH_MAX];
    snprintf(folder, sizeof folder, "%s", journal->path);
    *strrchr(folder, '/') = '\0';
    return mkdir(folder, 0777) == 0 || errno == EEXIST ||
           error_set_errno(error, errno, "cannot make the folder %s", folder);
}

static bool open_file(struct journal *journal, const char *database, int flags, struct error *error)
{
    *journal = (struct journal){.file = -1};
    if (!journal_path(database, journal->path, error) || !make_folder(journal, error))
        return false;
    journal->file = open(journal->path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | flags, 0666);
    return journal->file >= 0 || fail(journal, "open", error);
}

bool journal_create(struct journal *journal, const char *database,
                    const uint8_t id[JOURNAL_ID_BYTES], struct error *error)
{
    char head[JOURNAL_LINE_MAX];
    journal_write_head(id, head);
    return open_file(journal, database, O_CREAT | O_TRUNC, error) &&
           (pwrite(journal->file, head, JOURNAL_HEAD_BYTES, 0) == JOURNAL_HEAD_BYTES ||
            fail(journal, "write", error)) &&
           (fsync(journal->file) == 0 || fail(journal, "sync", error)) &&
           file_sync_folder_of(journal->path, error) &&
           (journal->size = journal->end = JOURNAL_HEAD_BYTES) > 0;
}

bool journal_open(struct journal *journal, const char *database, int64_t size, struct error *error)
{
    if (!open_file(journal, database, 0, error))
        return false;
    journal->size = journal->end = size;
    return (ftruncate(journal->file, size) == 0 && fsync(journal->file) == 0) ||
           fail(journal, "cut off the unfinished line of", error);
}

void journal_close(struct journal *journal)
{
    syncer_stop(journal->syncer);
    if (journal->file >= 0)
        close(journal->file);
    free(journal->lines);
    *journal = (struct journal){.file = -1};
}

bool journal_reserve(struct journal *journal, struct error *error)
{
    if (journal->file < 0 || journal->reserved - journal->end >= RESERVE_LOW_BYTES)
        return true;
    int64_t until = journal->end + RESERVE_BYTES;
    if (fallocate(journal->file, FALLOC_FL_KEEP_SIZE, 0, until) != 0 && errno != EOPNOTSUPP)
        return fail(journal, "make room in", error);
    journal->reserved = until;
    return true;
}

bool journal_add(struct journal *journal, const struct journal_record *record, struct error *error)
{
    char line[JOURNAL_LINE_MAX];
    size_t length = journal_write_line(record, line);
    if (journal->length + length > journal->room) {
        size_t room = 2 * journal->room + JOURNAL_LINE_MAX;
        char *grown = realloc(journal->lines, room);
        if (!grown)
            return error_set(error, ERROR_MEMORY, "out of memory for the journal");
        journal->lines = grown;
        journal->room = room;
    }
    memcpy(journal->lines + journal->length, line, length);
    journal->length += length;
    return true;
}

bool journal_flush(struct journal *journal, struct error *error)
{
    if (journal->length == 0)
        return true;
    if (journal->syncer) {
        if (!syncer_put(journal->syncer, journal->lines, journal->length, error))
            return false;
    } else if (syncer_write(journal->file, journal->lines, journal->length, journal->end)) {
        journal->size += (int64_t)journal->length;
    } else {
        return fail(journal, "write", error);
    }
    journal->end += (int64_t)journal->length;
    journal->length = 0;
    return true;
}

bool journal_start(struct journal *journal, struct error *error)
{
    return syncer_start(&journal->syncer, journal->file, journal->size, error);
}

bool journal_look(struct journal *journal, struct error *error)
{
    return !journal->syncer || syncer_size(journal->syncer, &journal->size, error);
}

bool journal_wait(struct journal *journal, struct error *error)
{
    return !journal->syncer ||
           (syncer_wait(journal->syncer, error) && journal_look(journal, error));
}
