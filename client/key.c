/* lipsweep key: who may come to a coordinator over the network. */
#include "common/key.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/command.h"
#include "client/table.h"
#include "common/endpoint.h"
#include "common/hash.h"
#include "common/keyring.h"
#include "common/suggest.h"

enum { PATH_LENGTH_MAX = 4096, MS_A_SECOND = 1000 };

/* What one call was asked to do. */
struct request {
    const struct arguments *arguments;
    const char *what;   /* NAME or FILE; NULL: none */
    const char *output; /* NULL: the default */
    char folder[KEYRING_PATH_MAX + 1];
};

static bool read_role(const struct request *request, enum key_role *role, struct error *error)
{
    const char *text = arguments_value(request->arguments, "role");
    return !text || key_role_parse(text, role, error);
}

/* The address that goes into join files: as said now, else as said last. */
static bool find_address(const struct request *request, char address[KEY_ADDRESS_MAX + 1],
                         struct error *error)
{
    const char *said = arguments_value(request->arguments, "address");
    struct endpoint parsed;
    if (said) {
        if (!endpoint_parse(said, false, ENDPOINT_KEYED, &parsed, error))
            return false;
        snprintf(address, KEY_ADDRESS_MAX + 1, "%s", said);
        return keyring_set_address(request->folder, said, error);
    }
    if (!keyring_address(request->folder, address, error))
        return false;
    return address[0] || error_set(error, ERROR_USAGE,
                                   "at what address will this coordinator be found? Say "
                                   "--address tcp://HOST:PORT once (the coordinator then listens "
                                   "with --listen 'tcp://*:PORT')");
}

static bool add_server(const struct request *request, struct key *key, struct error *error)
{
    struct key server;
    if (!find_address(request, key->address, error) ||
        !keyring_server_key(request->folder, true, &server, error))
        return false;
    memcpy(key->server_key, server.public_key, KEY_BYTES);
    key->has_server = true;
    key_forget(&server);
    return true;
}

/* The file first: a key that is enrolled but was never handed out would be of no use, and one that
 * is handed out too early is refused. */
static bool write_and_enroll(const struct request *request, const struct key *key, const char *path,
                             struct error *error)
{
    if (!key_write(path, key, error))
        return false;
    if (keyring_enroll(request->folder, key, error))
        return true;
    unlink(path);
    return false;
}

static bool output_path(const struct request *request, const char *name, const char *ending,
                        char path[PATH_LENGTH_MAX], struct error *error)
{
    int length = request->output ? snprintf(path, PATH_LENGTH_MAX, "%s", request->output)
                                 : snprintf(path, PATH_LENGTH_MAX, "%s.%s", name, ending);
    return length < PATH_LENGTH_MAX || error_set(error, ERROR_USAGE, "the file's path is too long");
}

static void say_use(const struct key *key, const char *path)
{
    if (key->role == KEY_ROLE_WORKER)
        printf("a machine that has it works with: lipsweep-worker --join %s\n", path);
    else
        printf("who has it uses it with: lipsweep status --join %s\n", path);
}

static bool join(const struct request *request, struct error *error)
{
    struct key key;
    enum key_role role = KEY_ROLE_WORKER;
    char path[PATH_LENGTH_MAX];
    if (!read_role(request, &role, error) || !key_create(&key, request->what, role, error))
        return false;
    bool good = output_path(request, key.name, "join", path, error) &&
                add_server(request, &key, error) && write_and_enroll(request, &key, path, error);
    if (good) {
        printf("%s: a %s's key for %s; it is secret, keep it so\n", path, key_role_text(role),
               key.address);
        say_use(&key, path);
    }
    key_forget(&key);
    return good;
}

static bool new_pair(const struct request *request, struct error *error)
{
    struct key key;
    enum key_role role = KEY_ROLE_WORKER;
    char path[PATH_LENGTH_MAX], public_path[PATH_LENGTH_MAX];
    if (!read_role(request, &role, error) || !key_create(&key, request->what, role, error))
        return false;
    snprintf(public_path, sizeof public_path, "%s.pub", key.name);
    bool good = output_path(request, key.name, "key", path, error) && key_write(path, &key, error);
    key_forget(&key);
    if (good && !key_write(public_path, &key, error)) {
        unlink(path);
        good = false;
    }
    if (good)
        printf("%s: secret, stays here\n%s: give it to who runs the coordinator, who says: "
               "lipsweep key enroll %s\n",
               path, public_path, public_path);
    return good;
}

static bool enroll(const struct request *request, struct error *error)
{
    struct key key;
    char path[PATH_LENGTH_MAX];
    if (!key_read(request->what, &key, error))
        return false;
    key_forget(&key);
    if (!read_role(request, &key.role, error) ||
        !output_path(request, key.name, "join", path, error) || !add_server(request, &key, error) ||
        !write_and_enroll(request, &key, path, error))
        return false;
    printf("%s may come in as a %s; %s is not secret: it goes beside %s.key\n", key.name,
           key_role_text(key.role), path, key.name);
    say_use(&key, path);
    return true;
}

static bool revoke_key(const struct request *request, struct error *error)
{
    if (!keyring_revoke(request->folder, request->what, error))
        return false;
    printf("%s is revoked: its next message is refused\n", request->what);
    return true;
}

static const struct table_column columns[] = {
    {"name", NULL, 0},  {"role", NULL, 0},  {"public_key", "public key", 0},
    {"added", NULL, 0}, {"state", NULL, 0}, {"revoked", NULL, TABLE_HIDE_EMPTY},
};

static bool list(const struct request *request, struct error *error)
{
    struct keyring keyring;
    struct table_options options;
    if (!table_options_read(request->arguments, &options, error) ||
        !keyring_open(&keyring, request->folder, error))
        return false;
    struct table *table = table_create(columns, sizeof columns / sizeof *columns);
    for (size_t i = 0; i < keyring.count; i++) {
        const struct keyring_peer *peer = &keyring.peers[i];
        char digits[KEY_TEXT];
        hash_text(peer->public_key, KEY_BYTES, digits);
        table_text(table, peer->name);
        table_text(table, key_role_text(peer->role));
        table_text(table, digits);
        table_show(table, "%.16s…", digits);
        table_time(table, peer->added_s * MS_A_SECOND);
        table_text(table, peer->revoked_s ? "revoked" : "good");
        if (peer->revoked_s)
            table_time(table, peer->revoked_s * MS_A_SECOND);
        else
            table_null(table);
    }
    bool good = table_print(table, &options, 0, error);
    table_destroy(table);
    keyring_close(&keyring);
    return good;
}

static const struct action {
    const char *name, *wants; /* NULL: nothing */
    bool (*run)(const struct request *request, struct error *error);
} actions[] = {
    {"join", "NAME", join},         {"new", "NAME", new_pair}, {"enroll", "FILE", enroll},
    {"revoke", "NAME", revoke_key}, {"list", NULL, list},
};
enum { ACTION_COUNT = sizeof actions / sizeof *actions };

static bool unknown(const char *name, struct error *error)
{
    const char *names[ACTION_COUNT];
    for (size_t i = 0; i < ACTION_COUNT; i++)
        names[i] = actions[i].name;
    const char *nearest = suggest_name(name, names, ACTION_COUNT);
    return error_set(error, ERROR_USAGE, "key: unknown action '%.60s' (%s%s%s)", name,
                     nearest ? "did you mean '" : "join, new, enroll, revoke or list",
                     nearest ? nearest : "", nearest ? "'?" : "");
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    const char *name = arguments->positional[0];
    struct request request = {.arguments = arguments,
                              .what =
                                  arguments->positional_count > 1 ? arguments->positional[1] : NULL,
                              .output = arguments_value(arguments, "output")};
    *exit_code = 0;
    if (!keyring_folder(arguments_value(arguments, "keys"), request.folder, error))
        return false;
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        if (strcmp(name, actions[i].name) != 0)
            continue;
        if ((request.what != NULL) != (actions[i].wants != NULL))
            return error_set(error, ERROR_USAGE, "usage: lipsweep key %s%s%s", name,
                             actions[i].wants ? " " : "", actions[i].wants ? actions[i].wants : "");
        return actions[i].run(&request, error);
    }
    return unknown(name, error);
}

const struct command command_key = {
    .name = "key",
    .group = "Machines",
    .arguments = "ACTION [NAME|FILE]",
    .summary = "keys for other machines: join, new, enroll, revoke, list",
    .details =
        "  join NAME     a join file with the coordinator's address and a fresh key: all that\n"
        "                another machine needs; a hundred workers may start from one\n"
        "  new NAME      a pair of keys of one's own: NAME.key stays, NAME.pub goes to\n"
        "  enroll FILE   who runs the coordinator, and gets NAME.join for it, without a "
        "secret\n"
        "  revoke NAME   from its next message on\n"
        "  list          who is enrolled\n"
        "\n"
        "A worker's key takes jobs and delivers results, a user's submits and controls, a\n"
        "reader's reads. The keys of a coordinator lie in --keys, else in\n"
        "$XDG_CONFIG_HOME/lipsweep/keys (~/.config/lipsweep/keys); it is started with\n"
        "lipsweep-coordinator --listen 'tcp://*:7447'.",
    .example = "lipsweep key join laptop --address tcp://192.168.1.10:7447 -o laptop.join",
    .options =
        (const struct option_info[]){
            {"output", "FILE", "join, new, enroll: the file to write (default: NAME.join, .key)"},
            {"role", "ROLE", "worker (default), user or reader"},
            {"address", "ENDPOINT", "join, enroll: the coordinator's, tcp://HOST:PORT; remembered"},
            {"keys", "DIR", "the coordinator's keys"},
            {NULL, NULL, NULL}},
    .takes = COMMAND_TAKES_TABLE,
    .positional_min = 1,
    .positional_max = 2,
    .run = run,
};
