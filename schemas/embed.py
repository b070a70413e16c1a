"""Writes the SQL migrations as one C array of strings: embed.py OUTPUT INPUT..."""
import json
import pathlib
import sys

output, *inputs = sys.argv[1:]
lines = ['#include "schemas/migrations.h"', "", "const char *const migrations[] = {"]
for name in inputs:
    for line in pathlib.Path(name).read_text(encoding="utf-8").splitlines(keepends=True):
        lines.append("    " + json.dumps(line))
    lines.append("    ,")
lines += ["};", f"const int migration_count = {len(inputs)};", ""]
pathlib.Path(output).write_text("\n".join(lines), encoding="utf-8")
