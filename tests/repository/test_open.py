"""Opening finds the repository, whatever git variables, hooks and settings surround it."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from controller.domain.desired import ArtifactsPolicy
from controller.domain.errors.repository import RepositoryFailed
from controller.domain.platform import Export
from controller.repository.artifacts import ArtifactCommit, DeliveredFlow, SavedDraft
from controller.repository.discovery import discover
from controller.repository.place import GitFolders
from controller.repository.repository import Repository
from tests.repository.site import POLICY, Site, delivery, recorded


def test_the_top_is_found_from_a_folder_below(site: Site) -> None:
    work = site.clone(site.remote(), "work")
    assert Repository.open(work / "manifests").top == work.resolve()


def test_a_plain_clone_is_found_without_gitpython(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    work = site.clone(site.remote(), "work").resolve()
    (work / "HEAD").touch()  # only a file, and GitPython has to tell
    by_gitpython = [discover(below) for below in (work, work / "manifests")]
    (work / "HEAD").unlink()
    monkeypatch.setitem(sys.modules, "git", None)
    assert [discover(below) for below in (work, work / "manifests")] == by_gitpython
    assert by_gitpython == [GitFolders(work, git=work / ".git", common=work / ".git")] * 2


def test_other_layouts_are_not_taken_for_a_plain_clone(site: Site) -> None:
    work = site.clone(site.remote(), "work").resolve()
    site.git("worktree", "add", "-q", "-b", "linked", str(site.root / "linked"), at=work)
    linked = (site.root / "linked").resolve()
    assert discover(linked) == GitFolders(linked, git=work / ".git/worktrees/linked", common=work / ".git")
    site.git("init", "-q", "--bare", "inside.git", at=work)
    inside = work / "inside.git"
    assert discover(inside) == GitFolders(inside, bare=True, git=inside, common=inside)
    with pytest.raises(RepositoryFailed, match="does not exist"):
        discover(work / "missing")
    site.git("config", "core.bare", "true", at=work)
    assert discover(work) == GitFolders(work / ".git", bare=True, git=work / ".git", common=work / ".git")


def test_the_revision_is_the_commit_that_is_checked_out(site: Site) -> None:
    work = site.clone(site.remote(), "work")
    assert Repository.open(work).revision() == site.head(work)


def test_the_newest_commit_that_changed_a_file_is_found_whatever_its_name(site: Site) -> None:
    work = site.clone(site.remote(), "work")
    site.commit(work, {"*.yaml": "1", "b.yaml": "1"})
    asked = site.head(work)
    site.commit(work, {"b.yaml": "2"})
    repository = Repository.open(work)
    assert asked.startswith(repository.last_change(site.head(work), ["*.yaml"]) or "none")
    assert site.head(work).startswith(repository.last_change(site.head(work), ["*.yaml", "b.yaml"]) or "none")
    assert repository.last_change(site.head(work), ["never"]) is None
    assert Repository.open(site.root).last_change("none", ["b.yaml"]) is None


@pytest.mark.parametrize(
    ("header", "author"),
    [
        ("author Zoë Öz <zoe@example.com> 0 +0000".encode(), "Zoë Öz <zoe@example.com>"),
        ("author Zoë Öz <zoe@example.com> 0 +0000\nencoding ISO-8859-1".encode("latin-1"), "Zoë Öz <zoe@example.com>"),
        ("author Zoë Öz <zoe@example.com> 0 +0000\nencoding hex".encode(), "Zoë Öz <zoe@example.com>"),
        (b"author Zo\\nOz <zoe@example.com> 0 +0000\nencoding unicode_escape", "Zo Oz <zoe@example.com>"),
        (b"author <zoe@example.com> 0 +0000", "<zoe@example.com>"),
        (b"author nobody", None),
    ],
)
def test_the_author_is_named_in_whatever_encoding_the_commit_is(site: Site, header: bytes, author: str | None) -> None:
    work = site.clone(site.remote(), "work")
    tree, rest = site.head(work, "HEAD^{tree}").encode(), b"\n\nauthor Other <other@example.com> 0 +0000\n"
    (site.root / "raw").write_bytes(b"tree " + tree + b"\n" + header + rest)
    words = ("hash-object", "-t", "commit", "-w", "--literally", str(site.root / "raw"))
    assert Repository.open(work).author(site.git(*words, at=work).strip()) == author


def test_a_repository_without_commits_has_no_revision(site: Site) -> None:
    site.git("init", "-q", "-b", "main", "fresh")
    assert Repository.open(site.root / "fresh").revision() == "none"


def test_a_broken_git_folder_is_not_taken_for_no_git(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    with pytest.raises(RepositoryFailed, match=r"\.git is not a usable git repository"):
        Repository.open(tmp_path)


def test_a_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(RepositoryFailed, match="nowhere does not exist"):
        Repository.open(tmp_path / "nowhere")


def test_without_git_what_needs_commits_says_so(tmp_path: Path) -> None:
    repository = Repository.open(tmp_path)
    assert repository.pending() == ()
    assert repository.flush_pending() == ()
    with pytest.raises(RepositoryFailed, match="is not a git repository"):
        repository.head("main")


def test_inside_a_hook_of_another_repository_nothing_is_mixed_up(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    remote, other = site.remote(), site.clone(site.remote("other.git"), "other")
    work = site.clone(remote, "work")
    expected = site.head(work)
    index = (other / ".git/index").read_bytes()
    for name, value in {
        "GIT_DIR": other / ".git",
        "GIT_WORK_TREE": other,
        "GIT_INDEX_FILE": other / ".git/index",
    }.items():
        monkeypatch.setenv(name, str(value))
    repository = Repository.open(work)
    assert repository.revision() == expected
    landed = repository.record(delivery(recorded()))
    assert (other / ".git/index").read_bytes() == index
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name)
    assert site.head(remote, "main") == site.head(work) == landed.sha


def test_no_hook_of_a_clone_runs(site: Site) -> None:
    work = site.clone(site.remote(), "work")
    for name in ("pre-push", "reference-transaction", "post-merge", "pre-commit", "post-checkout", "post-index-change"):
        hook = work / ".git/hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {site.root}/ran-{name}\n")
        hook.chmod(0o755)
    Repository.open(work).record(delivery(recorded()))
    assert list(site.root.glob("ran-*")) == []


def test_settings_from_the_environment_stay_in_force(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    remote = site.remote()
    work = site.clone(remote, "work")
    site.git("remote", "set-url", "origin", "short:origin.git", at=work)
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", f"url.{site.root}/.insteadOf")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "short:")
    assert Repository.open(work).record(delivery(recorded())).sha == site.head(remote, "main")


def test_the_branchs_own_remote_comes_before_origin(site: Site) -> None:
    work = site.clone(site.remote(), "work")
    upstream = site.remote("upstream.git")
    site.git("remote", "add", "upstream", str(upstream), at=work)
    site.git("config", "branch.main.remote", "upstream", at=work)
    landed = Repository.open(work).record(delivery(recorded()))
    assert site.head(upstream, "main") == landed.sha


def test_several_remotes_without_a_choice_are_an_error_with_the_way_out(site: Site) -> None:
    work = site.clone(site.remote(), "work")
    site.git("remote", "rename", "origin", "one", at=work)
    site.git("remote", "add", "two", "elsewhere", at=work)
    site.git("config", "--unset", "branch.main.remote", at=work)
    with pytest.raises(RepositoryFailed, match="none of the remotes one, two") as caught:
        Repository.open(work).recorded_state("production", POLICY)
    assert "branch.main.remote" in (caught.value.hint or "")


@pytest.mark.parametrize(
    "path", ["", ".", "..", "../x", "/etc", "a/../../b", ".git", "a/.GIT/b", "-x", "a\\b", "a\nb", "c:x"]
)
def test_artifact_paths_that_leave_the_repository_are_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(RepositoryFailed, match="must name a folder below the root"):
        Repository.open(tmp_path).record(delivery(recorded(), policy=ArtifactsPolicy(path=path)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["", "..", ".", "a/b", "-x", "a b", "a\n", "é", "x.lock", "a..b", "a\0"])
def test_names_that_are_no_slugs_reach_no_path(tmp_path: Path, name: str) -> None:
    repository = Repository.open(tmp_path)
    flow = recorded()
    export = Export("id", name, "x: 1")
    for commit in (
        delivery(flow, organization=name),
        delivery(recorded(name)),
        ArtifactCommit("production", POLICY, (DeliveredFlow(flow, export),)),
        ArtifactCommit("production", POLICY, drafts=(SavedDraft("main-ivr", name, Export("id", "1.0", "x: 1")),)),
    ):
        with pytest.raises(RepositoryFailed, match="cannot be part of a file name"):
            repository.record(commit)
    assert list(tmp_path.iterdir()) == []
