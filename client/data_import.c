/* lipsweep data import: data sets out of a folder that the user has, checked before and after. */
#include <stdio.h>
#include <string.h>

#include "client/data.h"
#include "client/publisher.h"

static bool copy_files(const struct data_request *request, const struct dataset *dataset,
                       struct error *error)
{
    char staged[PATH_MAX], from[PATH_MAX], to[PATH_MAX];
    if (!data_store_stage(request->store, dataset->name, staged, error))
        return false;
    for (size_t i = 0; i < dataset->origin.file_count; i++) {
        const char *name = dataset->origin.files[i];
        if (!data_store_path(from, dataset->origin.folder, name, error) ||
            !data_store_path(to, staged, name, error) || !data_store_copy(from, to, error))
            return false;
    }
    return true;
}

static bool import_set(const struct data_request *request, const struct dataset *dataset,
                       struct error *error)
{
    bool is_there = false;
    if (!data_look(request, dataset->name, dataset->digest, &is_there, error))
        return false;
    if (is_there)
        return true;
    bool good = data_store_take(request->store, error) && copy_files(request, dataset, error) &&
                data_install(request, dataset->name, dataset->digest, error);
    data_store_release(request->store, dataset->name);
    return good;
}

bool data_import(const struct data_request *request, const char *folder, struct error *error)
{
    const struct dataset_options options = {.directory = folder};
    char names[128] = "";
    size_t found = 0;
    for (size_t i = 0; i < publisher_count; i++) {
        const char *name = publishers[i].dataset;
        struct dataset dataset;
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i > 0 ? ", " : "",
                 name);
        if (!dataset_open(&dataset, name, &options, error)) {
            if (error->code != ERROR_NOT_FOUND)
                return false;
            continue;
        }
        found++;
        bool good = import_set(request, &dataset, error);
        dataset_close(&dataset);
        if (!good)
            return false;
    }
    return found > 0 ||
           error_set(error, ERROR_NOT_FOUND,
                     "%s: no files of a data set that is known by name (%s) in it; for one of your "
                     "own give its folder as dataset.path in the sweep file",
                     folder, names);
}
