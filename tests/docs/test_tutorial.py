"""docs/tutorial.md works from top to bottom: its commands are run in order, and its outputs are those that come."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from tests.support.penstock_in_path import penstock_in_path
from tests.support.shell import free_port

PAGE = (Path(__file__).parents[2] / "docs" / "tutorial.md").read_text(encoding="utf-8")
_STEP = re.compile(r"^```sh\n(?P<commands>.*?)^```\n(?:\n```text\n(?P<output>.*?)^```)?", re.MULTILINE | re.DOTALL)
_MARK = "=== step"


def _run(commands: str, folder: Path) -> str:
    with penstock_in_path(os.environ["PATH"]) as path:
        done = subprocess.run(
            ["bash", "-o", "errexit", "-o", "monitor", "-c", commands],
            cwd=folder,
            env={**os.environ, "PATH": path, "PENSTOCK_PUBLISH_POLL": "0.1", "PENSTOCK_JOB_POLL": "0.1"},
            check=False,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=500,
        )
    assert done.returncode == 0, done.stdout
    return done.stdout


def _comes(expected: str, output: str) -> bool:
    """Whether a line of the page is a line of the output; `…` is any text."""
    pattern = ".*".join(re.escape(part) for part in expected.rstrip().split("…"))
    return re.search(rf"^{pattern}", output, re.MULTILINE) is not None


def test_the_tutorial_works_from_top_to_bottom(tmp_path: Path) -> None:
    steps = list(_STEP.finditer(PAGE))
    script = f"echo '{_MARK}'\n".join(step["commands"] for step in steps)
    # Whatever fails on the way, no simulator stays behind.
    script = "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + script.replace("8080", str(free_port()))
    outputs = _run(script, tmp_path).split(_MARK)

    assert len(outputs) == len(steps)
    missing = [
        line
        for step, output in zip(steps, outputs, strict=True)
        for line in (step["output"] or "").splitlines()
        if not _comes(line, output)
    ]
    assert missing == []
