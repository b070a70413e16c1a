#include "worker/attempt_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/disk.h"

enum { CHUNK_MAX = 64 * 1024 };

int attempt_log_create(const char *folder, struct error *error)
{
    char path[DISK_PATH_MAX];
    if (!disk_join(path, folder, "log", error))
        return -1;
    int descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (descriptor < 0)
        error_set_errno(error, errno, "cannot write %s", path);
    return descriptor;
}

static int open_log(const char *folder)
{
    char path[DISK_PATH_MAX];
    return disk_join(path, folder, "log", NULL) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

size_t attempt_log_read(const char *folder, uint64_t offset, void *buffer, size_t size)
{
    int descriptor = open_log(folder);
    if (descriptor < 0)
        return 0;
    ssize_t length = pread(descriptor, buffer, size, (off_t)offset);
    close(descriptor);
    return length > 0 ? (size_t)length : 0;
}

bool attempt_log_tail(const char *folder, char *text, size_t size)
{
    char path[DISK_PATH_MAX], bytes[1024];
    struct stat status;
    text[0] = '\0';
    if (!disk_join(path, folder, "log", NULL) || stat(path, &status) != 0)
        return false;
    uint64_t end = (uint64_t)status.st_size;
    size_t wanted = size / 2 < sizeof bytes - 1 ? size / 2 : sizeof bytes - 1;
    uint64_t start = end > wanted ? end - wanted : 0;
    size_t length = attempt_log_read(folder, start, bytes, wanted);
    bytes[length] = '\0';
    /* The first line is torn unless it begins the file. */
    char *rest = start > 0 && strchr(bytes, '\n') ? strchr(bytes, '\n') + 1 : bytes;
    size_t used = 0;
    for (char *line; (line = strsep(&rest, "\n"));)
        if (*line != '\0' && used < size)
            used += (size_t)snprintf(text + used, size - used, "%s%s", used ? " | " : "", line);
    return used > 0;
}

static bool send_chunk(struct session *session, const struct attempt_id *id, uint64_t offset,
                       uint8_t *bytes, size_t length)
{
    Wire__LogChunk chunk = WIRE__LOG_CHUNK__INIT;
    Wire__AttemptId attempt;
    Wire__Envelope envelope = WIRE__ENVELOPE__INIT;
    attempt_to_wire(id, &attempt);
    chunk.attempt = &attempt;
    chunk.offset = offset;
    chunk.text.data = bytes;
    chunk.text.len = length;
    envelope.body_case = WIRE__ENVELOPE__BODY_LOG_CHUNK;
    envelope.log_chunk = &chunk;
    return session_send(session, &envelope);
}

bool attempt_log_send(struct session *session, const struct attempt_id *id, const char *folder,
                      uint64_t *offset, uint64_t limit)
{
    uint8_t bytes[CHUNK_MAX];
    for (uint64_t sent = 0; sent < limit;) {
        size_t length = attempt_log_read(folder, *offset, bytes, sizeof bytes);
        if (length == 0)
            return true;
        if (!send_chunk(session, id, *offset, bytes, length))
            return false;
        *offset += length;
        sent += length;
    }
    return true;
}
