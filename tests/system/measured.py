"""Runs one program and writes what it used: "KIB SECONDS" of memory at its largest and processor time.

    python3 -S measured.py REPORT PROGRAM [ARGUMENT…]

A process's peak memory begins at that of the process that it was started from, so a test, which is large, starts this,
which is small. Processes that the program waited for are in both numbers. Ends as the program did."""

import os
import sys


def main():
    report, program = sys.argv[1:3]
    _, status, used = os.wait4(os.posix_spawn(program, sys.argv[2:], os.environ), 0)
    with open(report, "w", encoding="ascii") as file:
        file.write(f"{used.ru_maxrss} {used.ru_utime + used.ru_stime}\n")
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main())
