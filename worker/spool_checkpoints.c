/* The spool's shelf of checkpoints. */
#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common/hash.h"
#include "worker/checkpoint_folder.h"
#include "worker/spool.h"

static const char shelf[] = "checkpoints";

bool spool_checkpoints(const struct spool *spool, const uint8_t train_hash[32],
                       char path[SPOOL_PATH_MAX], struct error *error)
{
    char parent[DISK_PATH_MAX], name[HASH_TEXT];
    hash_text(train_hash, HASH_BYTES, name);
    return disk_join(parent, spool_path(spool), shelf, error) &&
           disk_join(path, parent, name, error);
}

/* A folder's time is that of the newest checkpoint written or removed in it. */
static bool is_old(const char *folder)
{
    struct stat status;
    return stat(folder, &status) == 0 &&
           status.st_mtim.tv_sec < time(NULL) - (time_t)SPOOL_CHECKPOINT_DAYS * 24 * 60 * 60;
}

void spool_sweep_checkpoints(const struct spool *spool)
{
    char parent[DISK_PATH_MAX], path[DISK_PATH_MAX];
    DIR *directory = disk_join(parent, spool_path(spool), shelf, NULL) ? opendir(parent) : NULL;
    for (struct dirent *entry; directory && (entry = readdir(directory));)
        if (strspn(entry->d_name, "0123456789abcdef") == HASH_TEXT - 1 &&
            disk_join(path, parent, entry->d_name, NULL) && is_old(path))
            checkpoint_folder_remove(path);
    if (directory)
        closedir(directory);
}
