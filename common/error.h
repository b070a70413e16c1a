/* One error, filled by the function that failed and passed up unchanged to whoever can tell the
 * user.
 *
 * A function that can fail returns bool, is WARN_UNUSED, takes `struct error *` last and writes it
 * only on failure. */
#ifndef LIPSWEEP_COMMON_ERROR_H
#define LIPSWEEP_COMMON_ERROR_H

#include <stdbool.h>
#include <stdarg.h>

#define WARN_UNUSED __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

/* name, exit code of a program that ends with it (0 done, 1 the answer is bad, 2 usage or invalid
 * file, 3 unreachable or timed out, 4 refused, 130 interrupted), description */
#define ERROR_CODES(X)                                                                             \
    X(NONE, 0, "no error")                                                                         \
    X(FAILED, 1, "failed")                                                                         \
    X(SYSTEM, 1, "the operating system refused")                                                   \
    X(MEMORY, 1, "out of memory")                                                                  \
    X(DATA, 1, "damaged or unsuitable data")                                                       \
    X(DIVERGED, 1, "the training diverged")                                                        \
    X(USAGE, 2, "wrong usage")                                                                     \
    X(INVALID, 2, "invalid file")                                                                  \
    X(UNREACHABLE, 3, "coordinator unreachable")                                                   \
    X(TIMEOUT, 3, "timed out")                                                                     \
    X(REFUSED, 4, "refused")                                                                       \
    X(NOT_FOUND, 4, "no such thing")                                                               \
    X(BUSY, 4, "in use by another process")                                                        \
    X(INTERRUPTED, 130, "interrupted")

enum error_code {
#define X(name, exit_code, text) ERROR_##name,
    ERROR_CODES(X)
#undef X
        ERROR_CODE_COUNT
};

struct error {
    enum error_code code;
    int line;   /* 1-based; 0 when the error has no place in a file */
    int column; /* 1-based */
    char message[1024];
};

/* Fills `error` (which may be NULL) and returns false, so that callers can `return error_set(…)`.
 */
bool error_set(struct error *error, enum error_code code, const char *format, ...)
    PRINTF_LIKE(3, 4);

/* As error_set, with ": " and the text of errno value `number` appended. */
bool error_set_errno(struct error *error, int number, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts "text: " before the message of an error that is already set, and returns false. */
bool error_prefix(struct error *error, const char *format, ...) PRINTF_LIKE(2, 3);

/* A checker that sees one source at a time cannot know that these return false, and would follow
 * paths that do not exist: it is told. */
#ifdef __clang_analyzer__
static inline bool error_is_false(bool value)
{
    return (void)value, false;
}
#define error_set(...) error_is_false(error_set(__VA_ARGS__))
#define error_set_errno(...) error_is_false(error_set_errno(__VA_ARGS__))
#define error_prefix(...) error_is_false(error_prefix(__VA_ARGS__))
#endif

int error_exit_code(enum error_code code);
const char *error_code_text(enum error_code code);

#endif
