"""Runs a program and writes what it took: `python launch.py REPORT PROGRAM ARGUMENT...`.

A process of its own between the benchmark and the program: Linux counts the memory that a process has when it starts a
program as that program's, and a benchmark has much more than this one. Imports as little as possible.
"""

from __future__ import annotations

import os
import sys


def main(report: str, *words: str) -> int:
    """The program's exit code, or 128 and more where a signal ended it."""
    process = os.posix_spawnp(words[0], list(words), os.environ)
    _, status, used = os.wait4(process, 0)
    with open(report, "w", encoding="ascii") as file:  # noqa: PTH123 - pathlib would be imported
        file.write(f"{used.ru_utime} {used.ru_stime} {used.ru_maxrss}")
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
