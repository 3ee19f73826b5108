"""The branch that is followed is never made, records have a branch of their own, and what is gone is never empty."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.domain.desired import ArtifactsPolicy
from controller.domain.errors.repository import BranchGone, GitRemoteFailed, Unpushed
from controller.repository.repository import Repository
from tests.repository.site import LOCK, PATIENT, POLICY, Site, delivery, recorded

RECORDS = "penstock/records"
DEFAULT = ArtifactsPolicy()


@pytest.fixture
def remote(site: Site) -> Path:
    return site.remote()


@pytest.fixture
def repository(site: Site, remote: Path) -> Repository:
    return Repository.open(site.clone(remote, "work"), settings=PATIENT)


def branches(site: Site, remote: Path) -> list[str]:
    return site.git("for-each-ref", "--format=%(refname:short)", "refs/heads", at=remote).split()


def files(site: Site, remote: Path, ref: str = RECORDS) -> list[str]:
    return site.git("ls-tree", "-r", "--name-only", ref, at=remote).split()


def test_records_have_a_history_of_their_own_that_holds_artifacts_only(
    site: Site, remote: Path, repository: Repository
) -> None:
    before = site.head(remote, "main")
    landed = repository.record(delivery(recorded(), policy=DEFAULT))
    assert (landed.branch, landed.pushed, landed.note) == (RECORDS, True, None)
    assert site.head(remote, "main") == before
    assert landed.sha == site.head(remote, RECORDS)
    assert site.count(remote, RECORDS) == 1
    assert all(path.startswith("artifacts/production/") for path in files(site, remote))
    assert repository.recorded_state("production", DEFAULT).flows == {recorded().key: recorded()}
    assert site.git("status", "--porcelain", at=repository.top) == ""


def test_in_a_repository_on_master_nothing_named_main_appears(site: Site) -> None:
    site.git("init", "-q", "--bare", "-b", "master", "master.git")
    work = site.clone(site.root / "master.git", "work")
    site.commit(work, {"manifests/production.yaml": "kind: Organization\n"})
    site.git("push", "-q", "origin", "HEAD:master", at=work)
    Repository.open(work).record(delivery(recorded(), policy=DEFAULT))
    service = Repository.clone(str(site.root / "master.git"), site.root / "service.git")
    assert service.followed == "master"
    service.record(delivery(recorded("other"), policy=DEFAULT))
    assert branches(site, site.root / "master.git") == ["master", RECORDS]
    assert branches(site, work) == ["master"]


@pytest.mark.parametrize("policy", [DEFAULT, POLICY], ids=["records", "followed"])
@pytest.mark.parametrize("what", ["deleted", "renamed", "emptied"])
@pytest.mark.parametrize("who", ["person", "service"])
def test_a_followed_branch_that_is_gone_is_not_made_and_nothing_is_written(
    site: Site, remote: Path, policy: ArtifactsPolicy, what: str, who: str
) -> None:
    if who == "person":
        repository = Repository.open(site.clone(remote, "work"), settings=PATIENT, followed="main")
    else:
        repository = Repository.clone(str(remote), site.root / "service.git", branch="main", settings=PATIENT)
    sha = site.head(remote, "main")
    if what == "deleted":
        site.git("update-ref", "-d", "refs/heads/main", at=remote)
    elif what == "renamed":
        site.git("branch", "-m", "main", "trunk", at=remote)
    else:
        remote.rename(remote.with_suffix(".old"))
        site.git("init", "-q", "--bare", "-b", "main", str(remote))
    left = branches(site, remote)
    for ask in (repository.require_followed, lambda: repository.not_to_deliver(sha)):
        with pytest.raises(BranchGone, match=f"the branch main is gone; it was at {sha[:12]}"):
            ask()
    with pytest.raises(BranchGone, match="is kept on refs/penstock/pending/production"):
        repository.record(delivery(recorded(), policy=policy))
    with pytest.raises(BranchGone):
        repository.begin_records("production", policy)
    assert branches(site, remote) == left
    # The team brings it back with an ordinary push, and what waited goes out.
    site.git("push", "-q", str(remote), "main:main", at=site.root / "seed-of-origin.git")
    repository.require_followed()
    assert repository.not_to_deliver(sha) is None
    repository.flush_pending()
    assert "main-ivr" in site.show(remote, LOCK, policy.branch)


def test_a_push_that_meets_a_branch_deleted_at_that_moment_does_not_make_it(
    site: Site, remote: Path, repository: Repository
) -> None:
    def deleted() -> None:
        site.git("update-ref", "-d", "refs/heads/main", at=remote)

    with pytest.raises(BranchGone):
        repository.record(delivery(recorded()), deleted)
    assert branches(site, remote) == []


@pytest.mark.parametrize("remembered_by", ["clone", "store"])
def test_records_that_are_gone_are_a_fault_and_never_empty(site: Site, remote: Path, remembered_by: str) -> None:
    first = Repository.open(site.clone(remote, "work"), settings=PATIENT)
    sha = first.record(delivery(recorded(), policy=DEFAULT)).sha
    assert sha is not None
    site.git("update-ref", "-d", f"refs/heads/{RECORDS}", at=remote)
    repository = first
    if remembered_by == "store":
        repository = Repository.open(site.clone(remote, "other"), settings=PATIENT)
        repository.note(RECORDS, sha)
    for _ in range(2):
        with pytest.raises(BranchGone, match=f"{RECORDS} is gone; it was at {sha[:12]}") as told:
            repository.recorded_state("production", DEFAULT)
    with pytest.raises(BranchGone):
        repository.record(delivery(recorded("later"), policy=DEFAULT))
    assert branches(site, remote) == ["main"]
    # The way back that the hint names.
    assert f"git push origin {sha[:12]}:refs/heads/{RECORDS}" in str(told.value.hint)
    site.git("push", "-q", "origin", f"{sha}:refs/heads/{RECORDS}", at=first.top)
    assert repository.recorded_state("production", DEFAULT).flows.keys() >= {recorded().key}


def test_without_a_remote_records_that_are_gone_are_a_fault_too(site: Site) -> None:
    site.git("init", "-q", "-b", "trunk", "alone")
    work = site.root / "alone"
    site.commit(work, {"a": "1"})
    repository = Repository.open(work, settings=PATIENT)
    landed = repository.record(delivery(recorded(), policy=DEFAULT))
    assert (landed.branch, landed.pushed) == (RECORDS, False)
    assert repository.recorded_state("production", DEFAULT).flows == {recorded().key: recorded()}
    assert repository.not_to_deliver(site.commit(work, {"a": "2"})) is None
    site.git("branch", "-D", RECORDS, at=work)
    with pytest.raises(BranchGone, match=f"{RECORDS} is gone"):
        repository.recorded_state("production", DEFAULT)


def test_a_record_on_the_followed_branch_is_brought_over_once_in_a_commit_that_says_so(
    site: Site, remote: Path, repository: Repository
) -> None:
    repository.record(delivery(recorded()))
    repository.record(delivery(recorded(), organization="staging"))
    before = site.head(remote, "main")
    assert repository.recorded_state("production", DEFAULT).flows == {recorded().key: recorded()}
    assert branches(site, remote) == ["main"]
    repository.begin_records("production", DEFAULT)
    assert site.head(remote, "main") == before
    message = site.git("log", "--format=%B", RECORDS, at=remote)
    assert message.startswith(f"production: begin the record from main@{before[:12]}")
    assert sorted(files(site, remote)) == sorted(
        path for path in files(site, remote, "main") if path.startswith("artifacts/production/")
    )
    # Another organisation comes over by itself, and what stands on the followed branch is not read any more.
    repository.begin_records("staging", DEFAULT)
    repository.record(delivery(recorded(version="2.0"), policy=DEFAULT))
    repository.record(delivery(recorded(version="9.9")))
    assert repository.recorded_state("production", DEFAULT).flows[recorded().key].version == "2.0"
    count = site.count(remote, RECORDS)
    Repository.open(repository.top).begin_records("production", DEFAULT)
    assert site.count(remote, RECORDS) == count


def test_what_waited_for_a_branch_that_takes_no_records_goes_to_the_new_one(
    site: Site, remote: Path, repository: Repository
) -> None:
    repository.record(delivery(recorded()))
    protect = remote / "hooks" / "update"
    protect.write_text('#!/bin/sh\n[ "$1" = refs/heads/main ] && echo protected >&2 && exit 1\nexit 0\n')
    protect.chmod(0o755)
    with pytest.raises(GitRemoteFailed, match="declines commits on main"):
        repository.record(delivery(recorded(version="2.0")))
    Repository.open(repository.top, settings=PATIENT).begin_records("production", DEFAULT)
    assert repository.pending() == ()
    assert repository.recorded_state("production", DEFAULT).flows[recorded().key].version == "2.0"
    assert "artifacts/production/main-ivr/1.0.yaml" in files(site, remote)
    assert "artifacts/production/main-ivr/2.0.yaml" in files(site, remote)


def test_a_lock_file_that_was_removed_from_the_records_is_not_brought_over_again(
    site: Site, remote: Path, repository: Repository
) -> None:
    repository.record(delivery(recorded()))
    repository.begin_records("production", DEFAULT)
    work = site.clone(remote, "mending")
    site.git("switch", "-q", RECORDS, at=work)
    (work / LOCK).unlink()
    site.commit(work, {"note": "anew"})
    site.git("push", "-q", "origin", RECORDS, at=work)
    assert Repository.open(repository.top).recorded_state("production", DEFAULT).flows == {}


def test_a_branch_that_the_operator_names_comes_before_the_remotes_head(site: Site, remote: Path) -> None:
    work = site.clone(remote, "work")
    site.git("switch", "-q", "-c", "release", at=work)
    sha = site.commit(work, {"a": "1"})
    site.git("push", "-q", "-u", "origin", "release", at=work)
    told = Repository.open(work).not_to_deliver(sha)
    assert isinstance(told, Unpushed)
    assert "the branch main of" in told.message
    assert Repository.open(work, followed="release").not_to_deliver(sha) is None


def test_a_remote_whose_head_leads_nowhere_is_followed_on_the_upstream_of_what_is_checked_out(site: Site) -> None:
    remote = site.remote(seeded=False)
    work = site.clone(remote, "work")
    site.git("switch", "-q", "-c", "trunk", at=work)
    sha = site.commit(work, {"a": "1"})
    site.git("push", "-q", "-u", "origin", "trunk", at=work)
    assert Repository.open(work).not_to_deliver(sha) is None
    assert isinstance(Repository.open(work).not_to_deliver(site.commit(work, {"a": "2"})), Unpushed)


@pytest.mark.parametrize("behind", [0, 3, 120])
def test_a_detached_shallow_checkout_is_answered_by_fetching(site: Site, remote: Path, behind: int) -> None:
    seed = site.root / "seed-of-origin.git"
    site.git("commit", "-q", "--allow-empty", "-m", "wanted", at=seed)
    wanted = site.head(seed)
    for number in range(behind):
        site.git("commit", "-q", "--allow-empty", "-m", str(number), at=seed)
    site.git("push", "-q", "origin", "main", at=seed)
    site.git("config", "uploadpack.allowAnySHA1InWant", "true", at=remote)
    work = site.root / "ci"
    site.git("init", "-q", str(work))
    site.git("remote", "add", "origin", f"file://{remote}", at=work)
    # The newest end of the branch, and apart from it the commit: no history joins them.
    site.git("fetch", "-q", "--depth=1", "origin", f"+{wanted}:refs/ci", at=work)
    site.git("fetch", "-q", "--depth=1", "origin", "+refs/heads/main:refs/penstock/remote/main", at=work)
    site.git("checkout", "-q", "--detach", wanted, at=work)
    repository = Repository.open(work)
    assert repository.not_to_deliver(wanted) is None
    assert repository.recorded_state("production", DEFAULT).flows == {}
    other = site.git("commit-tree", f"{wanted}^{{tree}}", "-p", wanted, "-m", "nobody has it", at=work).strip()
    assert isinstance(repository.not_to_deliver(other), Unpushed)


def test_where_the_remote_does_not_answer_the_error_says_so(site: Site, remote: Path, repository: Repository) -> None:
    remote.rename(remote.with_suffix(".away"))
    with pytest.raises(GitRemoteFailed, match=r"origin\.git"):
        repository.not_to_deliver(site.head(repository.top))
