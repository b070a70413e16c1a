/* Results measured elsewhere, handed in by a client. */
#include "coordinator/dispatch_private.h"

#include <stdlib.h>

#include "common/log.h"
#include "common/sweep.h"
#include "coordinator/store_import.h"

static bool store(struct dispatch *dispatch, const struct inbound *inbound,
                  const struct import *import, const struct import_source *source,
                  struct error *error)
{
    struct stored_sweep there;
    Wire__ImportReply reply = WIRE__IMPORT_REPLY__INIT;
    if (!store_sweep_load(dispatch->store, source->name, &there, error))
        return false;
    bool taken = there.id != 0;
    stored_sweep_finish(&there);
    if (taken)
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__STATE,
                               "there is a sweep '%s' already: give another name (--name)",
                               source->name);
    if (!store_import(dispatch->store, import, source, &reply.sweep, error))
        return false;
    reply.point_count = (int64_t)import->point_count;
    reply.job_count = (int64_t)import->job_count;
    reply.row_count = (int64_t)import->row_count;
    log_info("sweep %s is imported: %zu rows", source->name, import->row_count);
    REPLY(dispatch, inbound->peer, inbound->envelope->request, IMPORT_REPLY, import_reply, &reply);
    return true;
}

bool dispatch_import(struct dispatch *dispatch, const struct inbound *inbound, struct error *error)
{
    const Wire__Import *wire = inbound->envelope->import;
    struct diagnostics diagnostics;
    struct import import;
    struct error wrong;
    if (!sweep_check_name(wire->name, &wrong))
        return dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__INVALID, "%s",
                               wrong.message);
    char *text = malloc(wire->text.len + 1);
    if (!text)
        return error_set(error, ERROR_MEMORY, "out of memory");
    if (wire->text.len > 0)
        memcpy(text, wire->text.data, wire->text.len);
    text[wire->text.len] = '\0';
    diagnostics_init(&diagnostics, wire->file, text, wire->text.len);
    bool good;
    if (import_parse(&import, text, wire->text.len, &diagnostics)) {
        struct import_source source = {.name = wire->name, .file = wire->file, .text = text};
        good = store(dispatch, inbound, &import, &source, error);
    } else {
        const char *words =
            diagnostics_result(&diagnostics, &wrong) ? "it cannot be read" : wrong.message;
        good = dispatch_refuse(dispatch, inbound, WIRE__REFUSED__CODE__INVALID, "line %d: %s",
                               wrong.line, words);
    }
    import_finish(&import);
    diagnostics_finish(&diagnostics);
    free(text);
    return good;
}
