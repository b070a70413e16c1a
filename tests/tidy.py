"""clang-tidy over every source of the build folder named: tidy.py BUILD. Exit 1 when it finds anything.

Only the checkout's own sources: what protoc-c and the embedding script write is not ours to mend."""

import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

build = pathlib.Path(sys.argv[1]).resolve()
checkout = pathlib.Path(__file__).resolve().parents[1]
commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
sources = {(pathlib.Path(entry["directory"]) / entry["file"]).resolve() for entry in commands}
sources = sorted(path for path in sources if path.is_relative_to(checkout) and not path.is_relative_to(build))


def tidy(path):
    # Findings in headers are shown once for every source that includes them: good enough to mend them.
    run = subprocess.run(["clang-tidy", "--quiet", "-p", build, "--warnings-as-errors=*", path], cwd=checkout,
                         stdin=subprocess.DEVNULL, capture_output=True, text=True)
    findings = run.stdout.replace(f"{checkout}/", "").strip()
    if run.returncode and not findings:
        findings = run.stderr.strip()
    return path, run.returncode, findings


with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
    outcomes = list(pool.map(tidy, sources))
bad = [(path, findings) for path, status, findings in outcomes if status]
for _, findings in bad:
    print(findings)
names = {match for _, findings in bad for match in re.findall(r"\[([a-z][\w.,-]+?)(?:,-warnings-as-errors)?\]$",
                                                               findings, re.MULTILINE)}
print(f"{len(sources)} sources, {len(bad)} with findings" + (f" ({', '.join(sorted(names))})" if names else ""))
sys.exit(1 if bad or not sources else 0)
