/* lipsweep data fetch: a data set from its publisher, checked before it is put in its place. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/tarball.h"
#include "client/data.h"
#include "client/data_bar.h"
#include "client/interrupt.h"
#include "client/publisher.h"
#include "common/file.h"

enum { TRY_MAX = 5, PAUSE_MS = 300 };

/* One download: a file of the set, or the archive of all. */
struct download {
    const struct data_request *request;
    const struct publisher *publisher;
    const char *name, *sha256; /* NULL: not known */
    char staged[PATH_MAX];     /* folder of the set's files, checked one by one */
    char part[PATH_MAX];       /* what came so far; kept for the next try */
};

static int64_t size_of(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0 ? status.st_size : 0;
}

static bool check_sha256(const char *path, const char *expected, const char *url,
                         struct error *error)
{
    char found[JOB_DIGEST_LENGTH + 1];
    if (!expected)
        return true;
    if (!data_store_sha256(path, found, error))
        return false;
    return strcmp(found, expected) == 0 ||
           error_set(error, ERROR_DATA,
                     "%s: SHA-256 is %s, expected %s: damaged on the way, or not the official file",
                     url, found, expected);
}

/* Tries again from where it stopped for as long as that brings something. */
static bool transfer(const struct download *download, const char *url, struct error *error)
{
    struct data_bar bar = data_bar_on(download->name);
    struct fetch_request request = {.url = url,
                                    .path = download->part,
                                    .size_max = download->publisher->size_max,
                                    .stall_s = (int)download->request->timeout_s,
                                    .context = &bar,
                                    .progress = data_bar_draw};
    for (int i = 0; i < TRY_MAX; i++) {
        int64_t before = size_of(download->part);
        fprintf(stderr, before > 0 ? "fetching %s, from byte %lld\n" : "fetching %s\n", url,
                (long long)before);
        bool good = fetch_file(&request, error);
        data_bar_clear(&bar);
        if (good)
            return true;
        bool is_worth_it = error->code != ERROR_INTERRUPTED && error->code != ERROR_SYSTEM;
        if (!is_worth_it || size_of(download->part) <= before)
            return false;
        fprintf(stderr, "%s; going on\n", error->message);
        interrupt_wait_ms(PAUSE_MS);
    }
    return false;
}

/* Puts the checked file, or the archive's checked files, among the staged ones. */
static bool unpack(const struct download *download, const char *url, struct error *error)
{
    const struct publisher *publisher = download->publisher;
    const char *names[PUBLISHER_FILE_MAX];
    char path[PATH_MAX];
    if (!publisher->archive)
        return check_sha256(download->part, download->sha256, url, error) &&
               data_store_path(path, download->staged, download->name, error) &&
               (rename(download->part, path) == 0 ||
                error_set_errno(error, errno, "cannot move %s", download->part));
    for (size_t i = 0; i < publisher->file_count; i++)
        names[i] = publisher->files[i].name;
    fprintf(stderr, "unpacking %s\n", download->name);
    if (!tarball_extract(download->part, download->staged, names, publisher->file_count,
                         publisher->size_max, error))
        return false;
    for (size_t i = 0; i < publisher->file_count; i++) {
        if (!data_store_path(path, download->staged, names[i], error) ||
            !check_sha256(path, publisher->files[i].sha256, path, error))
            return false;
    }
    unlink(download->part);
    return true;
}

static bool fetch_from(const struct download *download, const char *mirror, struct error *error)
{
    char url[1024];
    size_t length = strlen(mirror);
    bool has_slash = length > 0 && mirror[length - 1] == '/';
    if (snprintf(url, sizeof url, "%s%s%s", mirror, has_slash ? "" : "/", download->name) >=
        (int)sizeof url)
        return error_set(error, ERROR_USAGE, "the address is longer than %zu bytes", sizeof url);
    if (!transfer(download, url, error)) {
        if (size_of(download->part) == 0)
            unlink(download->part);
        return false;
    }
    if (unpack(download, url, error))
        return true;
    if (error->code == ERROR_DATA) /* what is damaged is not worth continuing */
        unlink(download->part);
    return false;
}

/* Mirror after mirror. */
static bool fetch_download(struct download *download, struct error *error)
{
    const char *const *mirrors = download->publisher->mirrors;
    const struct data_store *store = download->request->store;
    char part[PATH_MAX];
    if (snprintf(part, sizeof part, "%s.part", download->name) >= PATH_MAX ||
        !data_store_path(download->part, store->incoming, part, error))
        return false;
    if (download->request->from)
        return fetch_from(download, download->request->from, error);
    for (size_t i = 0; i < PUBLISHER_MIRROR_MAX && mirrors[i]; i++) {
        if (fetch_from(download, mirrors[i], error))
            return true;
        bool is_last = i + 1 == PUBLISHER_MIRROR_MAX || !mirrors[i + 1];
        if (error->code == ERROR_INTERRUPTED || error->code == ERROR_SYSTEM || is_last)
            return false;
        fprintf(stderr, "%s; trying another mirror\n", error->message);
    }
    return false;
}

/* True when the file was staged, and found right, by an earlier try. */
static bool is_staged(const struct download *download)
{
    char path[PATH_MAX];
    struct error error;
    return download->sha256 && data_store_path(path, download->staged, download->name, &error) &&
           file_exists(path) && check_sha256(path, download->sha256, path, &error);
}

static bool fetch_all(const struct data_request *request, const struct publisher *publisher,
                      struct error *error)
{
    struct download download = {
        .request = request, .publisher = publisher, .name = publisher->archive};
    if (!data_store_stage(request->store, publisher->dataset, download.staged, error))
        return false;
    if (publisher->archive)
        return fetch_download(&download, error);
    for (size_t i = 0; i < publisher->file_count; i++) {
        download.name = publisher->files[i].name;
        download.sha256 = publisher->files[i].sha256;
        if (!is_staged(&download) && !fetch_download(&download, error))
            return false;
    }
    return true;
}

static bool refuse_name(const char *name, struct error *error)
{
    char list[128] = "";
    if (strcmp(name, "glyphs") == 0)
        return error_set(error, ERROR_USAGE,
                         "glyphs is drawn by the program: there is nothing to fetch");
    for (size_t i = 0; i < publisher_count; i++)
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i > 0 ? ", " : "",
                 publishers[i].dataset);
    return error_set(error, ERROR_USAGE, "no publisher of a data set '%.60s' is known (known: %s)",
                     name, list);
}

bool data_fetch(const struct data_request *request, const char *name, struct error *error)
{
    const struct publisher *publisher = publisher_find(name);
    const char *digest = dataset_known_digest(name);
    bool is_there = false;
    if (!publisher)
        return refuse_name(name, error);
    if (!data_look(request, name, digest, &is_there, error))
        return false;
    if (is_there)
        return true;
    fetch_init();
    bool good = data_store_take(request->store, error) && fetch_all(request, publisher, error) &&
                data_install(request, name, digest, error);
    data_store_release(request->store, name);
    if (good || (error->code != ERROR_UNREACHABLE && error->code != ERROR_TIMEOUT))
        return good;
    size_t used = strlen(error->message);
    snprintf(error->message + used, sizeof error->message - used,
             "; the same command continues what came, --from URL names another place, and "
             "'lipsweep data import DIR' takes files you have");
    return false;
}
