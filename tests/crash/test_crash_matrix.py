"""The crash matrix: a controller ends as by SIGKILL at every moment that can leave a trace, and another goes on.

The moments are before and after every commit of the store, every request to the organisation that is no read, and every
git command that writes, with one more while a push is running. A run without a crash counts them first. A second one
stops at each of them, and what a kill would leave on the disk is copied (`tests.crash.walk`); while a push is running,
a process kills itself. Then, for each of them, a new process runs passes (`reconcile.run_pass`) until nothing is left
to do; and git, the store and the organisation, which is served by a process of its own, are looked at.

All moments of all scenes, none left out, take long: every run plays one scene for each dialect, those in which most can
go wrong, and of each kind of moment the last one. `make nightly` plays all moments of all scenes, and once more with a
second death during what the next one does.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.crash.points import kind_of
from tests.crash.scenes import SCENES
from tests.support.commands import run

ROOT = Path(__file__).parents[2]
EVERY_RUN = ("architect: a failing publish", "versioned: stages and a switch")
WORKERS = 3
"""They wait more than they work: for what was begun before a crash, and for the disk."""
ALWAYS = ("before the commit of", "after the commit of")
WRITES = ("POST", "PUT", "DELETE")
WHEN_RECORDED = ("before git unpack-objects", "before git push", "while git push runs", "after git push")


@pytest.mark.timeout(1800)
@pytest.mark.parametrize("scene", EVERY_RUN)
def test_whatever_the_process_does_when_it_is_killed_the_next_one_brings_it_to_its_end(
    scene: str, tmp_path: Path
) -> None:
    """Converged, nothing published twice, rollbacks done, artifacts pushed, quarantines kept, no secret anywhere."""
    labels, results = played(scene, tmp_path / "matrix", "kinds")
    assert {kind_of(told["label"]) for told in results} == {kind_of(label) for label in labels}
    assert_brought_to_its_end(scene, labels, results)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("scene", SCENES)
def test_whenever_the_process_is_killed_the_next_one_brings_it_to_its_end(scene: str, tmp_path: Path) -> None:
    labels, results = played(scene, tmp_path / "matrix")
    assert [told["point"] for told in results] == list(range(1, len(labels) + 1))
    assert_brought_to_its_end(scene, labels, results)


def assert_brought_to_its_end(scene: str, labels: list[str], results: list[dict[str, Any]]) -> None:
    """That nothing was wrong after any moment, and that none of those was left out that every delivery has."""
    assert sum(not told["reached"] for told in results) <= len(results) / 10, "nearly all moments come in every run"
    # A sync that is taken back as a whole leaves nothing to record.
    for kind in ALWAYS if SCENES[scene].quarantined else (*ALWAYS, *WHEN_RECORDED):
        assert any(label.startswith(kind) for label in labels), kind
    for when in ("before", "after"):
        assert any(label.startswith(tuple(f"{when} {method}" for method in WRITES)) for label in labels), when
    assert not (wrong := wrong_in(results)), "\n".join(wrong)


@pytest.mark.nightly
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("scene", SCENES)
def test_when_the_next_one_is_killed_as_well_the_third_brings_it_to_its_end(scene: str, tmp_path: Path) -> None:
    _, results = played(scene, tmp_path / "matrix", "twice")
    assert not (wrong := wrong_in(results)), "\n".join(wrong)


def played(scene: str, folder: Path, *how: str) -> tuple[list[str], list[dict[str, Any]]]:
    """The moments of a scene, and what came of dying at each of them."""
    words = (scene, str(folder), str(WORKERS), *how)
    done = run(*words, module="tests.crash.driver", strict=False, cwd=ROOT, timeout=1800)
    assert done.returncode == 0, done.stderr[-4000:]
    outcome = json.loads((folder / "outcome.json").read_text())
    return outcome["labels"], outcome["results"]


def wrong_in(results: list[dict[str, Any]]) -> list[str]:
    return [f"{told['point']} {told['label']}: {'; '.join(told['wrong'])}" for told in results if told["wrong"]]
