#!/usr/bin/env python3
"""Man pages from what --help prints: manual.py OUTDIR LIPSWEEP COORDINATOR WORKER PAGE...

The pages have to be those that are named: a command without one, or a page without its command, is an error."""

import os
import pathlib
import re
import subprocess
import sys
import time

SEE_ALSO = "lipsweep lipsweep-coordinator lipsweep-worker".split()


def text_of(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def escape(text):
    text = text.replace("\\", "\\e").replace("-", "\\-")
    return "\n".join("\\&" + line if line[:1] in (".", "'") else line for line in text.split("\n"))


def literal(lines):
    """As it stands."""
    return [".nf", *(escape(line) for line in lines), ".fi"]


def date():
    if "SOURCE_DATE_EPOCH" in os.environ:
        return time.strftime("%Y-%m-%d", time.gmtime(int(os.environ["SOURCE_DATE_EPOCH"])))
    committed = subprocess.run(["git", "log", "-1", "--format=%cs"], cwd=pathlib.Path(__file__).parent,
                               capture_output=True, text=True, check=False).stdout.strip()
    return committed or time.strftime("%Y-%m-%d")


def paragraphs(text):
    return [block.split("\n") for block in text.strip("\n").split("\n\n")]


def options(lines):
    """`  --name VALUE   words`, and more words in the lines below it."""
    found = []
    for line in lines:
        option = re.match(r"  (--\S+(?:,? \S+)*?)(?:  +(.*))?$", line)
        if option:
            found.append([option[1], option[2] or ""])
        elif found:
            found[-1][1] += " " + line.strip()
    out = []
    for usage, words in found:
        out += [".TP", f"\\fB{escape(usage)}\\fR", escape(words.strip() or " ")]
    return out


def block(lines):
    """Plain words flow; what is laid out stays as it is."""
    if any(line.startswith("  --") for line in lines):
        return options(lines)
    if any(line.startswith(" ") or "  " in line for line in lines):
        return literal(lines)
    return [escape(line) for line in lines]


def page(name, help_text, summary, version):
    """Usage first, then paragraphs; some begin with a heading."""
    first, *rest = paragraphs(help_text)
    if not first[0].lower().startswith("usage:"):  # the overview: what it is, then how it is called
        (first, *rest) = rest
    usage = [line[len("usage: "):] for line in first]  # the lines below it are indented by as much
    out = [f'.TH {name.upper().replace("-", chr(92) + "-")} 1 {date()} "lipsweep {version}" "lipsweep"',
           ".SH NAME", f"{escape(name)} \\- {escape(summary)}", ".SH SYNOPSIS", *literal(usage), ".SH DESCRIPTION"]
    headed = False
    for lines in rest:
        if lines == [summary]:
            out.append(escape(summary[0].upper() + summary[1:] + "."))
            continue
        heading = len(lines) > 1 and re.fullmatch(r"[A-Z][a-z]+( [a-z]+)*", lines[0])
        example = re.match(r"Example: (.*)", lines[0])
        if heading:
            out += [f".SH {lines[0].upper()}", *block(lines[1:])]
        elif example:
            out += [".SH EXAMPLE", *literal([example[1]])]
        elif any(line.startswith("  --") for line in lines) and not headed:
            out += [".SH OPTIONS", *block(lines)]
        else:
            out += [".PP" if out[-1] != ".SH DESCRIPTION" else "", *block(lines)]
        headed = headed or bool(heading)
    others = [other for other in SEE_ALSO if other != name]
    out += [".SH SEE ALSO", ",\n".join(f".BR {escape(other)} (1)" for other in others).replace(",\n", " ,\n")]
    return "\n".join(line for line in out if line) + "\n"


def main():
    folder, lipsweep, coordinator, worker, *wanted = sys.argv[1:]
    version = text_of(lipsweep, "--version").split()[1]
    overview = text_of(lipsweep, "--help")
    commands = re.findall(r"^  ([a-z]+)(?: \S.*?)?  +(\S.*)$", overview, re.MULTILINE)
    pages = {"lipsweep": page("lipsweep", overview, overview.split("\n")[0].split(": ", 1)[1], version)}
    for name, summary in commands:
        pages[f"lipsweep-{name}"] = page(f"lipsweep-{name}", text_of(lipsweep, name, "--help"), summary, version)
    for program, summary in (coordinator, "keeps sweeps and hands their jobs to workers"), (worker, "runs the jobs of sweeps"):
        name = pathlib.Path(program).name
        pages[name] = page(name, text_of(program, "--help"), summary, version)
    names = {f"{name}.1" for name in pages}
    if names != set(wanted):
        sys.exit(f"manual.py: client/meson.build lists other pages: {sorted(names ^ set(wanted))}")
    for name, text in pages.items():
        (pathlib.Path(folder) / f"{name}.1").write_text(text, encoding="utf-8")


main()
