/* lipsweep completion: what a shell needs to complete this command line, from the table that
 * --help is made of. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "client/command.h"

/* What the shell offers for a word: one of "a|b|c", a file, or nothing. */
static bool is_choice(const char *value)
{
    return value && strchr(value, '|') && islower((unsigned char)value[0]);
}

static bool is_file(const char *value)
{
    return value && (strstr(value, "FILE") || strstr(value, "DIR"));
}

/* Of one option, unless it is a flag. */
static void print_words(const char *value)
{
    for (; *value; value++)
        putchar(*value == '|' ? ' ' : *value);
}

typedef void option_visit(const struct command *command, const struct option_info *option);

static void each_option(const struct command *command, option_visit *visit)
{
    const struct option_info *options[ARGUMENTS_NAMES_MAX];
    size_t count = arguments_options(command, options);
    for (size_t i = 0; i < count; i++)
        visit(command, options[i]);
}

/* --- bash --- */

static void print_bash_option(const struct command *command, const struct option_info *option)
{
    (void)command;
    printf(" --%s", option->name);
}

static void print_bash_value(const struct command *command, const struct option_info *option)
{
    if (!is_choice(option->value))
        return;
    printf("        \"%s --%s\") words=\"", command->name, option->name);
    print_words(option->value);
    fputs("\" ;;\n", stdout);
}

static void print_bash_file(const struct command *command, const struct option_info *option)
{
    if (is_file(option->value))
        printf("        \"%s --%s\") files=yes ;;\n", command->name, option->name);
}

static void print_bash(void)
{
    fputs("_lipsweep() {\n"
          "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
          "    local command=${COMP_WORDS[1]} words='' files=''\n"
          "    if ((COMP_CWORD == 1)); then\n"
          "        words=\"",
          stdout);
    for (size_t i = 0; commands[i]; i++)
        printf("%s ", commands[i]->name);
    fputs("--help --version\"\n    else\n        case \"$command $before\" in\n", stdout);
    for (size_t i = 0; commands[i]; i++) {
        each_option(commands[i], print_bash_value);
        each_option(commands[i], print_bash_file);
    }
    fputs("        *' -o') files=yes ;;\n"
          "        *) case $command in\n",
          stdout);
    for (size_t i = 0; commands[i]; i++) {
        printf("        %s) words=\"", commands[i]->name);
        each_option(commands[i], print_bash_option);
        printf("\"%s ;;\n", is_file(commands[i]->arguments) ? " files=yes" : "");
    }
    fputs("        esac ;;\n        esac\n    fi\n"
          "    COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
          "    [[ -z $files || $word == -* ]] || COMPREPLY+=($(compgen -f -- \"$word\"))\n"
          "}\n"
          "complete -o filenames -F _lipsweep lipsweep\n",
          stdout);
}

/* --- zsh --- */

/* In single quotes, and without what _arguments reads a meaning into. */
static void print_quoted(const char *text)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", stdout);
        else if (strchr("[]:\\", *text))
            printf("\\%c", *text);
        else
            putchar(*text);
    }
}

static void print_zsh_option(const struct command *command, const struct option_info *option)
{
    (void)command;
    bool repeats = option->value && strcmp(option->value, OPTION_PAIR) == 0;
    printf(" \\\n            '%s--%s%s[", repeats ? "*" : "", option->name,
           option->value ? "=" : "");
    print_quoted(option->help);
    putchar(']');
    if (option->value) {
        putchar(':');
        print_quoted(option->value);
        putchar(':');
    }
    if (is_choice(option->value)) {
        putchar('(');
        print_words(option->value);
        putchar(')');
    } else if (is_file(option->value)) {
        fputs("_files", stdout);
    }
    putchar('\'');
}

static void print_zsh(void)
{
    fputs("#compdef lipsweep\n_lipsweep() {\n    local -a commands=(", stdout);
    for (size_t i = 0; commands[i]; i++) {
        printf("\n        '%s:", commands[i]->name);
        print_quoted(commands[i]->summary);
        putchar('\'');
    }
    fputs("\n    )\n"
          "    if ((CURRENT == 2)); then\n        _describe command commands\n        return\n    "
          "fi\n"
          "    local command=$words[2]\n"
          "    words=(\"${(@)words[2,-1]}\")\n"
          "    ((CURRENT--))\n"
          "    case $command in\n",
          stdout);
    for (size_t i = 0; commands[i]; i++) {
        printf("    %s)\n        _arguments", commands[i]->name);
        each_option(commands[i], print_zsh_option);
        if (is_file(commands[i]->arguments))
            fputs(" \\\n            '*:file:_files'", stdout);
        fputs("\n        ;;\n", stdout);
    }
    fputs("    esac\n}\n"
          "compdef _lipsweep lipsweep\n",
          stdout);
}

/* --- fish --- */

static void print_fish_text(const char *text)
{
    putchar('\'');
    for (; *text; text++) {
        if (strchr("'\\", *text))
            putchar('\\');
        putchar(*text);
    }
    putchar('\'');
}

static void print_fish_option(const struct command *command, const struct option_info *option)
{
    printf("complete -c lipsweep -n '__fish_seen_subcommand_from %s' -l %s", command->name,
           option->name);
    if (is_choice(option->value)) {
        fputs(" -x -a '", stdout);
        print_words(option->value);
        putchar('\'');
    } else if (option->value) {
        fputs(is_file(option->value) ? " -r -F" : " -x", stdout);
    }
    fputs(" -d ", stdout);
    print_fish_text(option->help);
    putchar('\n');
}

static void print_fish(void)
{
    fputs("complete -c lipsweep -f\n", stdout);
    for (size_t i = 0; commands[i]; i++) {
        printf("complete -c lipsweep -n __fish_use_subcommand -a %s -d ", commands[i]->name);
        print_fish_text(commands[i]->summary);
        putchar('\n');
    }
    for (size_t i = 0; commands[i]; i++) {
        if (is_file(commands[i]->arguments))
            printf("complete -c lipsweep -n '__fish_seen_subcommand_from %s' -F\n",
                   commands[i]->name);
        each_option(commands[i], print_fish_option);
    }
}

static bool run(const struct arguments *arguments, int *exit_code, struct error *error)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } shells[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    const char *shell = arguments->positional[0];
    *exit_code = 0;
    for (size_t i = 0; i < sizeof shells / sizeof *shells; i++) {
        if (strcmp(shells[i].name, shell) == 0) {
            shells[i].print();
            return true;
        }
    }
    return error_set(error, ERROR_USAGE, "no completion for '%.40s': bash, zsh or fish", shell);
}

const struct command command_completion = {
    .name = "completion",
    .group = "Starting",
    .arguments = "SHELL",
    .summary = "a script that lets your shell complete this command line",
    .details = "  bash   source <(lipsweep completion bash)     in ~/.bashrc\n"
               "  zsh    source <(lipsweep completion zsh)      in ~/.zshrc, after compinit\n"
               "  fish   lipsweep completion fish > ~/.config/fish/completions/lipsweep.fish",
    .example = "lipsweep completion bash > ~/.local/share/bash-completion/completions/lipsweep",
    .positional_min = 1,
    .positional_max = 1,
    .run = run,
};
