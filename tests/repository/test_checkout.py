"""A revision is checked out as plain files, in a folder of its own, and never outside it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from controller.domain.errors import RepositoryFailed
from controller.repository import Repository
from tests.repository.site import Site, snapshot


@pytest.fixture
def work(site: Site) -> Path:
    return site.clone(site.remote(), "work")


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def test_an_old_revision_is_written_without_touching_the_work_tree(site: Site, work: Path, tmp_path: Path) -> None:
    old = site.commit(work, {"flows/é ☎.yaml": "one\r\ntwo\n"})
    site.commit(work, {"flows/é ☎.yaml": "changed"})
    (work / "untracked").write_text("x")
    before = snapshot(work)
    Repository.open(work).export_tree(old, tmp_path / "out")
    assert files(tmp_path / "out")["flows/é ☎.yaml"] == b"one\r\ntwo\n"
    assert "untracked" not in files(tmp_path / "out")
    assert snapshot(work) == before


def test_what_the_folder_held_before_is_gone(site: Site, work: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "stale.yaml").write_text("stale")
    Repository.open(work).export_tree(site.head(work), out)
    assert list(files(out)) == ["manifests/production.yaml"]


def test_folders_can_be_left_out(site: Site, work: Path, tmp_path: Path) -> None:
    sha = site.commit(work, {"artifacts/production/x.json": "{}", "artifacts2": "stays"})
    Repository.open(work).export_tree(sha, tmp_path / "out", leave_out=("artifacts",))
    assert list(files(tmp_path / "out")) == ["artifacts2", "manifests/production.yaml"]


def test_filters_of_the_machine_are_not_applied(site: Site, work: Path, tmp_path: Path) -> None:
    sha = site.commit(work, {".gitattributes": "* filter=shout text eol=crlf\n", "a.txt": "quiet\n"})
    site.git("config", "filter.shout.smudge", f"touch {tmp_path}/ran; tr a-z A-Z", at=work)
    Repository.open(work).export_tree(sha, tmp_path / "out")
    assert (tmp_path / "out" / "a.txt").read_bytes() == b"quiet\n"
    assert not (tmp_path / "ran").exists()


def test_links_within_the_repository_and_executables_are_kept(site: Site, work: Path, tmp_path: Path) -> None:
    (work / "link").symlink_to("manifests/production.yaml")
    (work / "run").write_text("#!/bin/sh\n")
    (work / "run").chmod(0o755)
    sha = site.commit(work, {"a": "1"})
    Repository.open(work).export_tree(sha, tmp_path / "out")
    assert (tmp_path / "out" / "link").read_text() == "kind: Organization\n"
    assert os.access(tmp_path / "out" / "run", os.X_OK)


@pytest.mark.parametrize(
    "links",
    [{"link": "/etc/passwd"}, {"link": "../.."}, {"a/up": "..", "link": "a/up/.."}, {"one": "two", "two": "../x"}],
)
def test_links_that_lead_out_are_refused_and_nothing_is_left(
    site: Site, work: Path, tmp_path: Path, links: dict[str, str]
) -> None:
    for path, target in links.items():
        (work / path).parent.mkdir(exist_ok=True)
        (work / path).symlink_to(target)
    sha = site.commit(work, {"z": "1"})
    with pytest.raises(RepositoryFailed, match="leads out of the repository"):
        Repository.open(work).export_tree(sha, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_links_that_form_a_loop_are_kept_and_harm_nothing(site: Site, work: Path, tmp_path: Path) -> None:
    (work / "a").symlink_to("b")
    (work / "b").symlink_to("a")
    Repository.open(work).export_tree(site.commit(work, {"z": "1"}), tmp_path / "out")
    assert (tmp_path / "out" / "a").is_symlink()


def test_a_submodule_is_refused(site: Site, work: Path, tmp_path: Path) -> None:
    site.git("update-index", "--add", "--cacheinfo", f"160000,{site.head(work)},modules/x", at=work)
    site.git("commit", "-q", "-m", "module", at=work)
    with pytest.raises(RepositoryFailed, match=r"modules/x .* is a submodule"):
        Repository.open(work).export_tree(site.head(work), tmp_path / "out")


def forged(site: Site, work: Path, *entries: str) -> str:
    """A commit with a tree that git itself would not make."""
    blob = site.git("rev-parse", "HEAD:manifests/production.yaml", at=work).strip()
    raw = b"".join(entry.encode() + b"\0" + bytes.fromhex(blob) for entry in entries)
    (site.root / "tree").write_bytes(raw)
    tree = site.git("hash-object", "-t", "tree", "-w", "--literally", str(site.root / "tree"), at=work).strip()
    return site.git("commit-tree", tree, "-m", "forged", at=work).strip()


@pytest.mark.parametrize("entry", ["100644 ..", "100644 .git", "100644 .GIT", "100644 ../../escaped"])
def test_forged_paths_are_refused(site: Site, work: Path, tmp_path: Path, entry: str) -> None:
    with pytest.raises(RepositoryFailed, match="not safe to check out"):
        Repository.open(work).export_tree(forged(site, work, entry), tmp_path / "out")


def test_a_forged_file_below_a_link_is_refused(site: Site, work: Path, tmp_path: Path) -> None:
    sha = forged(site, work, "120000 a", "100644 a/b")
    with pytest.raises(RepositoryFailed, match=r"not safe|below a link"):
        Repository.open(work).export_tree(sha, tmp_path / "out")


@pytest.mark.parametrize("sha", ["--output=x", "HEAD", "", "main; rm", "zz"])
def test_only_commit_ids_are_taken_for_revisions(work: Path, tmp_path: Path, sha: str) -> None:
    with pytest.raises(RepositoryFailed, match="is not a commit id"):
        Repository.open(work).export_tree(sha, tmp_path / "out")


def test_changed_paths_name_both_sides_of_a_rename(site: Site, work: Path) -> None:
    before = site.head(work)
    site.git("mv", "manifests/production.yaml", "manifests/né w.yaml", at=work)
    after = site.commit(work, {"b": "1"})
    repository = Repository.open(work)
    assert repository.changed_paths(before, after) == ("b", "manifests/né w.yaml", "manifests/production.yaml")


def test_only_artifacts_changed_tells_own_commits_from_peoples(site: Site, work: Path) -> None:
    first = site.head(work)
    ours = site.commit(work, {"artifacts/production/penstock.lock.yaml": "x", "deep/er/a": "y"})
    theirs = site.commit(work, {"artifacts-of-mine": "z"})
    repository = Repository.open(work)
    assert repository.only_artifacts_changed(first, first)
    assert repository.only_artifacts_changed(first, ours, ("artifacts", "deep/er"))
    assert not repository.only_artifacts_changed(first, ours)
    assert not repository.only_artifacts_changed(ours, theirs)
    assert not repository.only_artifacts_changed("0" * 40, theirs)
