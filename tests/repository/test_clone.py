"""The service's clone resumes, follows, and heals itself."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from controller.domain.errors.process import SettingsInvalid
from controller.domain.errors.repository import BranchGone, GitRemoteFailed, RepositoryFailed
from controller.repository.repository import Repository
from tests.repository.site import POLICY, Site, delivery, recorded


@pytest.fixture
def remote(site: Site) -> Path:
    return site.remote()


def clone(site: Site, remote: Path | str, branch: str = "main") -> Repository:
    return Repository.clone(str(remote), site.root / "state" / "clone", branch=branch)


def pushed(site: Site, text: str) -> str:
    seed = site.root / "seed-of-origin.git"
    site.git("pull", "-q", "--rebase", "origin", "main", at=seed)
    sha = site.commit(seed, {"manifests/production.yaml": text})
    site.git("push", "-q", "origin", "main", at=seed)
    return sha


def test_a_clone_has_the_branch_and_fetch_brings_news(site: Site, remote: Path) -> None:
    repository = clone(site, remote)
    assert repository.head("main") == site.head(remote, "main")
    news = pushed(site, "news")
    assert repository.head("main") != news
    assert repository.remote_head("main") == news
    assert repository.fetch("main") == news == repository.head("main")
    with repository.commit_files(news) as files:
        assert files.content("manifests/production.yaml", 100) == b"news"


def test_a_second_start_uses_the_clone_again(site: Site, remote: Path) -> None:
    clone(site, remote)
    marker = site.root / "state/clone/marker"
    marker.touch()
    news = pushed(site, "news")
    assert clone(site, remote).head("main") == news
    assert marker.exists()


def test_a_rewritten_branch_is_followed(site: Site, remote: Path) -> None:
    pushed(site, "to be dropped")
    repository = clone(site, remote)
    site.git("update-ref", "refs/heads/main", "main^", at=remote)
    assert repository.fetch("main") == site.head(remote, "main") == repository.head("main")


def test_a_clone_that_was_cut_off_while_fetching_is_resumed(site: Site, remote: Path) -> None:
    unplugged = remote.with_name("unplugged")
    remote.rename(unplugged)
    with pytest.raises(GitRemoteFailed):
        clone(site, remote)
    unplugged.rename(remote)
    assert clone(site, remote).head("main") == site.head(remote, "main")


@pytest.mark.parametrize("harm", ["head", "objects", "config"])
def test_a_broken_clone_is_set_aside_and_made_again(site: Site, remote: Path, harm: str) -> None:
    clone(site, remote)
    place = site.root / "state" / "clone"
    if harm == "head":
        (place / "HEAD").write_text("")
    elif harm == "config":
        (place / "config").write_text("[broken")
    else:
        tree = site.git("rev-parse", "main^{tree}", at=remote).strip()
        (place / "objects" / tree[:2] / tree[2:]).unlink()
    assert clone(site, remote).head("main") == site.head(remote, "main")
    assert (site.root / "state" / "clone.broken").is_dir()


def test_what_waited_to_be_pushed_outlives_a_restart(site: Site, remote: Path) -> None:
    repository = clone(site, remote)
    unplugged = remote.with_name("unplugged")
    remote.rename(unplugged)
    with pytest.raises(GitRemoteFailed):
        repository.record(delivery(recorded()))
    unplugged.rename(remote)
    again = clone(site, remote)
    assert again.recorded_state("production", POLICY).flows == {recorded().key: recorded()}
    assert again.flush_pending()[0].pushed


def test_what_waited_to_be_pushed_is_saved_out_of_a_broken_clone(site: Site, remote: Path) -> None:
    repository = clone(site, remote)
    unplugged = remote.with_name("unplugged")
    remote.rename(unplugged)
    with pytest.raises(GitRemoteFailed):
        repository.record(delivery(recorded()))
    unplugged.rename(remote)
    (site.root / "state" / "clone" / "config").write_text("[broken")
    again = clone(site, remote)
    assert again.flush_pending()[0].pushed
    assert again.recorded_state("production", POLICY).flows == {recorded().key: recorded()}


def test_a_lock_that_a_killed_git_left_behind_is_removed_once_it_is_old(site: Site, remote: Path) -> None:
    clone(site, remote)
    place = site.root / "state" / "clone"
    ref = next(path for path in (place / "refs/penstock").rglob("*") if path.is_file())
    for lock in (place / "packed-refs.lock", ref.with_name(ref.name + ".lock"), place / "config.lock"):
        lock.touch()
        os.utime(lock, (0, 0))
    news = pushed(site, "news")
    assert clone(site, remote).head("main") == news


def test_a_lock_that_is_young_is_left_to_its_owner(site: Site, remote: Path) -> None:
    clone(site, remote)
    lock = site.root / "state" / "clone" / "config.lock"
    lock.touch()
    clone(site, remote)
    assert lock.exists()


def test_a_folder_that_is_no_clone_is_not_touched(site: Site, remote: Path) -> None:
    place = site.root / "state" / "clone"
    place.mkdir(parents=True)
    (place / "thesis.txt").write_text("irreplaceable")
    with pytest.raises(RepositoryFailed, match="holds something that is no clone"):
        clone(site, remote)
    assert (place / "thesis.txt").read_text() == "irreplaceable"


def test_another_url_is_followed_in_the_same_folder(site: Site, remote: Path) -> None:
    clone(site, remote)
    moved = site.remote("moved.git")
    assert clone(site, moved).head("main") == site.head(moved, "main")


def test_a_branch_that_the_remote_does_not_have_is_named(site: Site, remote: Path) -> None:
    with pytest.raises(BranchGone, match="has no branch release/1"):
        clone(site, remote, "release/1")


def test_a_branch_that_went_away_is_gone_and_where_it_was_is_remembered(site: Site, remote: Path) -> None:
    repository = clone(site, remote)
    known = site.head(remote, "main")
    site.git("update-ref", "-d", "refs/heads/main", at=remote)
    for ask in (repository.fetch, repository.remote_head):
        with pytest.raises(BranchGone, match=f"the branch main is gone; it was at {known[:12]}"):
            ask("main")
    assert repository.head("main") == known
    with pytest.raises(BranchGone, match="the branch main is gone"):
        clone(site, remote)


def test_a_branch_with_slashes_is_followed(site: Site, remote: Path) -> None:
    site.git("branch", "release/1.0/é", "main", at=remote)
    assert clone(site, remote, "release/1.0/é").head("release/1.0/é") == site.head(remote, "main")


def test_a_relative_path_means_the_folder_where_the_program_started(
    site: Site, remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(site.root)
    assert clone(site, "./origin.git").fetch("main") == site.head(remote, "main")


@pytest.mark.parametrize(
    "url",
    [
        "--upload-pack=touch /tmp/x",
        "ext::sh -c id",
        "ext::sh%20-c%20id",
        "codecommit::eu-west-1://repo",
        "git://example.com/x",
        "ftp://example.com/x",
        "https://me:hunter22@example.com/x.git",
        "ssh://-oProxyCommand=x/y",
        "-x@host:path",
        "host:-path",
        "",
        "https://example.com/a\nb",
        "plain",
    ],
)
def test_urls_that_could_run_something_or_hold_a_password_are_refused(site: Site, url: str) -> None:
    with pytest.raises(SettingsInvalid) as caught:
        clone(site, url)
    assert "hunter22" not in str(caught.value)


def test_the_ext_protocol_in_a_persons_clone_runs_nothing(site: Site, remote: Path) -> None:
    work = site.clone(remote, "work")
    site.git("config", "protocol.ext.allow", "always", at=work)
    site.git("remote", "set-url", "origin", f"ext::touch {site.root}/ran", at=work)
    with pytest.raises(RepositoryFailed, match="not allowed"):
        Repository.open(work).recorded_state("production", POLICY)
    assert not (site.root / "ran").exists()


@pytest.mark.parametrize(
    "branch", ["-x", "--force", "a..b", "a b", "a~1", "HEAD", "x.lock", "/a", "a/", "@{1}", "", "a:b"]
)
def test_names_that_are_no_branches_are_refused(site: Site, remote: Path, branch: str) -> None:
    with pytest.raises(RepositoryFailed, match="is not a branch name"):
        clone(site, remote, branch)
