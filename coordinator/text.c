#include "coordinator/text.h"

#include <stdint.h>
#include <string.h>

/* Length of the well-formed UTF-8 character at `s` (RFC 3629: shortest form, no surrogates, at most
 * U+10FFFF); 0 when there is none. */
static size_t character_length(const unsigned char *s)
{
    static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (s[0] < 0x80)
        return 1;
    size_t length = s[0] >= 0xc2 && s[0] < 0xe0 ? 2 : (s[0] & 0xf0) == 0xe0 ? 3 : 4;
    if (s[0] < 0xc2 || s[0] > 0xf4)
        return 0;
    uint32_t value = s[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        value = value << 6 | (s[i] & 0x3f);
    }
    return value >= smallest[length] && value <= 0x10ffff && (value & 0xfffff800) != 0xd800 ? length
                                                                                            : 0;
}

void text_clean(char *text, size_t length_max)
{
    unsigned char *s = (unsigned char *)text, *end = s + strnlen(text, length_max);
    if (*end != '\0') /* protobuf-c's empty strings are read-only */
        *end = '\0';
    while (s < end) {
        size_t length = character_length(s);
        if (length == 0 || ((*s < 0x20 || *s == 0x7f) && *s != '\n' && *s != '\t'))
            *s = '?';
        s += length ? length : 1;
    }
}
