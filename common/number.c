#include "common/number.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes the zeros off the end of "d.ddd000e±xx". */
static void strip_zeros(char text[NUMBER_TEXT])
{
    char *mark = strchr(text, 'e'), *end = mark;
    while (end[-1] == '0')
        end--;
    end -= end[-1] == '.';
    memmove(end, mark, strlen(mark) + 1);
}

/* Fewest significant digits that read back as `value`, as "d.ddde±xx". A normal number that reads
 * back from 15 digits has one shortest form, these without their zeros: any 15 digits survive being
 * a double. */
static void shortest_exponential(double value, char text[NUMBER_TEXT])
{
    int digits = 0;
    if (isnormal(value)) {
        snprintf(text, NUMBER_TEXT, "%.*e", DBL_DIG - 1, value);
        if (strtod(text, NULL) == value) {
            strip_zeros(text);
            return;
        }
        digits = DBL_DIG;
    }
    for (; digits <= 16; digits++) {
        snprintf(text, NUMBER_TEXT, "%.*e", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
}

static void write_quotient(uint64_t digits, int decimals, bool is_negative, char text[NUMBER_TEXT])
{
    char backwards[NUMBER_TEXT];
    size_t length = 0;
    while (decimals > 0 && digits % 10 == 0) {
        digits /= 10;
        decimals--;
    }
    for (int place = 0; digits > 0 || place <= decimals; place++) {
        if (place == decimals && place > 0)
            backwards[length++] = '.';
        backwards[length++] = (char)('0' + digits % 10);
        digits /= 10;
    }
    if (is_negative)
        backwards[length++] = '-';
    for (size_t i = 0; i < length; i++)
        text[i] = backwards[length - 1 - i];
    text[length] = '\0';
}

/* Numbers of at most 15 digits, which most numbers are that somebody wrote: a quotient of two whole
 * numbers that doubles hold exactly is rounded as the decimal is that they make, and any 15 digits
 * survive being a double, so these are the shortest. Much faster than printing and reading back. */
static bool format_quotient(double value, char text[NUMBER_TEXT])
{
    static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
                                    1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};
    double size = fabs(value);
    if (!(size >= 1e-4 && size < 1e15))
        return false;
    for (int decimals = 0; decimals < (int)(sizeof powers / sizeof *powers); decimals++) {
        uint64_t digits = (uint64_t)(size * powers[decimals] + 0.5);
        if (digits >= UINT64_C(1000000000000000))
            return false;
        if ((double)digits / powers[decimals] != size)
            continue;
        write_quotient(digits, decimals, value < 0, text);
        return true;
    }
    return false;
}

void number_format(double value, char text[NUMBER_TEXT])
{
    if (value == 0) {
        snprintf(text, NUMBER_TEXT, "0");
        return;
    }
    if (format_quotient(value, text))
        return;
    char shortest[NUMBER_TEXT];
    shortest_exponential(value, shortest);
    char *mark = strchr(shortest, 'e');
    if (!mark) { /* inf, nan: for messages only */
        snprintf(text, NUMBER_TEXT, "%s", shortest);
        return;
    }
    int exponent = atoi(mark + 1);
    int decimals = (int)(mark - shortest) - 2 - (value < 0);
    decimals = (decimals < 0 ? 0 : decimals) - exponent;
    if (exponent >= -4 && exponent < 15)
        snprintf(text, NUMBER_TEXT, "%.*f", decimals < 0 ? 0 : decimals, value);
    else
        snprintf(text, NUMBER_TEXT, "%.*se%d", (int)(mark - shortest), shortest, exponent);
}

/* [-+]? ( digits [. digits*] | . digits ) ( [eE] [-+]? digits )? */
static bool is_number(const char *text)
{
    size_t before, after = 0;
    text += *text == '-' || *text == '+';
    text += before = strspn(text, "0123456789");
    if (*text == '.') {
        text++;
        text += after = strspn(text, "0123456789");
    }
    if (before + after == 0)
        return false;
    if (*text == 'e' || *text == 'E') {
        text++;
        text += *text == '-' || *text == '+';
        size_t exponent = strspn(text, "0123456789");
        if (exponent == 0)
            return false;
        text += exponent;
    }
    return *text == '\0';
}

bool number_parse(const char *text, double *value)
{
    if (!is_number(text))
        return false;
    double parsed = strtod(text, NULL);
    if (!isfinite(parsed))
        return false;
    *value = parsed;
    return true;
}

bool number_parse_integer(const char *text, int64_t *value)
{
    const char *digits = text + (*text == '-' || *text == '+');
    if (*digits == '\0' || strspn(digits, "0123456789") != strlen(digits))
        return false;
    errno = 0;
    long long parsed = strtoll(text, NULL, 10);
    if (errno != 0)
        return false;
    *value = parsed;
    return true;
}

double number_round12(double value)
{
    char text[NUMBER_TEXT];
    snprintf(text, sizeof text, "%.11e", value);
    return strtod(text, NULL);
}
