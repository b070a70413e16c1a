#include "worker/ending.h"

#include <sys/statvfs.h>

#include "common/log.h"
#include "worker/report.h"

/* The result of an attempt whose runner left none, or none that can be read. */
static Wire__Result *failure(const struct slot *slot, const struct slot_ending *ending,
                             Wire__Outcome outcome, const char *reason)
{
    struct report report;
    struct error error;
    report_init(&report, &slot->id);
    report_end(&report, outcome, reason);
    report.result.peak_memory_bytes = ending->peak_bytes;
    if (!spool_write_result(slot->folder, &report.result, &error))
        log_warning("%s; a worker that dies now forgets how this attempt failed", error.message);
    Wire__Result *copy = report_copy(&report);
    report_finish(&report);
    return copy;
}

/* Its last words may be lost as well: the log lies on the same disk. */
static Wire__Result *unwritten(const struct slot *slot, const struct slot_ending *ending)
{
    struct error error;
    struct statvfs disk;
    bool full = statvfs(slot->folder, &disk) == 0 && disk.f_bavail == 0;
    error_set(&error, ERROR_REFUSED, "its result could not be written%s; %.500s",
              full ? ", the disk with the worker's spool is full" : "", ending->text);
    return failure(slot, ending, WIRE__OUTCOME__OUTCOME_REFUSED, error.message);
}

Wire__Result *ending_result(struct spool *spool, const struct slot *slot,
                            const struct slot_ending *ending)
{
    Wire__Result *result;
    struct attempt_id id;
    struct error error;
    char moved[SPOOL_PATH_MAX];
    bool read = spool_read_result(slot->folder, &result, &error);
    if (read && attempt_from_wire(result->attempt, &id) && attempt_equal(&id, &slot->id))
        return result;
    if (read)
        error_set(&error, ERROR_DATA, "%s/result.pb belongs to another attempt", slot->folder);
    wire__result__free_unpacked(result, NULL);
    if (error.code == ERROR_NOT_FOUND && ending->refused)
        return unwritten(slot, ending);
    if (error.code == ERROR_NOT_FOUND)
        return failure(slot, ending, WIRE__OUTCOME__OUTCOME_FAILED, ending->text);
    if (spool_set_aside(spool, slot->folder, moved, NULL))
        log_error("%s; set aside in %s", error.message, moved);
    return failure(slot, ending, WIRE__OUTCOME__OUTCOME_FAILED, error.message);
}
