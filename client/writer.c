#include "client/writer.h"

#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/lockfile.h"

enum { BUSY_RETRY_MS = 15000, BUSY_PAUSE_MS = 100, GREETING_TIMEOUT_MS = 3000 };

static bool connect_to(struct writer *writer, const char *endpoint, struct error *error)
{
    struct connection_options options = {.endpoint = endpoint,
                                         .insecure_loopback = true, /* it is on this machine */
                                         .timeout_ms = GREETING_TIMEOUT_MS};
    return connection_open(&writer->connection, &options, error);
}

/* One try: the database's holder, or a coordinator of our own. */
static bool try_open(struct writer *writer, const char *database, struct error *error)
{
    struct lockfile_holder holder;
    if (!lockfile_read(database, &holder, error))
        return false;
    if (!holder.held)
        return coordinator_private_start(&writer->coordinator, error) &&
               connect_to(writer, writer->coordinator.endpoint, error);
    if (holder.endpoint[0] && connect_to(writer, holder.endpoint, error))
        return true;
    return error_set(error, ERROR_BUSY,
                     "database %s is in use by process %d, which does not answer", database,
                     (int)holder.pid);
}

static bool open_database(struct writer *writer, const char *database, bool create,
                          struct error *error)
{
    struct database_files files;
    if (!create && access(database, F_OK) != 0)
        return error_set(error, ERROR_NOT_FOUND, "there is no database %s", database);
    if (!database_files_prepare(&files, database, &writer->log_descriptor, error) ||
        !coordinator_private_init(&writer->coordinator, database, writer->log_descriptor, error))
        return false;
    struct clock clock = clock_system();
    int64_t end_ms = clock_now_ms(&clock) + BUSY_RETRY_MS;
    while (!try_open(writer, database, error)) {
        if (error->code != ERROR_BUSY || clock_now_ms(&clock) > end_ms)
            return false;
        poll(NULL, 0, BUSY_PAUSE_MS);
    }
    return true;
}

bool writer_open(struct writer *writer, const struct source_choice *choice, bool create,
                 struct error *error)
{
    *writer = (struct writer){.log_descriptor = -1, .coordinator = {.child = {.lifeline = -1}}};
    if (!choice->database)
        return source_connect(choice, &writer->connection, error);
    if (open_database(writer, choice->database, create, error))
        return true;
    writer_close(writer);
    return false;
}

void writer_close(struct writer *writer)
{
    connection_close(writer->connection);
    writer->connection = NULL;
    coordinator_private_finish(&writer->coordinator);
    if (writer->log_descriptor >= 0)
        close(writer->log_descriptor);
    writer->log_descriptor = -1;
}
