#include "client/table_private.h"

#include <stdlib.h>
#include <string.h>

#include <libsmartcols.h>

#include "client/memory.h"

#define SEPARATOR "  "

static const char *cell_text(const struct cell *cell)
{
    return cell->shown ? cell->shown : cell->value ? cell->value : "";
}

/* Whether people get to see the column. */
static bool is_shown(const struct table *table, size_t column, size_t row_count)
{
    unsigned flags = table->columns[column].flags;
    if (flags & TABLE_PROGRAMS)
        return false;
    bool empty = flags & TABLE_HIDE_EMPTY, constant = flags & TABLE_HIDE_CONSTANT;
    for (size_t row = 0; row < row_count && (empty || constant); row++) {
        const char *text = cell_text(table_cell(table, row, column));
        empty = empty && !*text;
        constant = constant && strcmp(text, cell_text(table_cell(table, 0, column))) == 0;
    }
    return !empty && !constant;
}

size_t table_width(const struct table *table)
{
    size_t width = 0, row_count = table_row_count(table);
    for (size_t column = 0; column < table->column_count; column++) {
        const struct table_column *info = &table->columns[column];
        if (!is_shown(table, column, row_count))
            continue;
        size_t widest = terminal_width(info->heading ? info->heading : info->name);
        for (size_t row = 0; row < row_count; row++) {
            size_t own = terminal_width(cell_text(table_cell(table, row, column)));
            widest = own > widest ? own : widest;
        }
        width += widest + (width > 0 ? strlen(SEPARATOR) : 0);
    }
    return width;
}

static void set_cell(struct libscols_line *line, size_t at, const struct cell *cell,
                     const struct terminal *terminal)
{
    const char *text = cell_text(cell);
    char *escaped = terminal_escape(text, strlen(text));
    char *spelt = terminal->utf8 ? NULL : terminal_spell(terminal, escaped);
    if (spelt)
        free(escaped);
    scols_line_refer_data(line, at, spelt ? spelt : escaped); /* which it frees */
    if (cell->colour)
        scols_cell_set_color(scols_line_get_cell(line, at), cell->colour);
}

/* Without the blanks that stand for empty cells at the ends of lines. */
static bool print_trimmed(struct libscols_table *scols)
{
    char *text = NULL;
    if (scols_print_table_to_string(scols, &text) != 0)
        return false;
    for (const char *line = text; *line;) {
        size_t length = strcspn(line, "\n"), kept = length;
        while (kept > 0 && line[kept - 1] == ' ')
            kept--;
        fwrite(line, 1, kept, stdout);
        fputc('\n', stdout);
        line += length + (line[length] == '\n');
    }
    free(text);
    return true;
}

static bool add_columns(const struct table *table, struct libscols_table *scols, bool *shown,
                        size_t row_count, const struct terminal *terminal)
{
    bool ok = true;
    for (size_t column = 0; column < table->column_count && ok; column++) {
        const struct table_column *info = &table->columns[column];
        shown[column] = is_shown(table, column, row_count);
        if (!shown[column])
            continue;
        char *heading = terminal_spell(terminal, info->heading ? info->heading : info->name);
        int flags = (info->flags & TABLE_RIGHT ? SCOLS_FL_RIGHT : 0) |
                    (info->flags & TABLE_WRAP ? SCOLS_FL_WRAP : 0);
        ok = scols_table_new_column(scols, heading, 0, flags) != NULL;
        free(heading);
    }
    return ok;
}

bool table_print_people(const struct table *table, size_t row_count, struct error *error)
{
    struct terminal terminal = terminal_of(stdout);
    struct libscols_table *scols = scols_new_table();
    bool *shown = memory_allocate(table->column_count, sizeof *shown);
    bool ok = scols && add_columns(table, scols, shown, row_count, &terminal);
    if (ok) {
        scols_table_enable_noencoding(scols, 1); /* terminal_escape did it */
        scols_table_enable_colors(scols, terminal.colour);
        scols_table_set_column_separator(scols, SEPARATOR);
        scols_table_set_stream(scols, stdout);
    }
    for (size_t row = 0; row < row_count && ok; row++) {
        struct libscols_line *line = scols_table_new_line(scols, NULL);
        ok = line != NULL;
        for (size_t column = 0, at = 0; column < table->column_count && ok; column++)
            if (shown[column])
                set_cell(line, at++, table_cell(table, row, column), &terminal);
    }
    ok = ok && print_trimmed(scols);
    free(shown);
    scols_unref_table(scols);
    return ok || error_set(error, ERROR_MEMORY, "cannot print the table");
}

bool table_print(const struct table *table, const struct table_options *options, int64_t total,
                 struct error *error)
{
    size_t held = table_row_count(table), count = held;
    if (options->limit >= 0 && (uint64_t)options->limit < count)
        count = (size_t)options->limit;
    if (options->format == TABLE_FORMAT_JSON) {
        table_print_json(table, count, stdout);
        return true;
    }
    if (options->format == TABLE_FORMAT_CSV) {
        table_print_csv(table, count, stdout);
        return true;
    }
    if (count > 0 && !table_print_people(table, count, error))
        return false;
    int64_t all = total > (int64_t)held ? total : (int64_t)held;
    struct terminal terminal = terminal_of(stdout);
    if (all > (int64_t)count)
        terminal_print(&terminal, stdout, "… %lld more (--limit)\n",
                       (long long)(all - (int64_t)count));
    return true;
}

const char *table_library_version(void)
{
    const char *version = NULL;
    scols_get_library_version(&version);
    return version ? version : "unknown";
}
