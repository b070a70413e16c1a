#include "client/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "client/interrupt.h"
#include "common/clock.h"

enum { REDIRECT_MAX = 5, CONNECT_S = 30 };

const char *fetch_library_version(void)
{
    return curl_version_info(CURLVERSION_NOW)->version;
}

struct transfer {
    const struct fetch_request *request;
    CURL *curl;
    FILE *file;
    struct clock clock;
    curl_off_t begin; /* bytes that were there */
    curl_off_t moved; /* when something came last, how much there was, and when that was */
    int64_t moved_ms;
    bool too_large, stalled;
    int write_errno; /* 0: none */
};

void fetch_init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

static size_t take(char *bytes, size_t size, size_t count, void *context)
{
    struct transfer *transfer = context;
    if (ftello(transfer->file) + (off_t)(size * count) > transfer->request->size_max) {
        transfer->too_large = true;
        return 0;
    }
    size_t written = fwrite(bytes, size, count, transfer->file);
    if (written != count)
        transfer->write_errno = errno;
    return written * size;
}

/* A return value that is not 0 ends the transfer. */
static int tell(void *context, curl_off_t total, curl_off_t now, curl_off_t up_total,
                curl_off_t up_now)
{
    (void)up_total;
    (void)up_now;
    struct transfer *transfer = context;
    curl_off_t elapsed_us = 0;
    curl_easy_getinfo(transfer->curl, CURLINFO_TOTAL_TIME_T, &elapsed_us);
    const struct fetch_progress progress = {.bytes = transfer->begin + now,
                                            .total = total > 0 ? transfer->begin + total : 0,
                                            .resumed = transfer->begin,
                                            .elapsed_s = (double)elapsed_us / 1e6};
    if (transfer->request->progress && now > 0)
        transfer->request->progress(transfer->request->context, &progress);
    int64_t now_ms = clock_now_ms(&transfer->clock);
    if (now != transfer->moved) {
        transfer->moved = now;
        transfer->moved_ms = now_ms;
    }
    transfer->stalled = now_ms - transfer->moved_ms >= (int64_t)1000 * transfer->request->stall_s;
    return interrupt_count() > 0 || transfer->stalled;
}

static void set_options(struct transfer *transfer)
{
    CURL *curl = transfer->curl;
    curl_easy_setopt(curl, CURLOPT_URL, transfer->request->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, (long)REDIRECT_MAX);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "lipsweep");
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_S);
    curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, transfer->begin);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, transfer);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, tell);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, transfer);
}

static bool report(const struct transfer *transfer, CURLcode code, const char *detail,
                   struct error *error)
{
    const char *url = transfer->request->url, *why = *detail ? detail : curl_easy_strerror(code);
    if (transfer->write_errno)
        return error_set_errno(error, transfer->write_errno, "cannot write %s",
                               transfer->request->path);
    if (transfer->too_large)
        return error_set(error, ERROR_DATA, "%s: more than %lld bytes, which is the limit", url,
                         (long long)transfer->request->size_max);
    switch (code) {
    case CURLE_ABORTED_BY_CALLBACK:
        if (transfer->stalled)
            return error_set(error, ERROR_TIMEOUT, "%s: nothing came for %d s", url,
                             transfer->request->stall_s);
        return error_set(error, ERROR_INTERRUPTED, "interrupted; what came is kept");
    case CURLE_OPERATION_TIMEDOUT:
        return error_set(error, ERROR_TIMEOUT, "%s: %s", url, why);
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
        return error_set(error, ERROR_DATA, "%s: the answer ended early (%s)", url, why);
    default:
        return error_set(error, ERROR_UNREACHABLE, "%s: %s", url, why);
    }
}

static CURLcode perform(struct transfer *transfer, char detail[CURL_ERROR_SIZE])
{
    detail[0] = '\0';
    curl_easy_setopt(transfer->curl, CURLOPT_ERRORBUFFER, detail);
    transfer->moved = 0;
    transfer->moved_ms = clock_now_ms(&transfer->clock);
    return curl_easy_perform(transfer->curl);
}

static bool run(struct transfer *transfer, struct error *error)
{
    char detail[CURL_ERROR_SIZE];
    set_options(transfer);
    CURLcode code = perform(transfer, detail);
    if (code == CURLE_RANGE_ERROR && transfer->begin > 0) { /* cannot continue: from the start */
        transfer->begin = 0;
        curl_easy_setopt(transfer->curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)0);
        if (fseeko(transfer->file, 0, SEEK_SET) != 0 || ftruncate(fileno(transfer->file), 0) != 0)
            return error_set_errno(error, errno, "cannot write %s", transfer->request->path);
        code = perform(transfer, detail);
    }
    if (fflush(transfer->file) != 0 ||
        (transfer->too_large && ftruncate(fileno(transfer->file), 0) != 0))
        transfer->write_errno = errno;
    return (code == CURLE_OK && !transfer->write_errno) || report(transfer, code, detail, error);
}

bool fetch_file(const struct fetch_request *request, struct error *error)
{
    struct transfer transfer = {
        .request = request, .clock = clock_system(), .file = fopen(request->path, "ab")};
    if (!transfer.file)
        return error_set_errno(error, errno, "cannot write %s", request->path);
    if (fseeko(transfer.file, 0, SEEK_END) == 0)
        transfer.begin = ftello(transfer.file);
    transfer.curl = curl_easy_init();
    bool good = transfer.curl ? run(&transfer, error)
                              : error_set(error, ERROR_MEMORY, "no memory for a transfer");
    curl_easy_cleanup(transfer.curl);
    if (fclose(transfer.file) != 0 && good)
        good = error_set_errno(error, errno, "cannot write %s", request->path);
    return good;
}
