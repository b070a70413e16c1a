#include "client/terminal.h"

#include <langinfo.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "client/memory.h"

enum { WIDTH_DEFAULT = 100, WIDTH_MIN = 20, WIDTH_MAX = 1000 };

static int width_of(int descriptor, bool interactive)
{
    struct winsize size;
    if (interactive && ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col >= WIDTH_MIN)
        return size.ws_col;
    const char *columns = getenv("COLUMNS");
    int width = columns ? atoi(columns) : 0;
    return width >= WIDTH_MIN && width <= WIDTH_MAX ? width : WIDTH_DEFAULT;
}

struct terminal terminal_of(FILE *file)
{
    struct terminal terminal = {0};
    const char *kind = getenv("TERM");
    bool dumb = !kind || strcmp(kind, "dumb") == 0;
    bool is_terminal = isatty(fileno(file)) == 1;
    terminal.interactive = is_terminal && !dumb;
    terminal.colour = terminal.interactive && !getenv("NO_COLOR");
    terminal.utf8 = strcasecmp(nl_langinfo(CODESET), "UTF-8") == 0;
    terminal.width = width_of(fileno(file), is_terminal);
    return terminal;
}

size_t terminal_width(const char *text)
{
    size_t width = 0;
    for (const char *p = text; *p; p++) {
        if (*p == '\033') {
            p += strcspn(p, "m");
            if (!*p)
                break;
            continue;
        }
        width += ((unsigned char)*p & 0xc0) != 0x80;
    }
    return width;
}

static const struct {
    const char *symbol, *plain;
} symbols[] = {{"λ", "lambda"}, {"σ", "sigma"}, {"±", "+-"}, {"–", "-"}, {"…", "..."},
               {"·", "|"},      {"█", "#"},     {"░", "."},  {"×", "x"}};

char *terminal_spell(const struct terminal *terminal, const char *text)
{
    char *spelt = memory_text(text);
    if (terminal->utf8)
        return spelt;
    /* The longest spelling has three times its symbol's bytes. */
    char *plain = memory_allocate(3 * strlen(text) + 1, 1);
    size_t used = 0;
    for (const char *p = text; *p;) {
        size_t i = 0, count = sizeof symbols / sizeof *symbols;
        while (i < count && strncmp(p, symbols[i].symbol, strlen(symbols[i].symbol)) != 0)
            i++;
        if (i == count) {
            /* libsmartcols never comes back from a byte that the locale has no character for. */
            unsigned char byte = (unsigned char)*p++;
            bool continues = (byte & 0xc0) == 0x80;
            if (!continues)
                plain[used++] = byte < 0x80 ? (char)byte : '?';
            continue;
        }
        memcpy(plain + used, symbols[i].plain, strlen(symbols[i].plain));
        used += strlen(symbols[i].plain);
        p += strlen(symbols[i].symbol);
    }
    free(spelt);
    return plain;
}

void terminal_print(const struct terminal *terminal, FILE *file, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = memory_format(format, arguments);
    va_end(arguments);
    char *spelt = terminal_spell(terminal, text);
    fputs(spelt, file);
    free(spelt);
    free(text);
}

void terminal_print_wrapped(const struct terminal *terminal, FILE *file, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = memory_format(format, arguments);
    va_end(arguments);
    char *spelt = terminal_spell(terminal, text), *rest = spelt, *word;
    size_t used = 0;
    while ((word = strsep(&rest, " "))) {
        size_t width = terminal_width(word);
        bool breaks = used > 0 && used + 1 + width > (size_t)terminal->width;
        fprintf(file, "%s%s", breaks ? "\n" : used > 0 ? " " : "", word);
        used = breaks || used == 0 ? width : used + 1 + width;
    }
    fputc('\n', file);
    free(spelt);
    free(text);
}

size_t terminal_character_length(const char *at, size_t left)
{
    const unsigned char *text = (const unsigned char *)at;
    unsigned char first = text[0];
    if (first < 0x80)
        return first >= 0x20 && first != 0x7f;
    size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
    if (first < 0xc2 || first > 0xf4 || length > left)
        return 0;
    uint32_t code = first & (0xffU >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3f);
    }
    bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    bool surrogate = code >= 0xd800 && code <= 0xdfff;
    /* C1 controls, and the marks that reorder text from right to left. */
    bool control = code < 0xa0 || (code >= 0x202a && code <= 0x202e) ||
                   (code >= 0x2066 && code <= 0x2069) || code == 0x2028 || code == 0x2029;
    return overlong || surrogate || control || code > 0x10ffff ? 0 : length;
}

char *terminal_escape(const char *text, size_t length)
{
    char *escaped = memory_allocate(4 * length + 1, 1);
    size_t used = 0;
    for (size_t i = 0; i < length;) {
        const char *at = text + i;
        size_t step = terminal_character_length(at, length - i);
        if (step > 0) {
            memcpy(escaped + used, at, step);
            used += step;
            i += step;
        } else {
            used += (size_t)sprintf(escaped + used, "\\x%02x", (unsigned char)*at);
            i++;
        }
    }
    escaped[used] = '\0';
    return escaped;
}

bool terminal_ask(const char *question)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDERR_FILENO))
        return false;
    fprintf(stderr, "%s [y/N] ", question);
    char line[16];
    if (!fgets(line, sizeof line, stdin))
        return false;
    return strcasecmp(line, "y\n") == 0 || strcasecmp(line, "yes\n") == 0;
}
