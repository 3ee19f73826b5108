"""One process of git reads for operations that follow each other, from the repository that is there, and then ends."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from controller.repository.repository import Repository
from tests.repository.site import Site
from tests.support.object_readers import object_readers
from tests.support.service import eventually


def reading(work: Path) -> list[int]:
    return [each for each, folder in object_readers().items() if folder == work]


@pytest.fixture
def work(site: Site) -> Path:
    return site.clone(site.remote(), "work")


def test_operations_that_follow_each_other_share_a_process_which_ends_soon_after(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (traces := tmp_path / "traces").mkdir()
    monkeypatch.setenv("GIT_TRACE2_EVENT", str(traces))
    repository = Repository.open(work)
    tip = repository.head("main")
    with repository.in_pass():
        assert repository.author(tip) == "Person <person@example.com>"
        assert len(reading(work)) == 1
    assert sum('"cat-file"' in each.read_text() for each in traces.iterdir()) == 1
    eventually(lambda: reading(work) == [], "the process ends")
    assert repository.head("main") == tip


def test_a_process_does_not_read_for_a_repository_that_has_taken_the_folder(site: Site, work: Path) -> None:
    repository = Repository.open(work)
    repository.head("main")
    shutil.rmtree(work)
    other = site.commit(site.clone(site.root / "origin.git", "work"), {"x": "1"})
    assert repository.head("main") != other
    site.git("push", "-q", "origin", "main", at=work)
    assert repository.head("main") == other
