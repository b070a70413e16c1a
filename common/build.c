#include "common/build.h"

#include "common/build_info.h"

#ifndef BUILD_VERSION
#define BUILD_VERSION "unknown"
#endif
#ifndef BUILD_FLAGS
#define BUILD_FLAGS "unknown"
#endif

const char *build_text(void)
{
    return BUILD_VERSION " (" BUILD_COMMIT "; gcc-compatible " __VERSION__ "; " BUILD_FLAGS ")";
}

const char *build_version(void)
{
    return BUILD_VERSION;
}
