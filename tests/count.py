"""Counts test cases: count.py [--unit TESTLOG.json] [--junit FILE.xml] [--check NAME=STATUS]... --total FILE

Unit tests are read from meson's log, with the TAP lines that cmocka writes; a program that crashed, was
killed, or did not run all it had planned is a failure, whatever it printed. System tests are read from
pytest's JUnit file; a missing file is a failure. A check is one case that passed when its status is 0.
Ends with `N passed, N failed, N skipped`, also written to FILE; exit 1 when any failed or none ran."""

import argparse
import json
import pathlib
import re
import sys
import xml.etree.ElementTree

PLAN = re.compile(r"^1\.\.(\d+)", re.MULTILINE)
CASE = re.compile(r"^(ok|not ok) \d+(?: - (\S+))?(.*)$", re.MULTILINE)


def unit_cases(path):
    """(name, "passed" | "failed" | "skipped", detail) of each case in meson's log."""
    if not path.exists():
        return [("unit tests", "failed", f"{path} is missing: meson test did not run")]
    cases = []
    for line in path.read_text(encoding="utf-8").splitlines():
        test = json.loads(line)
        cases += program_cases(test["name"], test["result"], test.get("stdout", ""), test.get("stderr", ""))
    return cases


def program_cases(name, result, stdout, stderr):
    if result == "SKIP":
        return [(name, "skipped", "")]
    cases = []
    for verdict, case, rest in CASE.findall(stdout):
        state = "skipped" if "# SKIP" in rest else "passed" if verdict == "ok" else "failed"
        cases.append((f"{name}: {case}", state, ""))
    planned = sum(map(int, PLAN.findall(stdout)))
    output = "\n".join((stdout + "\n" + stderr).strip().splitlines()[-60:])
    failed = any(state == "failed" for _, state, _ in cases)
    if not cases:
        return [(name, "passed" if result == "OK" else "failed", output)]
    if len(cases) != planned:
        cases.append((name, "failed", f"ran {len(cases)} of {planned} cases ({result})\n{output}"))
    elif result != "OK" and not failed:
        cases.append((name, "failed", f"ended with {result}\n{output}"))
    elif failed:
        cases = [(case, state, output if state == "failed" else "") for case, state, _ in cases]
    return cases


def system_cases(path):
    if not path.exists():
        return [("system tests", "failed", f"{path} is missing: pytest did not run to its end")]
    cases = {}
    for case in xml.etree.ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname')}: {case.get('name')}"
        troubles = [child.get("message") or "" for child in case if child.tag in ("failure", "error")]
        # A case is written twice when its body passes and its teardown fails: the worse one counts.
        if troubles:
            cases[name] = ("failed", "\n".join(troubles))
        else:
            cases.setdefault(name, ("skipped" if case.find("skipped") is not None else "passed", ""))
    return [(name, state, detail) for name, (state, detail) in cases.items()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--unit", type=pathlib.Path)
    parser.add_argument("--junit", type=pathlib.Path)
    parser.add_argument("--check", action="append", default=[], metavar="NAME=STATUS")
    parser.add_argument("--total", type=pathlib.Path, required=True)
    options = parser.parse_args()

    cases = []
    if options.unit:
        cases += unit_cases(options.unit)
    if options.junit:
        cases += system_cases(options.junit)
    for check in options.check:
        name, _, status = check.rpartition("=")
        cases.append((name, "passed" if status == "0" else "failed", f"exit code {status}"))

    count = {wanted: sum(state == wanted for _, state, _ in cases) for wanted in ("passed", "failed", "skipped")}
    shown = None
    for name, state, detail in cases:
        if state == "failed":
            print(f"FAILED {name}" + (f"\n{detail}" if detail and detail != shown else ""))
            shown = detail
    line = "{passed} passed, {failed} failed, {skipped} skipped".format(**count)
    print(line)
    options.total.write_text(line + "\n", encoding="utf-8")
    return 1 if count["failed"] or not count["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
