"""Results become the page, a miss is said, and a count that grows fails."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import cast

import pytest

from benchmarks import __main__ as command
from benchmarks import harness, looks, report
from benchmarks.measure import Answer, Row, cost_of
from benchmarks.pace import pace

ROW = Row("makespan", "s", (410.0, 400.0, 390.0), 385.0, bound=350.0, counted=True)
BESIDE = Row("makespan beside the best peer", "s", (400.0,), 0.4, "a peer", (1000.0,), relative=True)
ANSWER = Answer("deliveries", {"flows": 500, "seeds": [1, 2, 3]}, (ROW, BESIDE), {"another peer": "it is not there"})


def test_a_row_is_judged_by_its_median_or_its_ratio() -> None:
    assert (ROW.median, ROW.reached) == (400.0, False)
    assert (BESIDE.ratio, BESIDE.reached) == (0.4, True)
    assert Row("n", "s", (1.0,)).reached is None


def test_a_target_in_processor_time_is_for_the_pace_of_this_machine(tmp_path: Path) -> None:
    slow = Row("a command", "s user", (3.0,), 2.0, pace=1.6)
    assert (slow.timed, slow.reached, replace(slow, pace=1.4).reached) == (True, True, False)
    assert not any(row.timed for row in (ROW, BESIDE, replace(slow, target=None), replace(slow, unit="MiB")))
    harness.keep(Answer("starts", {}, (slow,)), tmp_path / "results")

    report.write_page(tmp_path / "results", tmp_path / "benchmarks.md", tmp_path / "images")

    assert (
        "| a command | 3 s user |  |  |  |  | 2 s user (3.2 here) | reached |"
        in (tmp_path / "benchmarks.md").read_text()
    )


def test_the_pace_is_measured_with_libyaml() -> None:
    assert 0.05 < pace(files=20) < 500


def test_results_are_kept_as_they_are(tmp_path: Path) -> None:
    harness.keep(ANSWER, tmp_path)

    assert harness.kept("deliveries", tmp_path) == ANSWER


def test_a_page_without_results_claims_nothing(tmp_path: Path) -> None:
    page = tmp_path / "benchmarks.md"

    report.write_page(tmp_path / "none", page, tmp_path / "images")

    text = page.read_text(encoding="utf-8")
    assert "Not measured yet: Calls of a look, First delivery," in text
    assert "reached" not in text


def test_the_page_tells_misses_conditions_and_what_was_left_out(tmp_path: Path) -> None:
    harness.keep(ANSWER, tmp_path / "results")
    page = tmp_path / "benchmarks.md"

    report.write_page(tmp_path / "results", page, tmp_path / "images")

    text = page.read_text(encoding="utf-8")
    assert "1 of 2:" in text
    assert "Not measured yet: Calls of a look, Reading sources," in text
    assert "- First delivery, makespan: 400 s, target 385 s" in text
    assert "| makespan | 400 s | 390 to 410 |  |  | 350 | 385 s | **missed** |" in text
    assert "| makespan beside the best peer | 400 s |  | 1,000 (a peer) | 0.40 |  | 0.40 x | reached |" in text
    assert "flows: 500; seeds: 1, 2, 3" in text
    assert "- Left out: another peer: it is not there." in text
    picture = ET.parse(tmp_path / "images" / "deliveries-1.svg").getroot()  # noqa: S314 - our own picture
    assert not picture.findall(".//{*}script")
    assert "lower bound" in "".join(picture.itertext())


def test_the_page_of_the_project_is_made_of_its_results(tmp_path: Path) -> None:
    page = tmp_path / "docs" / "benchmarks.md"
    page.parent.mkdir()

    report.write_page(page=page, pictures=page.parent / "images" / "benchmarks")

    assert page.read_text(encoding="utf-8") == report.PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ({"a": 3.0}, ["a: 3, and 2 in the baseline"]),
        ({"a": 2.0}, []),
        ({"a": 1.0}, []),
        ({"a": 2.0, "b": 1.0}, ["b: not in the baseline"]),
        ({}, ["a: in the baseline, but no longer counted"]),
    ],
)
def test_a_count_that_grows_is_a_problem(found: dict[str, float], says: list[str]) -> None:
    assert harness.worse(found, {"a": 2.0}) == says


def test_a_question_that_measures_nothing_fails_the_smoke_test(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(harness, "BASELINE", tmp_path / "baseline.json")
    harness.write_baseline({})
    nothing = Answer("services", {}, (Row("peak memory", "MiB", (0.0,)), Row("4 looks", "s processor", (0.01,))))
    small = replace(harness.QUESTIONS["services"], ask_small=lambda: nothing)
    monkeypatch.setitem(cast("dict[str, harness.Question]", harness.QUESTIONS), "services", small)

    assert command.main(["--smoke", "services"]) == 1
    assert capsys.readouterr().out == "services: peak memory: 0 MiB were measured\n"


@pytest.mark.proof
def test_a_worse_count_fails_the_smoke_test(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(harness, "BASELINE", tmp_path / "baseline.json")
    few = replace(harness.QUESTIONS["looks"], ask_small=cache(lambda: looks.ask(sizes=(3,))))
    monkeypatch.setitem(cast("dict[str, harness.Question]", harness.QUESTIONS), "looks", few)
    monkeypatch.setattr(harness, "QUESTIONS", {"looks": few})

    assert command.main(["--smoke", "--accept"]) == 0
    assert command.main(["--smoke"]) == 0
    kept = harness.read_baseline()
    harness.write_baseline({name: count - 1 for name, count in kept.items()})
    capsys.readouterr()

    assert command.main(["--smoke"]) == 1
    assert "service, no change: 3 flows, architect: 1, and 0 in the baseline" in capsys.readouterr().out


def test_the_cost_of_a_command_is_its_own() -> None:
    used = cost_of(["python3", "-c", "held = bytearray(60_000_000); print(sum(range(3_000_000)))"])

    assert used.user_s > 0
    assert used.peak_mib > 55
    held = bytearray(300_000_000)
    assert cost_of(["python3", "-c", "pass"]).peak_mib < 100, "what the benchmark holds is not the command's"
    del held
    assert used.output == "4499998500000\n"
    with pytest.raises(RuntimeError, match="ended with 3"):
        cost_of(["python3", "-c", "raise SystemExit(3)"])
