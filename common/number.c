#include "common/number.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void number_format(double value, char text[NUMBER_TEXT])
{
    if (value == 0)
        value = 0; /* -0 */
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, NUMBER_TEXT, "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
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
