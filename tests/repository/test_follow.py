"""New commits and saved files are noticed once each, and an outage only slows the asking down."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from controller.domain.errors.branches import PenstockError
from controller.domain.errors.repository import GitRemoteFailed
from controller.repository.follow import FollowSettings, follow, watch
from controller.repository.repository import Repository
from tests.repository.site import MOMENT, Site
from tests.support.patience import PATIENCE_S

SETTINGS = FollowSettings(interval_s=30, spread=0.1, ceiling_s=100)


class Pauses:
    """A clock on which sleeping takes no time and is written down; `then` runs before each one ends."""

    def __init__(self) -> None:
        self.slept: list[float] = []
        self.then: list[Callable[[], object]] = []

    def now(self) -> datetime:
        return MOMENT + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return sum(self.slept)

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        if self.then:
            self.then.pop(0)()
        await asyncio.sleep(0)


@pytest.fixture
def remote(site: Site) -> Path:
    return site.remote()


@pytest.fixture
def repository(site: Site, remote: Path) -> Repository:
    return Repository.clone(str(remote), site.root / "clone", branch="main")


def advance(site: Site) -> str:
    seed = site.root / "seed-of-origin.git"
    sha = site.commit(seed, {"x": str(len(list(seed.iterdir()))) + site.head(seed)})
    site.git("push", "-q", "origin", "main", at=seed)
    return sha


async def test_each_new_commit_is_told_once(site: Site, remote: Path, repository: Repository) -> None:
    clock = Pauses()
    shas: list[str] = []
    clock.then = [lambda: None, lambda: shas.append(advance(site)), lambda: None, lambda: shas.append(advance(site))]
    first = site.head(remote, "main")
    async with aclosing(follow(repository, "main", clock=clock, settings=SETTINGS)) as revisions:
        seen = [await anext(revisions) for _ in range(3)]
    assert seen == [first, *shas]
    assert repository.head("main") == shas[-1]
    assert len(clock.slept) == 4
    assert all(27 <= pause <= 33 for pause in clock.slept)


async def test_what_was_seen_before_is_not_told_again(site: Site, remote: Path, repository: Repository) -> None:
    clock = Pauses()
    shas: list[str] = []
    clock.then = [lambda: shas.append(advance(site))]
    async with aclosing(follow(repository, "main", clock=clock, known=site.head(remote, "main"))) as revisions:
        assert await anext(revisions) == shas[0]


async def test_an_outage_is_told_and_asked_after_ever_less_often(
    site: Site, remote: Path, repository: Repository
) -> None:
    clock = Pauses()
    failures: list[PenstockError] = []
    remote.rename(remote.with_name("unplugged"))
    clock.then = [lambda: None] * 4 + [lambda: remote.with_name("unplugged").rename(remote)]
    stream = follow(repository, "main", clock=clock, settings=SETTINGS, on_failure=failures.append)
    async with aclosing(stream) as revisions:
        assert await anext(revisions) == site.head(remote, "main")
    assert len(failures) == 5
    assert all(isinstance(failure, GitRemoteFailed) for failure in failures)
    for pause, most in zip(clock.slept, [60, 100, 100, 100, 100], strict=True):
        assert most / 2 <= pause <= most


async def test_a_branch_that_went_missing_is_a_failure_and_not_the_end(
    site: Site, remote: Path, repository: Repository
) -> None:
    clock = Pauses()
    failures: list[PenstockError] = []
    sha = site.head(remote, "main")
    site.git("update-ref", "-d", "refs/heads/main", at=remote)
    clock.then = [lambda: site.git("update-ref", "refs/heads/main", sha, at=remote)]
    stream = follow(repository, "main", clock=clock, on_failure=failures.append)
    async with aclosing(stream) as revisions:
        assert await anext(revisions) == sha
    assert [failure.code for failure in failures] == ["branch-gone"]
    assert f"the branch main is gone; it was at {sha[:12]}" in failures[0].message


async def test_saved_files_are_noticed_and_artifacts_are_not(tmp_path: Path) -> None:
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "flows").mkdir()
    seen: set[str] = set()
    async with aclosing(watch(tmp_path, debounce_s=0.05)) as batches, asyncio.timeout(PATIENCE_S):
        waiting = asyncio.ensure_future(anext(batches))
        for number in range(1000):
            (tmp_path / "artifacts" / "own.json").write_text(str(number))
            (tmp_path / "flows" / "main.yaml").write_text(str(number))
            done, _ = await asyncio.wait([waiting], timeout=0.1)
            if done:
                break
        seen.update(await waiting)
    assert seen == {"flows/main.yaml"}
