"""`python -m benchmarks`: measure everything and write the page; `--smoke` compares counts with the baseline."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from benchmarks import harness, report
from benchmarks.measure import Answer


def main(words: list[str] | None = None) -> int:
    """The exit code: 1 where a count is worse than in the baseline."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("questions", nargs="*", choices=[*harness.QUESTIONS, []], help="all without any")
    parser.add_argument("--smoke", action="store_true", help="small cases; a count that is worse fails")
    parser.add_argument("--accept", action="store_true", help="with --smoke: write the counts into the baseline")
    parser.add_argument("--page", action="store_true", help="write the page from the results that are kept")
    given = parser.parse_args(words)
    if given.page:
        report.write_page()
        return 0
    answers = harness.run(given.questions or list(harness.QUESTIONS), small=given.smoke)
    if given.smoke:
        return _compare(answers, accept=given.accept)
    for answer in answers:
        harness.keep(answer)
    report.write_page()
    return 0


def _compare(answers: Sequence[Answer], *, accept: bool) -> int:
    found = harness.counts(answers)
    if accept:
        harness.write_baseline(found)
        return 0
    baseline = harness.read_baseline()
    problems = [*harness.empty(answers), *harness.worse(found, baseline)]
    print("\n".join(problems) or f"{len(found)} counts are no worse than in {harness.BASELINE.name}")
    better = [name for name, count in found.items() if count < baseline.get(name, count)]
    if better:
        print(f"better: {'; '.join(better)}. `python -m benchmarks --smoke --accept` keeps that.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
