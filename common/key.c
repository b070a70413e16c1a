#include "common/key.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/hash.h"

static_assert((int)KEY_BYTES == (int)HASH_BYTES, "hash_parse reads keys too");
static_assert((int)KEY_BYTES == (int)SOCKET_KEY_BYTES, "sockets take these keys");

enum { FILE_MAX = 4096, PATH_LENGTH_MAX = 4096 };

static const char first_line[] = "lipsweep-key 1";

static const char *const role_texts[KEY_ROLE_COUNT] = {
#define ROLE_TEXT(NAME, text) [KEY_ROLE_##NAME] = #text,
    KEY_ROLES(ROLE_TEXT)
#undef ROLE_TEXT
};

const char *key_role_text(enum key_role role)
{
    return role_texts[role];
}

bool key_role_parse(const char *text, enum key_role *role, struct error *error)
{
    for (int i = 0; i < KEY_ROLE_COUNT; i++) {
        if (strcmp(text, role_texts[i]) == 0) {
            *role = (enum key_role)i;
            return true;
        }
    }
    return error_set(error, ERROR_USAGE, "'%s' is no role: worker, user or reader", text);
}

bool key_name_check(const char *name, struct error *error)
{
    size_t length = strlen(name);
    bool good = length > 0 && length <= KEY_NAME_MAX && isalnum((unsigned char)name[0]);
    for (size_t i = 0; good && i < length; i++)
        good = isalnum((unsigned char)name[i]) || strchr("._-", name[i]);
    return good || error_set(error, ERROR_USAGE,
                             "'%.80s' is no name for a key: 1 to %d letters, digits, '.', '_' and "
                             "'-', beginning with a letter or digit",
                             name, KEY_NAME_MAX);
}

bool key_create(struct key *key, const char *name, enum key_role role, struct error *error)
{
    if (!key_name_check(name, error))
        return false;
    *key = (struct key){.role = role, .has_secret = true};
    snprintf(key->name, sizeof key->name, "%s", name);
    return socket_make_keys(key->public_key, key->secret_key, error);
}

void key_forget(struct key *key)
{
    explicit_bzero(key->secret_key, sizeof key->secret_key);
    key->has_secret = false;
}

/* --- reading --- */

static bool wrong(const char *path, const char *what, struct error *error)
{
    return error_set(error, ERROR_DATA, "%s is not a key file: %s", path, what);
}

static bool read_field(struct key *key, const char *field, const char *value, struct error *error)
{
    if (strcmp(field, "name") == 0) {
        snprintf(key->name, sizeof key->name, "%s", value);
        return key_name_check(value, error);
    }
    if (strcmp(field, "role") == 0)
        return key_role_parse(value, &key->role, error);
    if (strcmp(field, "public") == 0)
        return hash_parse(value, key->public_key);
    if (strcmp(field, "secret") == 0)
        return key->has_secret = hash_parse(value, key->secret_key);
    if (strcmp(field, "server") == 0)
        return key->has_server = hash_parse(value, key->server_key);
    if (strcmp(field, "address") == 0 && strlen(value) <= KEY_ADDRESS_MAX) {
        snprintf(key->address, sizeof key->address, "%s", value);
        return true;
    }
    return false;
}

static bool parse(const char *path, char *text, struct key *key, struct error *error)
{
    char *rest = text, *line = strsep(&rest, "\n");
    bool has_public = false;
    *key = (struct key){.role = KEY_ROLE_WORKER};
    if (strcmp(line, first_line) != 0)
        return wrong(path, "its first line is not 'lipsweep-key 1'", error);
    while ((line = strsep(&rest, "\n"))) {
        if (!*line)
            continue;
        char *value = line, *field = strsep(&value, " ");
        struct error ignored;
        if (!value || !read_field(key, field, value, &ignored))
            return wrong(path, "a line of it cannot be read", error);
        has_public |= strcmp(field, "public") == 0;
    }
    if (!has_public || !key->name[0])
        return wrong(path, "it lacks its name or its public key", error);
    return true;
}

/* Before a secret is taken from it. */
static bool check_private(const char *path, const struct stat *status, struct error *error)
{
    if (status->st_uid != geteuid())
        return error_set(error, ERROR_REFUSED,
                         "the secret key in %s belongs to user %u, not to you (%u)", path,
                         (unsigned)status->st_uid, (unsigned)geteuid());
    if (status->st_mode & 077)
        return error_set(error, ERROR_REFUSED,
                         "other users may read the secret key in %s (mode %03o): close it with "
                         "chmod 600, and if it was open for long make a new one",
                         path, (unsigned)(status->st_mode & 0777));
    return true;
}

static bool read_text(const char *path, char text[FILE_MAX + 1], struct stat *status,
                      struct error *error)
{
    int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (descriptor < 0 && errno == ELOOP)
        return error_set(error, ERROR_REFUSED, "%s is a link: name the key file itself", path);
    if (descriptor < 0)
        return error_set_errno(error, errno, "cannot open the key file %s", path);
    bool regular = fstat(descriptor, status) == 0 && S_ISREG(status->st_mode);
    ssize_t length = regular ? read(descriptor, text, FILE_MAX + 1) : -1;
    close(descriptor);
    if (length < 0 || length > FILE_MAX)
        return wrong(path, "it is no small text file", error);
    text[length] = '\0';
    return strlen(text) == (size_t)length || wrong(path, "it is no text", error);
}

bool key_read(const char *path, struct key *key, struct error *error)
{
    char text[FILE_MAX + 1];
    struct stat status;
    bool good = read_text(path, text, &status, error) && parse(path, text, key, error) &&
                (!key->has_secret || check_private(path, &status, error));
    explicit_bzero(text, sizeof text);
    if (!good)
        key_forget(key);
    return good;
}

bool key_read_join(const char *path, struct key *key, struct error *error)
{
    if (!key_read(path, key, error))
        return false;
    if (!key->has_server || !key->address[0])
        return error_set(error, ERROR_DATA,
                         "%s is a key but no join file: it lacks the coordinator's key or address "
                         "(make one with: lipsweep key join NAME -o FILE)",
                         path);
    if (key->has_secret)
        return true;
    char beside[PATH_LENGTH_MAX];
    const char *slash = strrchr(path, '/');
    int folder = slash ? (int)(slash - path) + 1 : 0;
    snprintf(beside, sizeof beside, "%.*s%s.key", folder, path, key->name);
    struct key own;
    if (!key_read(beside, &own, error))
        return error_prefix(error, "%s holds no secret key", path);
    bool same = own.has_secret && memcmp(own.public_key, key->public_key, KEY_BYTES) == 0;
    memcpy(key->secret_key, own.secret_key, KEY_BYTES);
    key->has_secret = same;
    key_forget(&own);
    return same ||
           error_set(error, ERROR_DATA, "%s is not the secret key that %s is for", beside, path);
}

bool key_connect(const struct key *join, struct socket **socket, const char *endpoint,
                 bool insecure_loopback, struct error *error)
{
    if (!join)
        return socket_connect(socket, endpoint, insecure_loopback, error);
    const struct socket_keys keys = {join->public_key, join->secret_key, join->server_key};
    return socket_connect_keyed(socket, endpoint, &keys, error);
}

/* --- writing --- */

static void add_key(char *text, size_t size, const char *field, const uint8_t key[KEY_BYTES])
{
    char digits[KEY_TEXT];
    size_t length = strlen(text);
    hash_text(key, KEY_BYTES, digits);
    snprintf(text + length, size - length, "%s %s\n", field, digits);
    explicit_bzero(digits, sizeof digits);
}

static void format(const struct key *key, char text[FILE_MAX])
{
    snprintf(text, FILE_MAX, "%s\nname %s\nrole %s\n", first_line, key->name,
             key_role_text(key->role));
    add_key(text, FILE_MAX, "public", key->public_key);
    if (key->has_secret)
        add_key(text, FILE_MAX, "secret", key->secret_key);
    if (key->has_server)
        add_key(text, FILE_MAX, "server", key->server_key);
    size_t length = strlen(text);
    if (key->address[0])
        snprintf(text + length, FILE_MAX - length, "address %s\n", key->address);
}

static bool write_whole(int descriptor, const char *path, const char *text, struct error *error)
{
    size_t length = strlen(text);
    bool good = write(descriptor, text, length) == (ssize_t)length && fsync(descriptor) == 0;
    int number = errno;
    if (close(descriptor) == 0 && good)
        return true;
    unlink(path);
    return error_set_errno(error, good ? errno : number, "cannot write %s", path);
}

bool key_write(const char *path, const struct key *key, struct error *error)
{
    char text[FILE_MAX];
    int descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
                          key->has_secret ? 0600 : 0644);
    if (descriptor < 0 && errno == EEXIST)
        return error_set(error, ERROR_REFUSED,
                         "%s exists: keys are not written over; remove it or name another", path);
    if (descriptor < 0)
        return error_set_errno(error, errno, "cannot write %s", path);
    format(key, text);
    bool good = write_whole(descriptor, path, text, error);
    explicit_bzero(text, sizeof text);
    return good;
}
