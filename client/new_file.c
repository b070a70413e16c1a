#include "client/new_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/file.h"

static bool refuse(const char *path, struct error *error)
{
    return error_set(error, ERROR_REFUSED, "%s exists (--yes replaces it)", path);
}

bool new_file_begin(struct new_file *file, const char *path, bool replace, struct error *error)
{
    *file = (struct new_file){.path = path, .replace = replace};
    int length = snprintf(file->draft, sizeof file->draft, "%s.%d.draft", path, (int)getpid());
    if (length < 0 || (size_t)length >= sizeof file->draft)
        return error_set(error, ERROR_USAGE, "the file's name is too long");
    if (!replace && file_exists(path))
        return refuse(path, error);
    return true;
}

static bool sync_draft(const struct new_file *file, struct error *error)
{
    int descriptor = open(file->draft, O_RDONLY | O_CLOEXEC);
    bool good = descriptor >= 0 && fsync(descriptor) == 0;
    int number = errno;
    if (descriptor >= 0)
        close(descriptor);
    return good || error_set_errno(error, number, "cannot write %s", file->draft);
}

bool new_file_end(struct new_file *file, bool good, struct error *error)
{
    unsigned flags = file->replace ? 0 : RENAME_NOREPLACE;
    good = good && sync_draft(file, error);
    if (good && renameat2(AT_FDCWD, file->draft, AT_FDCWD, file->path, flags) == 0)
        return true;
    int number = errno;
    unlink(file->draft);
    if (!good)
        return false;
    return number == EEXIST ? refuse(file->path, error)
                            : error_set_errno(error, number, "cannot write %s", file->path);
}
