"""What cannot be pushed is kept in the clone, counts as recorded, and goes out first the next time."""

from __future__ import annotations

import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from controller.domain.desired import ArtifactsPolicy
from controller.domain.errors.repository import GitRemoteFailed
from controller.repository.repository import Repository
from tests.repository.site import LOCK, MOMENT, PATIENT, POLICY, Site, delivery, recorded

REF = "refs/penstock/pending/production/main"


@pytest.fixture
def remote(site: Site) -> Path:
    return site.remote()


@pytest.fixture
def repository(site: Site, remote: Path) -> Repository:
    return Repository.open(site.clone(remote, "work"), settings=PATIENT)


def cut(remote: Path) -> None:
    remote.rename(remote.with_name("unplugged"))


def restore(remote: Path) -> None:
    remote.with_name("unplugged").rename(remote)


def test_an_unreachable_remote_keeps_the_record_and_says_where(repository: Repository, remote: Path) -> None:
    cut(remote)
    with pytest.raises(GitRemoteFailed, match=f"is kept on {REF} and goes out the next time"):
        repository.record(delivery(recorded()))
    assert [pending.ref for pending in repository.pending()] == [REF]


def test_a_kept_record_counts_as_recorded(repository: Repository, remote: Path) -> None:
    cut(remote)
    with pytest.raises(GitRemoteFailed):
        repository.record(delivery(recorded()))
    restore(remote)
    assert repository.recorded_state("production", POLICY).flows == {recorded().key: recorded()}


def test_a_kept_record_survives_the_process(site: Site, repository: Repository, remote: Path) -> None:
    cut(remote)
    with pytest.raises(GitRemoteFailed):
        repository.record(delivery(recorded()))
    restore(remote)
    later = Repository.open(repository.top)
    assert [landed.pushed for landed in later.flush_pending()] == [True]
    assert "main-ivr" in site.show(remote, LOCK)
    assert later.pending() == ()
    assert later.flush_pending() == ()


def test_a_kept_record_is_found_among_packed_refs(site: Site, repository: Repository, remote: Path) -> None:
    cut(remote)
    with pytest.raises(GitRemoteFailed):
        repository.record(delivery(recorded()))
    site.git("pack-refs", "--all", "--prune", at=repository.top)
    shutil.rmtree(repository.top / ".git" / "refs" / "penstock")  # empty folders
    assert [pending.ref for pending in Repository.open(repository.top).pending()] == [REF]


def test_several_kept_records_go_out_in_order_with_the_next_one(
    site: Site, repository: Repository, remote: Path
) -> None:
    cut(remote)
    for version in ("1.0", "2.0"):
        with pytest.raises(GitRemoteFailed):
            repository.record(delivery(recorded(version=version)))
    restore(remote)
    repository.record(delivery(recorded("queue")))
    subjects = site.git("log", "-3", "--reverse", "--format=%s", "main", at=remote).splitlines()
    assert subjects == [
        "production: record main-ivr 1.0",
        "production: record main-ivr 2.0",
        "production: record queue 1.0",
    ]
    assert site.show(remote, "artifacts/production/main-ivr/1.0.json")
    assert repository.pending() == ()


def test_a_kept_record_goes_on_top_of_what_others_pushed_meanwhile(
    site: Site, repository: Repository, remote: Path
) -> None:
    cut(remote)
    with pytest.raises(GitRemoteFailed):
        repository.record(delivery(recorded(), recorded("queue", "5.0", at=MOMENT + timedelta(hours=2))))
    restore(remote)
    other = Repository.open(site.clone(remote, "other"))
    other.record(delivery(recorded(version="9.0", at=MOMENT + timedelta(hours=1)), recorded("queue"), recorded("new")))
    repository.flush_pending()
    versions = {flow.manifest: flow.version for flow in other.recorded_state("production", POLICY).flows.values()}
    assert versions == {"main-ivr": "9.0", "queue": "5.0", "new": "1.0"}


def test_a_kept_removal_is_carried_out_later(repository: Repository, remote: Path) -> None:
    repository.record(delivery(recorded(), recorded("queue")))
    cut(remote)
    with pytest.raises(GitRemoteFailed):
        repository.record(delivery(removed=(recorded("queue").key,)))
    restore(remote)
    assert list(repository.recorded_state("production", POLICY).flows) == [recorded().key]
    repository.flush_pending()
    assert list(repository.recorded_state("production", POLICY).flows) == [recorded().key]


def test_a_push_that_arrived_although_its_answer_was_lost_is_not_made_twice(
    site: Site, repository: Repository, remote: Path
) -> None:
    cut(remote)
    with pytest.raises(GitRemoteFailed):
        repository.record(delivery(recorded()))
    restore(remote)
    site.git("push", "-q", "origin", f"{REF}:main", at=repository.top)
    [landed] = repository.flush_pending()
    assert not landed.changed
    assert site.count(remote) == 2
    assert repository.pending() == ()


def test_branches_and_organisations_wait_apart(site: Site, repository: Repository, remote: Path) -> None:
    cut(remote)
    aside = ArtifactsPolicy(branch="penstock/artifacts")
    for commit in (
        delivery(recorded()),
        delivery(recorded(), policy=aside),
        delivery(recorded(), organization="staging"),
    ):
        with pytest.raises(GitRemoteFailed):
            repository.record(commit)
    assert [(pending.organization, pending.branch) for pending in repository.pending()] == [
        ("production", "main"),
        ("production", "penstock/artifacts"),
        ("staging", "main"),
    ]
    restore(remote)
    assert len(repository.flush_pending()) == 3
    assert site.show(remote, LOCK, "penstock/artifacts")
    assert site.show(remote, LOCK.replace("production", "staging"))


def test_a_remote_that_declines_is_quoted_and_the_record_kept(site: Site, repository: Repository, remote: Path) -> None:
    hook = remote / "hooks" / "pre-receive"
    hook.write_text("#!/bin/sh\necho 'main is protected: open a pull request' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(GitRemoteFailed, match=r"declines commits on main: .*main is protected.* is kept on") as caught:
        repository.record(delivery(recorded()))
    assert "artifacts.branch" in (caught.value.hint or "")
    hook.unlink()
    repository.flush_pending()
    assert site.count(remote) == 2


def test_a_remote_that_does_not_answer_is_said_when_the_record_is_read(repository: Repository, remote: Path) -> None:
    cut(remote)
    with pytest.raises(GitRemoteFailed, match=r"origin\.git"):
        repository.recorded_state("production", POLICY)
