/* The programs' log: one line an event, on standard error, four levels. Only program-level code
 * logs; libraries return errors. LIPSWEEP_LOG sets the level (error, warning, info, debug); the
 * default is info. */
#ifndef LIPSWEEP_COMMON_LOG_H
#define LIPSWEEP_COMMON_LOG_H

#include "common/error.h"

enum log_level {
    LOG_LEVEL_ERROR,
    LOG_LEVEL_WARNING,
    LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_COUNT
};

/* `program` is printed before every line and must outlive the process. Reads LIPSWEEP_LOG. */
void log_init(const char *program, enum log_level level);
void log_set_level(enum log_level level);

void log_error(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warning(const char *format, ...) PRINTF_LIKE(1, 2);
void log_info(const char *format, ...) PRINTF_LIKE(1, 2);
void log_debug(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
