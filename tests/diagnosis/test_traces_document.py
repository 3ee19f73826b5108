"""docs/reference/traces.md shows what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from controller.diagnosis.action.analysis import analyse_action
from controller.diagnosis.action.waterfall import waterfall
from controller.diagnosis.analysis import Analysis
from controller.diagnosis.anomalies import AnomalyKind
from controller.diagnosis.page import page
from controller.diagnosis.timeline import timeline
from tests.diagnosis.browser import needs_browser, run
from tests.diagnosis.example import ACTION, EXECUTION
from tests.diagnosis.traces import read_execution

DOCS = Path(__file__).parents[2] / "docs" / "reference"
DOCUMENT = (DOCS / "traces.md").read_text(encoding="utf-8")


def test_the_timeline_in_the_document_is_the_one_that_is_made() -> None:
    made = "\n".join(timeline(Analysis(read_execution(EXECUTION))))
    assert f"```text\n{made}\n```" in DOCUMENT


@pytest.mark.parametrize("kind", list(AnomalyKind))
def test_every_anomaly_is_explained(kind: AnomalyKind) -> None:
    assert f"| `{kind.value}` |" in DOCUMENT


def test_the_numbers_of_the_action_trace_are_right() -> None:
    path = analyse_action(ACTION).path
    assert f"`{' -> '.join(path.keys)}`" in DOCUMENT
    assert f"{path.length_ms / 1000:.1f} s long and waited {path.wait_ms / 1000:.1f} s" in DOCUMENT


def test_its_images_are_small_and_there() -> None:
    images = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", DOCUMENT)
    assert images
    assert all((DOCS / image).stat().st_size < 200_000 for image in images)


@needs_browser
@pytest.mark.parametrize("which", ["trace", "action"])
def test_a_browser_draws_the_pages_of_the_document(tmp_path: Path, which: str) -> None:
    """The screenshots are taken like this: 1280 by 800, and 1280 by 560."""
    made = page(Analysis(read_execution(EXECUTION))) if which == "trace" else waterfall(analyse_action(ACTION))
    (tmp_path / "page.html").write_text(made, encoding="utf-8")
    picture = tmp_path / "picture.png"
    run(tmp_path / "page.html", tmp_path / "profile", "--window-size=1280,800", f"--screenshot={picture}")
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert picture.stat().st_size > 30_000, "an empty page is smaller"
