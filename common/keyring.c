#include "common/keyring.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "common/endpoint.h"
#include "common/file.h"
#include "common/hash.h"
#include "common/number.h"

enum { FILE_PATH_MAX = KEYRING_PATH_MAX + 16, LINE_LENGTH_MAX = 256 };

static void path_in(char path[FILE_PATH_MAX], const char *folder, const char *name)
{
    snprintf(path, FILE_PATH_MAX, "%s/%s", folder, name);
}

bool keyring_folder(const char *chosen, char folder[KEYRING_PATH_MAX + 1], struct error *error)
{
    const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    size_t size = KEYRING_PATH_MAX + 1;
    int length;
    if (chosen)
        length = snprintf(folder, size, "%s", chosen);
    else if (config && config[0] == '/')
        length = snprintf(folder, size, "%s/lipsweep/keys", config);
    else if (home && home[0] == '/')
        length = snprintf(folder, size, "%s/.config/lipsweep/keys", home);
    else
        return error_set(error, ERROR_USAGE,
                         "where are the keys? Say --keys DIR (neither XDG_CONFIG_HOME nor HOME is "
                         "set)");
    return length <= KEYRING_PATH_MAX ||
           error_set(error, ERROR_USAGE, "the path of the keys' folder is too long");
}

static bool make_folder(const char *folder, struct error *error)
{
    char path[KEYRING_PATH_MAX + 1];
    snprintf(path, sizeof path, "%s", folder);
    for (char *slash = path; slash;) {
        slash = strchr(slash + 1, '/');
        if (slash)
            *slash = '\0';
        if (mkdir(path, 0700) != 0 && errno != EEXIST)
            return error_set_errno(error, errno, "cannot make the folder %s", path);
        if (slash)
            *slash = '/';
    }
    return endpoint_check_folder(folder, error);
}

/* --- reading --- */

static bool read_peer(char *line, struct keyring_peer *peer)
{
    char *fields[5] = {0};
    size_t count = 0;
    for (char *field; count < 5 && (field = strsep(&line, " "));)
        fields[count++] = field;
    struct error error;
    *peer = (struct keyring_peer){.added_s = 0};
    if (count < 4 || line || !key_name_check(fields[0], &error) ||
        !key_role_parse(fields[1], &peer->role, &error) ||
        !hash_parse(fields[2], peer->public_key) ||
        !number_parse_integer(fields[3], &peer->added_s))
        return false;
    snprintf(peer->name, sizeof peer->name, "%s", fields[0]);
    return count < 5 || (number_parse_integer(fields[4], &peer->revoked_s) && peer->revoked_s > 0);
}

static bool read_peers(struct keyring *keyring, FILE *file, const char *path, struct error *error)
{
    char line[LINE_LENGTH_MAX];
    size_t capacity = 0;
    while (fgets(line, sizeof line, file)) {
        size_t length = strlen(line);
        if (keyring->count == KEYRING_PEERS_MAX)
            return error_set(error, ERROR_DATA, "%s: more than %d keys", path, KEYRING_PEERS_MAX);
        if (keyring->count == capacity) {
            capacity = capacity ? 2 * capacity : 16;
            void *more = realloc(keyring->peers, capacity * sizeof *keyring->peers);
            if (!more)
                return error_set(error, ERROR_MEMORY, "out of memory for keys");
            keyring->peers = more;
        }
        bool whole = length > 0 && line[length - 1] == '\n';
        line[length - whole] = '\0';
        if (!whole || !read_peer(line, &keyring->peers[keyring->count]))
            return error_set(error, ERROR_DATA, "%s: line %zu is damaged", path,
                             keyring->count + 1);
        keyring->count++;
    }
    return !ferror(file) || error_set_errno(error, errno, "cannot read %s", path);
}

static int compare_peers(const void *a, const void *b)
{
    const struct keyring_peer *x = a, *y = b;
    return memcmp(x->public_key, y->public_key, KEY_BYTES);
}

static void forget_peers(struct keyring *keyring)
{
    free(keyring->peers);
    keyring->peers = NULL;
    keyring->count = 0;
}

static bool load(struct keyring *keyring, struct error *error)
{
    char path[FILE_PATH_MAX];
    path_in(path, keyring->folder, "peers");
    forget_peers(keyring);
    keyring->seen = (struct stat){.st_ino = 0};
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (descriptor < 0 && errno == ENOENT)
        return true;
    if (descriptor < 0)
        return error_set_errno(error, errno, "cannot read %s", path);
    struct stat seen;
    FILE *file = fdopen(descriptor, "r");
    bool good = file && fstat(descriptor, &seen) == 0
                    ? read_peers(keyring, file, path, error)
                    : error_set_errno(error, errno, "cannot read %s", path);
    if (file)
        fclose(file);
    else
        close(descriptor);
    /* A file that could not be read was not seen: the next look tries it again. */
    if (good)
        keyring->seen = seen;
    else
        forget_peers(keyring);
    if (keyring->count > 1)
        qsort(keyring->peers, keyring->count, sizeof *keyring->peers, compare_peers);
    return good;
}

bool keyring_open(struct keyring *keyring, const char *folder, struct error *error)
{
    *keyring = (struct keyring){.count = 0};
    snprintf(keyring->folder, sizeof keyring->folder, "%s", folder);
    return endpoint_check_folder(folder, error) && load(keyring, error);
}

void keyring_close(struct keyring *keyring)
{
    forget_peers(keyring);
}

bool keyring_refresh(struct keyring *keyring, struct error *error)
{
    char path[FILE_PATH_MAX];
    struct stat now = {.st_ino = 0};
    const struct stat *seen = &keyring->seen;
    path_in(path, keyring->folder, "peers");
    if (lstat(path, &now) != 0)
        now = (struct stat){.st_ino = 0};
    bool same = now.st_ino == seen->st_ino && now.st_size == seen->st_size &&
                now.st_mtim.tv_sec == seen->st_mtim.tv_sec &&
                now.st_mtim.tv_nsec == seen->st_mtim.tv_nsec;
    return same || load(keyring, error);
}

const struct keyring_peer *keyring_find(const struct keyring *keyring,
                                        const uint8_t public_key[KEY_BYTES])
{
    struct keyring_peer wanted;
    memcpy(wanted.public_key, public_key, KEY_BYTES);
    return keyring->count == 0 ? NULL
                               : bsearch(&wanted, keyring->peers, keyring->count,
                                         sizeof *keyring->peers, compare_peers);
}

static void print_peer(FILE *file, const struct keyring_peer *peer)
{
    char digits[KEY_TEXT];
    hash_text(peer->public_key, KEY_BYTES, digits);
    fprintf(file, "%s %s %s %lld", peer->name, key_role_text(peer->role), digits,
            (long long)peer->added_s);
    if (peer->revoked_s > 0)
        fprintf(file, " %lld", (long long)peer->revoked_s);
    fputc('\n', file);
}

static bool replace_file(const char *folder, const char *name, const struct keyring *keyring,
                         const char *text, struct error *error)
{
    char path[FILE_PATH_MAX], draft[FILE_PATH_MAX];
    path_in(path, folder, name);
    path_in(draft, folder, "draft");
    FILE *file = fopen(draft, "we");
    if (!file)
        return error_set_errno(error, errno, "cannot write %s", draft);
    for (size_t i = 0; keyring && i < keyring->count; i++)
        print_peer(file, &keyring->peers[i]);
    if (text)
        fprintf(file, "%s\n", text);
    bool good = fflush(file) == 0 && fsync(fileno(file)) == 0;
    int number = errno;
    if (fclose(file) != 0 && good) {
        good = false;
        number = errno;
    }
    if (good && rename(draft, path) == 0)
        return file_sync_folder(folder, error);
    number = good ? errno : number;
    unlink(draft);
    return error_set_errno(error, number, "cannot write %s", path);
}

/* The descriptor that holds the lock on changes; -1 on failure. */
static int lock(const char *folder, struct error *error)
{
    char path[FILE_PATH_MAX];
    path_in(path, folder, "lock");
    int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor >= 0 && flock(descriptor, LOCK_EX) == 0)
        return descriptor;
    error_set_errno(error, errno, "cannot lock %s", path);
    if (descriptor >= 0)
        close(descriptor);
    return -1;
}

static bool add_peer(struct keyring *keyring, const struct key *key, struct error *error)
{
    const struct keyring_peer *known = keyring_find(keyring, key->public_key);
    if (known)
        return error_set(error, ERROR_REFUSED, "this key is enrolled already, as %s%s", known->name,
                         known->revoked_s ? ", and revoked" : "");
    for (size_t i = 0; i < keyring->count; i++)
        if (strcmp(keyring->peers[i].name, key->name) == 0)
            return error_set(error, ERROR_REFUSED,
                             "there is a key of the name %s%s: choose another name", key->name,
                             keyring->peers[i].revoked_s ? ", a revoked one" : "");
    if (keyring->count == KEYRING_PEERS_MAX)
        return error_set(error, ERROR_REFUSED, "there are %d keys, the most there may be",
                         KEYRING_PEERS_MAX);
    void *more = realloc(keyring->peers, (keyring->count + 1) * sizeof *keyring->peers);
    if (!more)
        return error_set(error, ERROR_MEMORY, "out of memory for keys");
    keyring->peers = more;
    struct keyring_peer *peer = &keyring->peers[keyring->count++];
    *peer = (struct keyring_peer){.role = key->role, .added_s = time(NULL)};
    memcpy(peer->name, key->name, sizeof peer->name);
    memcpy(peer->public_key, key->public_key, KEY_BYTES);
    return true;
}

bool keyring_enroll(const char *folder, const struct key *key, struct error *error)
{
    struct keyring keyring = {.count = 0};
    int held = make_folder(folder, error) ? lock(folder, error) : -1;
    bool good = held >= 0 && keyring_open(&keyring, folder, error) &&
                add_peer(&keyring, key, error) &&
                replace_file(folder, "peers", &keyring, NULL, error);
    keyring_close(&keyring);
    if (held >= 0)
        close(held);
    return good;
}

static bool mark_revoked(struct keyring *keyring, const char *name, struct error *error)
{
    for (size_t i = 0; i < keyring->count; i++) {
        struct keyring_peer *peer = &keyring->peers[i];
        if (strcmp(peer->name, name) != 0)
            continue;
        if (peer->revoked_s == 0)
            peer->revoked_s = time(NULL);
        return true;
    }
    return error_set(error, ERROR_NOT_FOUND, "no key of the name %s is enrolled", name);
}

bool keyring_revoke(const char *folder, const char *name, struct error *error)
{
    struct keyring keyring = {.count = 0};
    int held = endpoint_check_folder(folder, error) ? lock(folder, error) : -1;
    bool good = held >= 0 && keyring_open(&keyring, folder, error) &&
                mark_revoked(&keyring, name, error) &&
                replace_file(folder, "peers", &keyring, NULL, error);
    keyring_close(&keyring);
    if (held >= 0)
        close(held);
    return good;
}

bool keyring_server_key(const char *folder, bool make, struct key *key, struct error *error)
{
    char path[FILE_PATH_MAX];
    path_in(path, folder, "server.key");
    if (access(path, F_OK) == 0)
        return endpoint_check_folder(folder, error) && key_read(path, key, error) &&
               (key->has_secret || error_set(error, ERROR_DATA, "%s holds no secret key", path));
    if (!make)
        return error_set(error, ERROR_NOT_FOUND,
                         "there are no keys in %s; make the first with: lipsweep key join NAME -o "
                         "NAME.join --address tcp://HOST:PORT",
                         folder);
    return make_folder(folder, error) && key_create(key, "server", KEY_ROLE_USER, error) &&
           key_write(path, key, error) && file_sync_folder(folder, error);
}

bool keyring_address(const char *folder, char address[KEY_ADDRESS_MAX + 1], struct error *error)
{
    char path[FILE_PATH_MAX];
    path_in(path, folder, "address");
    address[0] = '\0';
    FILE *file = fopen(path, "re");
    if (!file && errno == ENOENT)
        return true;
    if (!file || (!fgets(address, KEY_ADDRESS_MAX + 1, file) && ferror(file))) {
        int number = errno;
        if (file)
            fclose(file);
        return error_set_errno(error, number, "cannot read %s", path);
    }
    fclose(file);
    address[strcspn(address, "\n")] = '\0';
    return true;
}

bool keyring_set_address(const char *folder, const char *address, struct error *error)
{
    return make_folder(folder, error) && replace_file(folder, "address", NULL, address, error);
}
