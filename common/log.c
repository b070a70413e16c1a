#include "common/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char *const level_names[LOG_LEVEL_COUNT] = {"error", "warning", "info", "debug"};
static const char *log_program = "lipsweep";
static enum log_level log_level = LOG_LEVEL_INFO;

void log_init(const char *program, enum log_level level)
{
    log_program = program;
    log_level = level;
    const char *wanted = getenv("LIPSWEEP_LOG");
    for (int i = 0; wanted && i < LOG_LEVEL_COUNT; i++)
        if (strcmp(wanted, level_names[i]) == 0)
            log_level = (enum log_level)i;
}

void log_set_level(enum log_level level)
{
    log_level = level;
}

static void write_line(enum log_level level, const char *format, va_list arguments)
{
    if (level > log_level)
        return;
    struct timespec now;
    struct tm utc;
    char stamp[32], line[2048];
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    vsnprintf(line, sizeof line, format, arguments);
    fprintf(stderr, "%s.%03ldZ %s: %s: %s\n", stamp, now.tv_nsec / 1000000, log_program,
            level_names[level], line);
}

#define LOG_FUNCTION(name, level)                                                                  \
    void name(const char *format, ...)                                                             \
    {                                                                                              \
        va_list arguments;                                                                         \
        va_start(arguments, format);                                                               \
        write_line(level, format, arguments);                                                      \
        va_end(arguments);                                                                         \
    }

LOG_FUNCTION(log_error, LOG_LEVEL_ERROR)
LOG_FUNCTION(log_warning, LOG_LEVEL_WARNING)
LOG_FUNCTION(log_info, LOG_LEVEL_INFO)
LOG_FUNCTION(log_debug, LOG_LEVEL_DEBUG)
