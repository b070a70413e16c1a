#include "client/joined_lines.h"

#include <stdio.h>
#include <string.h>

#include "client/memory.h"

static void write_quoted(FILE *file, const char *text)
{
    fputc('"', file);
    for (const char *at = text; *at; at++) {
        bool is_next = strncmp(at, "\xc2\x85", 2) == 0;
        bool is_separator =
            strncmp(at, "\xe2\x80\xa8", 3) == 0 || strncmp(at, "\xe2\x80\xa9", 3) == 0;
        if (is_next || is_separator) {
            fputs(is_next ? "\\N" : at[2] == '\xa8' ? "\\L" : "\\P", file);
            at += is_next ? 1 : 2;
        } else if ((unsigned char)*at < 0x20 || *at == 0x7f) {
            fprintf(file, "\\x%02x", (unsigned char)*at);
        } else {
            if (*at == '"' || *at == '\\')
                fputc('\\', file);
            fputc(*at, file);
        }
    }
    fputc('"', file);
}

/* Plain where that is the same. */
static void write_key(FILE *file, const char *key)
{
    static const char letters[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    if (key[0] && key[0] != '-' && key[strspn(key, letters)] == '\0')
        fputs(key, file);
    else
        write_quoted(file, key);
}

static void write_value(FILE *file, const struct yaml_node *node)
{
    bool is_map = node->type == YAML_MAP;
    if (node->type == YAML_NULL) {
        fputc('~', file);
    } else if (node->type == YAML_TEXT) {
        write_quoted(file, node->text);
    } else if (node->type != YAML_LIST && !is_map) {
        fputs(node->text, file);
    } else {
        fputc(is_map ? '{' : '[', file);
        for (const struct yaml_node *item = node->first; item; item = item->next) {
            if (is_map) {
                write_key(file, item->text);
                fputs(": ", file);
            }
            write_value(file, is_map ? item->value : item);
            fputs(item->next ? ", " : "", file);
        }
        fputc(is_map ? '}' : ']', file);
    }
}

static void write_line(FILE *file, const struct joined_line *line, int indent)
{
    fprintf(file, "%*s", indent, "");
    write_key(file, line->key);
    fputs(": ", file);
    write_value(file, line->value);
    fputs("  # ", file);
    for (const char *at = line->origin; *at; at++)
        fputc((unsigned char)*at < 0x20 || (unsigned char)*at >= 0x7f ? '?' : *at, file);
    if (line->number > 0)
        fprintf(file, ":%d", line->number);
    fputc('\n', file);
}

/* Section `name` with all that is in it, once: at its first line. */
static void write_section(FILE *file, const struct joined_lines *lines, const char *name,
                          int indent)
{
    size_t length = strlen(name);
    const char *dot = strrchr(name, '.');
    fprintf(file, "%*s%s:\n", indent, "", dot ? dot + 1 : name);
    for (size_t i = 0; i < lines->count; i++)
        if (strcmp(lines->list[i].section, name) == 0)
            write_line(file, &lines->list[i], indent + 2);
    char inner[JOINED_SECTION_MAX] = "";
    for (size_t i = 0; i < lines->count; i++) {
        const char *own = lines->list[i].section;
        if (strncmp(own, name, length) != 0 || own[length] != '.' || strcmp(own, inner) == 0)
            continue;
        snprintf(inner, sizeof inner, "%s", own);
        bool is_first = true;
        for (size_t j = 0; j < i; j++)
            is_first = is_first && strcmp(lines->list[j].section, own) != 0;
        if (is_first)
            write_section(file, lines, inner, indent + 2);
    }
}

char *joined_lines_text(const struct joined_lines *lines)
{
    char *text;
    size_t size;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return memory_text("");
    fputs("# joined by lipsweep; what each line is from stands behind it\n", file);
    for (size_t i = 0; i < lines->count; i++) {
        char top[JOINED_SECTION_MAX];
        const char *section = lines->list[i].section;
        if (!section[0]) {
            write_line(file, &lines->list[i], 0);
            continue;
        }
        snprintf(top, sizeof top, "%.*s", (int)strcspn(section, "."), section);
        bool is_first = true;
        for (size_t j = 0; j < i; j++) {
            const char *other = lines->list[j].section;
            is_first = is_first && (strcspn(other, ".") != strlen(top) ||
                                    strncmp(other, top, strlen(top)) != 0);
        }
        if (is_first)
            write_section(file, lines, top, 0);
    }
    fclose(file);
    return text;
}
