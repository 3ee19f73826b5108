"""Several controllers push to one branch: nothing is lost, nothing is forced."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest

from controller.domain.errors.repository import GitRemoteFailed
from controller.repository.record import RecordSettings
from controller.repository.repository import Repository
from tests.repository.site import LOCK, MOMENT, PATIENT, POLICY, Site, delivery, recorded


def test_two_clones_that_record_ten_flows_each_at_once_lose_none(site: Site) -> None:
    remote = site.remote()
    clones = [Repository.open(site.clone(remote, name), settings=RecordSettings(tries=40)) for name in ("one", "two")]
    start = threading.Barrier(2)

    def work(number: int) -> None:
        start.wait()
        for version in range(10):
            landed = clones[number].record(delivery(recorded(f"flow-{number}-{version}")))
            assert landed.pushed

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, range(2)))
    assert site.count(remote) == 1 + 20
    for clone in clones:
        names = {flow.manifest for flow in clone.recorded_state("production", POLICY).flows.values()}
        assert names == {f"flow-{number}-{version}" for number in range(2) for version in range(10)}
    history = site.git("log", "--format=%H", "main", at=remote).split()
    assert [site.git("rev-parse", f"{sha}^", at=remote).strip() for sha in history[:-1]] == history[1:]


def test_one_repository_serves_several_threads(site: Site) -> None:
    remote = site.remote()
    repository = Repository.open(site.clone(remote, "work"))
    with ThreadPoolExecutor(4) as pool:
        names = [f"org-{number}" for number in range(6)]
        list(pool.map(lambda name: repository.record(delivery(recorded(), organization=name)), names))
    assert all(repository.recorded_state(name, POLICY).flows for name in names)
    assert site.count(remote) == 7


def race_on_push(remote: Path, script: str) -> None:
    """Let `script` run on the remote's side when a push arrives, before it is accepted."""
    hook = remote / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\nunset GIT_QUARANTINE_PATH\n{script}\n")
    hook.chmod(0o755)


def test_a_push_that_lost_a_race_is_made_again_on_the_new_tip(site: Site) -> None:
    remote = site.remote()
    winner = site.clone(remote, "winner")
    ours, theirs = recorded("ours"), recorded("theirs")
    Repository.open(winner, settings=PATIENT).record(delivery(theirs))
    won = site.head(remote, "main")
    site.git("update-ref", "refs/heads/main", f"{won}^", at=remote)
    race_on_push(remote, f"test -e raced || {{ touch raced; git update-ref refs/heads/main {won}; }}")
    paused: list[float] = []
    mine = Repository.open(site.clone(remote, "mine"), settings=RecordSettings(pause=paused.append, pause_s=0.1))
    landed = mine.record(delivery(ours))
    assert len(paused) == 1
    assert 0 <= paused[0] <= 0.1
    assert site.git("rev-parse", f"{landed.sha}^", at=remote).strip() == won
    assert set(mine.recorded_state("production", POLICY).flows) == {ours.key, theirs.key}


def test_our_flows_entries_win_over_what_the_race_brought(site: Site) -> None:
    remote = site.remote()
    behind = Repository.open(site.clone(remote, "behind"))
    Repository.open(site.clone(remote, "ahead")).record(
        delivery(recorded(version="2.0", at=MOMENT + timedelta(hours=1)), recorded("other", "7.0"))
    )
    behind.record(delivery(recorded(version="3.0")))
    versions = {flow.manifest: flow.version for flow in behind.recorded_state("production", POLICY).flows.values()}
    assert versions == {"main-ivr": "3.0", "other": "7.0"}


def test_races_are_given_up_after_the_set_number_and_the_record_is_kept(site: Site) -> None:
    remote = site.remote()
    work = site.clone(remote, "work")
    race_on_push(
        remote,
        "export GIT_AUTHOR_NAME=x GIT_AUTHOR_EMAIL=x GIT_COMMITTER_NAME=x GIT_COMMITTER_EMAIL=x\n"
        "git update-ref refs/heads/main $(git commit-tree -p main -m x main^{tree})",
    )
    paused: list[float] = []
    settings = RecordSettings(tries=3, pause=paused.append, pause_s=1, pause_ceiling_s=2)
    repository = Repository.open(work, settings=settings)
    with pytest.raises(GitRemoteFailed, match=r"lost 3 races for main: .* is kept on"):
        repository.record(delivery(recorded()))
    assert len(paused) == 2
    assert paused[1] <= 2
    (remote / "hooks" / "pre-receive").unlink()
    repository.flush_pending()
    assert "main-ivr" in site.show(remote, LOCK)
