#include "common/dataset_files.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/file.h"

enum { FOLDERS_MAX = 2 * (DATASET_FOLDER_NAME_MAX + 1) };

struct folders {
    size_t count;
    char path[FOLDERS_MAX][PATH_MAX];
};

/* A path too long for the system cannot exist and is left out. */
static void add_folder(struct folders *folders, const char *place, const char *name)
{
    char *path = folders->path[folders->count];
    int length = snprintf(path, PATH_MAX, "%s%s%s", place, *name ? "/" : "", name);
    folders->count += length > 0 && length < PATH_MAX;
}

static void add_place(struct folders *folders, const struct dataset_source *source,
                      const char *place)
{
    if (source->path) {
        add_folder(folders, place, source->path);
        return;
    }
    for (size_t i = 0; i < DATASET_FOLDER_NAME_MAX && source->folders[i]; i++)
        add_folder(folders, place, source->folders[i]);
    add_folder(folders, place, "");
}

static bool user_place(char place[PATH_MAX])
{
    const char *data_home = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
    bool is_set = data_home && *data_home;
    if (!is_set && !(home && *home))
        return false;
    int length = snprintf(place, PATH_MAX, "%s%s", is_set ? data_home : home,
                          is_set ? "/lipsweep" : "/.local/share/lipsweep");
    return length > 0 && length < PATH_MAX;
}

bool dataset_files_home(char place[PATH_MAX], struct error *error)
{
    const char *data = getenv("LIPSWEEP_DATA");
    if (data && *data) {
        int length = snprintf(place, PATH_MAX, "%s", data);
        return length < PATH_MAX ||
               error_set(error, ERROR_INVALID, "LIPSWEEP_DATA is longer than a path can be");
    }
    return user_place(place) ||
           error_set(error, ERROR_NOT_FOUND,
                     "no folder for data: neither LIPSWEEP_DATA nor HOME is set; say where with "
                     "--data DIR");
}

static void list_folders(struct folders *folders, const struct dataset_source *source)
{
    char place[PATH_MAX];
    folders->count = 0;
    if (source->path && source->path[0] == '/') {
        add_folder(folders, source->path, "");
        return;
    }
    if (source->directory) {
        add_place(folders, source, source->directory);
        return;
    }
    const char *data = getenv("LIPSWEEP_DATA");
    if (data && *data)
        add_place(folders, source, data);
    if (user_place(place))
        add_place(folders, source, place);
}

bool dataset_files_path(const char *folder, const struct dataset_file *file, char path[PATH_MAX])
{
    static const char *const endings[] = {"", ".gz"};
    for (size_t i = 0; i < DATASET_SPELLING_MAX && file->spellings[i]; i++) {
        for (size_t j = 0; j < 2; j++) {
            int length =
                snprintf(path, PATH_MAX, "%s/%s%s", folder, file->spellings[i], endings[j]);
            if (length > 0 && length < PATH_MAX && file_exists(path))
                return true;
        }
    }
    return false;
}

static bool not_found(const struct dataset_source *source, const struct folders *folders,
                      const struct dataset_file *first, struct error *error)
{
    char looked[512] = "", advice[128] = "put it there, or say where such folders are";
    for (size_t i = 0; i < folders->count; i++) {
        size_t used = strlen(looked);
        snprintf(looked + used, sizeof looked - used, "%s%s", i ? ", " : "", folders->path[i]);
    }
    if (!source->path)
        snprintf(advice, sizeof advice,
                 "'lipsweep data fetch %s' brings it, or say where its files are", source->name);
    return error_set(
        error, ERROR_NOT_FOUND,
        "data set %s not found: no %s[.gz] or other file of it in %s; %s with --data DIR or "
        "LIPSWEEP_DATA",
        source->name, first->spellings[0], folders->count ? looked : "any place (HOME is not set)",
        advice);
}

static void set_origin(struct dataset_origin *origin, const char *folder,
                       const struct dataset_file *files, size_t count)
{
    char path[PATH_MAX];
    origin->file_count = 0;
    memcpy(origin->folder, folder, PATH_MAX);
    for (size_t i = 0; i < count; i++) {
        if (!dataset_files_path(folder, &files[i], path))
            continue;
        const char *name = strrchr(path, '/') + 1;
        snprintf(origin->files[origin->file_count++], DATASET_FILE_NAME, "%s", name);
    }
}

bool dataset_files_find(const struct dataset_source *source, const struct dataset_file *files,
                        size_t count, struct dataset_origin *origin, struct error *error)
{
    struct folders folders;
    assert(count <= DATASET_FILE_MAX);
    char path[PATH_MAX];
    list_folders(&folders, source);
    for (size_t i = 0; i < folders.count; i++) {
        const struct dataset_file *missing = NULL;
        size_t found = 0;
        for (size_t j = 0; j < count; j++) {
            if (dataset_files_path(folders.path[i], &files[j], path))
                found++;
            else if (!files[j].is_optional)
                missing = &files[j];
        }
        if (found > 0 && missing)
            return error_set(error, ERROR_DATA, "data set %s is incomplete: %s has no %s[.gz]",
                             source->name, folders.path[i], missing->spellings[0]);
        if (found > 0) {
            set_origin(origin, folders.path[i], files, count);
            return true;
        }
    }
    return not_found(source, &folders, &files[0], error);
}
