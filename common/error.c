#include "common/error.h"

#include <stdio.h>
#include <string.h>

#undef error_set
#undef error_set_errno
#undef error_prefix

static void fill(struct error *error, enum error_code code, const char *format, va_list arguments)
{
    error->code = code;
    error->line = 0;
    error->column = 0;
    vsnprintf(error->message, sizeof error->message, format, arguments);
}

bool error_set(struct error *error, enum error_code code, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        fill(error, code, format, arguments);
        va_end(arguments);
    }
    return false;
}

bool error_set_errno(struct error *error, int number, const char *format, ...)
{
    if (error) {
        va_list arguments;
        va_start(arguments, format);
        fill(error, ERROR_SYSTEM, format, arguments);
        va_end(arguments);
        size_t used = strlen(error->message);
        snprintf(error->message + used, sizeof error->message - used, ": %s", strerror(number));
    }
    return false;
}

bool error_prefix(struct error *error, const char *format, ...)
{
    if (error) {
        char rest[sizeof error->message];
        memcpy(rest, error->message, sizeof rest);
        va_list arguments;
        va_start(arguments, format);
        vsnprintf(error->message, sizeof error->message, format, arguments);
        va_end(arguments);
        size_t used = strlen(error->message);
        snprintf(error->message + used, sizeof error->message - used, ": %s", rest);
    }
    return false;
}

static const struct {
    int exit_code;
    const char *text;
} codes[ERROR_CODE_COUNT] = {
#define X(name, exit_code, text) [ERROR_##name] = {exit_code, text},
    ERROR_CODES(X)
#undef X
};

int error_exit_code(enum error_code code)
{
    return codes[code].exit_code;
}

const char *error_code_text(enum error_code code)
{
    return codes[code].text;
}
