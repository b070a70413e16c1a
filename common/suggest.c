#include "common/suggest.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

enum { WORD_MAX = 40 };

static int least(int a, int b)
{
    return a < b ? a : b;
}

static char lower(char letter)
{
    return (char)tolower((unsigned char)letter);
}

/* Edit distance with swaps of neighbours (optimal string alignment). */
static int distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
    int table[WORD_MAX + 1][WORD_MAX + 1];
    for (size_t i = 0; i <= a_length; i++)
        table[i][0] = (int)i;
    for (size_t j = 0; j <= b_length; j++)
        table[0][j] = (int)j;
    for (size_t i = 1; i <= a_length; i++) {
        for (size_t j = 1; j <= b_length; j++) {
            int differs = lower(a[i - 1]) != lower(b[j - 1]);
            int edits = least(table[i - 1][j] + 1, table[i][j - 1] + 1);
            edits = least(edits, table[i - 1][j - 1] + differs);
            if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
                lower(a[i - 2]) == lower(b[j - 1]))
                edits = least(edits, table[i - 2][j - 2] + 1);
            table[i][j] = edits;
        }
    }
    return table[a_length][b_length];
}

const char *suggest_name(const char *word, const char *const *names, size_t count)
{
    const char *nearest = NULL;
    size_t length = strlen(word);
    if (length == 0 || length > WORD_MAX)
        return NULL;
    int nearest_distance = length < 3 ? 1 : 1 + (int)length / 3;
    for (size_t i = 0; i < count; i++) {
        size_t name_length = strlen(names[i]);
        if (name_length > WORD_MAX)
            continue;
        int edits = distance(word, length, names[i], name_length);
        /* a name of as many letters as there are edits has nothing in common with the word */
        if (edits < nearest_distance + (nearest == NULL) && edits < (int)name_length) {
            nearest = names[i];
            nearest_distance = edits;
        }
    }
    return nearest;
}

void suggest_report(struct diagnostics *diagnostics, struct place place, const char *what,
                    const char *word, const char *const *names, size_t count)
{
    char quoted[QUOTE_TEXT], all[512] = "";
    quote_text(word, quoted);
    const char *nearest = suggest_name(word, names, count);
    if (nearest) {
        diagnostics_error(diagnostics, place, "unknown %s %s (did you mean '%s'?)", what, quoted,
                          nearest);
        return;
    }
    for (size_t i = 0, used = 0; i < count && used < sizeof all; i++)
        used +=
            (size_t)snprintf(all + used, sizeof all - used, "%s%s", i > 0 ? ", " : "", names[i]);
    diagnostics_error(diagnostics, place, "unknown %s %s (known: %s)", what, quoted, all);
}
