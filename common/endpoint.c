#include "common/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool endpoint_check_folder(const char *folder, struct error *error)
{
    struct stat status;
    if (stat(folder, &status) != 0)
        return error_set_errno(error, errno, "cannot use %s as a folder for sockets", folder);
    if (!S_ISDIR(status.st_mode))
        return error_set(error, ERROR_REFUSED, "%s is not a folder", folder);
    if (status.st_uid != geteuid())
        return error_set(error, ERROR_REFUSED,
                         "the folder %s belongs to user %u, not to you (%u): a socket in it could "
                         "be somebody else's",
                         folder, (unsigned)status.st_uid, (unsigned)geteuid());
    if (status.st_mode & 077)
        return error_set(error, ERROR_REFUSED,
                         "other users may enter the folder %s (mode %03o): close it with chmod 700",
                         folder, (unsigned)(status.st_mode & 0777));
    return true;
}

static bool parse_ipc(const char *path, struct endpoint *parsed, struct error *error)
{
    size_t length = strlen(path);
    if (length == 0 || path[0] == '@' || path[0] == '*' || path[length - 1] == '/')
        return error_set(error, ERROR_USAGE, "ipc://%s does not name a socket file", path);
    if (length > ENDPOINT_IPC_PATH_MAX)
        return error_set(error, ERROR_USAGE,
                         "the socket path %s is %zu bytes long, the system's limit is %d", path,
                         length, (int)ENDPOINT_IPC_PATH_MAX);
    memcpy(parsed->path, path, length + 1);
    snprintf(parsed->text, sizeof parsed->text, "ipc://%s", path);
    parsed->ipc = true;
    char folder[ENDPOINT_IPC_PATH_MAX + 1];
    memcpy(folder, path, length + 1);
    char *slash = strrchr(folder, '/');
    if (!slash)
        return endpoint_check_folder(".", error);
    slash[slash == folder ? 1 : 0] = '\0';
    return endpoint_check_folder(folder, error);
}

/* 127.0.0.0/8, [::1] and localhost, which libzmq takes no name for when it binds. */
static const char *loopback_host(const char *host)
{
    struct in_addr number;
    if (strcmp(host, "localhost") == 0)
        return "127.0.0.1";
    if (strcmp(host, "[::1]") == 0)
        return host;
    if (inet_pton(AF_INET, host, &number) == 1 && ntohl(number.s_addr) >> 24 == 127)
        return host;
    return NULL;
}

static bool port_is_valid(const char *port, bool server)
{
    if (server && (strcmp(port, "*") == 0 || strcmp(port, "0") == 0))
        return true;
    if (strspn(port, "0123456789") != strlen(port) || strlen(port) > 5)
        return false;
    long number = strtol(port, NULL, 10);
    return number >= 1 && number <= 65535;
}

/* With keys the host may be anything that libzmq resolves; it says so itself when it cannot. */
static bool parse_keyed(const char *text, const char *host, const char *port, bool server,
                        struct endpoint *parsed, struct error *error)
{
    if (!*host || (!server && strcmp(host, "*") == 0))
        return error_set(error, ERROR_USAGE, "tcp://%s names no host", text);
    snprintf(parsed->text, sizeof parsed->text, "tcp://%s:%s",
             strcmp(host, "localhost") == 0 ? "127.0.0.1" : host, port);
    return true;
}

static bool parse_tcp(const char *text, bool server, enum endpoint_trust trust,
                      struct endpoint *parsed, struct error *error)
{
    char host[ENDPOINT_MAX + 1];
    snprintf(host, sizeof host, "%s", text);
    char *colon = strrchr(host, ':');
    if (!colon || !port_is_valid(colon + 1, server))
        return error_set(error, ERROR_USAGE, "tcp://%s is not of the form tcp://HOST:PORT", text);
    *colon = '\0';
    if (trust == ENDPOINT_KEYED)
        return parse_keyed(text, host, colon + 1, server, parsed, error);
    const char *loopback = loopback_host(host);
    if (!loopback)
        return error_set(error, ERROR_REFUSED,
                         "tcp://%s leaves this machine, which takes keys: make them where the "
                         "coordinator runs, with `lipsweep key join NAME -o NAME.join`, start it "
                         "with --keys, and give workers and clients --join NAME.join",
                         text);
    if (trust != ENDPOINT_LOOPBACK)
        return error_set(
            error, ERROR_REFUSED,
            "tcp://%s is open to every user of this machine: use ipc, or keys (lipsweep "
            "key --help), or say --insecure-loopback if that is meant",
            text);
    snprintf(parsed->text, sizeof parsed->text, "tcp://%s:%s", loopback, colon + 1);
    return true;
}

bool endpoint_parse(const char *endpoint, bool server, enum endpoint_trust trust,
                    struct endpoint *parsed, struct error *error)
{
    *parsed = (struct endpoint){.ipc = false};
    if (strlen(endpoint) > ENDPOINT_MAX)
        return error_set(error, ERROR_USAGE, "an endpoint has at most %d bytes", ENDPOINT_MAX);
    if (strncmp(endpoint, "ipc://", 6) == 0 && trust == ENDPOINT_KEYED)
        return error_set(error, ERROR_USAGE,
                         "%s is on this machine, where keys are not asked for: keys are for "
                         "tcp://HOST:PORT",
                         endpoint);
    if (strncmp(endpoint, "ipc://", 6) == 0)
        return parse_ipc(endpoint + 6, parsed, error);
    if (strncmp(endpoint, "tcp://", 6) == 0)
        return parse_tcp(endpoint + 6, server, trust, parsed, error);
    return error_set(error, ERROR_USAGE,
                     "'%s' is not an endpoint: it starts with neither ipc:// nor tcp://", endpoint);
}
