"""Writes sweep files as a C table: embed_templates.py OUTPUT INPUT..."""
import json
import pathlib
import sys

output, *inputs = sys.argv[1:]
lines = ['#include "client/templates.h"', "", "const struct template templates[] = {"]
for name in inputs:
    path = pathlib.Path(name)
    lines.append("    {" + json.dumps(path.stem) + ",")
    for line in path.read_text(encoding="utf-8").splitlines(keepends=True):
        # Octal escapes end after three digits, whatever follows; \\u does not name every character in C.
        text = "".join(chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in line.encode())
        lines.append(f'     "{text}"')
    lines.append("    },")
lines += ["};", f"const size_t template_count = {len(inputs)};", ""]
pathlib.Path(output).write_text("\n".join(lines), encoding="utf-8")
