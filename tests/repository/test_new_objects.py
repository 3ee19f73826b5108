"""The commit and tree of a record are those that git would make of the same files, and nothing else in it changes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from controller.domain.desired import ArtifactsPolicy
from controller.repository.here import Readers
from controller.repository.new_objects import write_commit
from controller.repository.objects import Signature
from controller.repository.repository import Repository
from tests.repository.site import LOCK, Site, delivery, recorded

LENGTHS = (0, 1, 15, 16, 2_047, 2_048, 70_000, 300_000)
"""Sizes on both sides of where one more byte is needed for them, and of where a compressed part ends."""


@pytest.fixture
def work(site: Site) -> Path:
    return site.clone(site.remote(), "work")


def committed(work: Path, base: str | None, files: Mapping[str, bytes], message: str = "Record\n") -> str:
    with Readers().here(Repository.open(work)._git()) as here:
        commit = write_commit(here, base, files, message, Signature())
    assert commit is not None
    return commit


def written(site: Site, work: Path, base: str | None, files: Mapping[str, bytes]) -> str:
    """The tree of a commit that adds these files."""
    return site.head(work, f"{committed(work, base, files)}^{{tree}}")


def by_git(site: Site, work: Path, base: str | None, files: Mapping[str, bytes]) -> str:
    """The tree that git makes with an index."""
    site.git("read-tree", *([base] if base else ["--empty"]), at=work)
    for path, content in files.items():
        (site.root / "blob").write_bytes(content)
        blob = site.git("hash-object", "-w", "--no-filters", str(site.root / "blob"), at=work).strip()
        site.git("update-index", "--add", "--replace", "--cacheinfo", f"100644,{blob},{path}", at=work)
    return site.git("write-tree", at=work).strip()


def test_contents_of_all_sizes_are_stored_byte_for_byte(site: Site, work: Path) -> None:
    files = {f"artifacts/{each}.bin": os.urandom(each) for each in LENGTHS}
    tree = written(site, work, site.head(work), files)
    for path, content in files.items():
        (site.root / "same").write_bytes(content)
        same = site.git("hash-object", str(site.root / "same"), at=work)
        assert site.git("rev-parse", f"{tree}:{path}", at=work) == same
    site.git("fsck", "--strict", "--full", at=work)


@pytest.mark.parametrize(
    "there",
    [
        ["artifacts/production/old.yaml", "artifacts-2/x", "artifacts.md", "artifacts0", "zebra"],
        ["artifacts"],  # a file where the folder is needed
        ["artifacts/production/new.yaml/deeper"],  # and the other way round
    ],
)
def test_the_tree_is_the_one_that_git_makes(site: Site, work: Path, there: list[str]) -> None:
    base = site.commit(work, dict.fromkeys(there, "before"))
    files = {"artifacts/production/new.yaml": b"new", "artifacts/production/a/b.json": b"{}", "top": b"x"}
    tree = written(site, work, base, files)
    assert tree == by_git(site, work, base, files)
    site.git("fsck", "--strict", "--full", at=work)


def test_links_submodules_and_modes_stay_as_they_are(site: Site, work: Path) -> None:
    (work / "run").write_text("#!/bin/sh\n")
    (work / "run").chmod(0o755)
    (work / "link").symlink_to("run")
    site.commit(work, {"a": "1"})
    site.git("update-index", "--add", "--cacheinfo", f"160000,{site.head(work)},module", at=work)
    site.git("commit", "-q", "-m", "module", at=work)
    base = site.head(work)
    tree = written(site, work, base, {"artifacts/x": b"x"})
    changed = site.git("diff-tree", "-r", "--name-only", base, tree, at=work).split()
    assert changed == ["artifacts/x"]


def test_a_file_replaces_a_link_of_its_name(site: Site, work: Path) -> None:
    (work / "artifacts").symlink_to("/etc")
    base = site.commit(work, {"a": "1"})
    files = {"artifacts/x": b"x"}
    assert written(site, work, base, files) == by_git(site, work, base, files)


def test_files_that_are_there_already_make_no_commit_and_no_object(site: Site, work: Path) -> None:
    base = site.commit(work, {"artifacts/x": "x"})
    before = site.git("count-objects", at=work)
    assert committed(work, base, {"artifacts/x": b"x"}) == base
    assert site.git("count-objects", at=work) == before


@pytest.mark.parametrize("parent", ["HEAD", None])
def test_the_commit_is_the_one_that_git_makes(
    site: Site, work: Path, parent: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = None if parent is None else site.head(work)
    made = committed(work, base, {"x": b"x"}, "Record: \u00e4\n\n\ud800\n")
    text = site.git("cat-file", "commit", made, at=work)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Penstock")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "penstock@localhost")
        monkeypatch.setenv(
            f"GIT_{role}_DATE", text.partition(f"\n{role.lower()} ")[2].partition("\n")[0].rpartition("> ")[2]
        )
    (site.root / "message").write_text("Record: \u00e4\n\n\\ud800\n", "utf-8")
    parents = [] if base is None else ["-p", base]
    tree = site.head(work, f"{made}^{{tree}}")
    assert site.git("commit-tree", tree, *parents, "-F", str(site.root / "message"), at=work).strip() == made
    site.git("fsck", "--strict", "--full", at=work)


@pytest.mark.parametrize("commits", [0, 1])
def test_a_repository_with_ids_of_sha256_is_recorded_in(site: Site, commits: int) -> None:
    site.git("init", "-q", "-b", "main", "--object-format=sha256", "work")
    work = site.root / "work"
    for _ in range(commits):
        site.commit(work, {"manifests/production.yaml": "kind: Organization\n"})
    landed = Repository.open(work).record(delivery(recorded(), policy=ArtifactsPolicy(branch="records")))
    assert len(landed.sha or "") == 64
    assert "main-ivr" in site.show(work, LOCK, "records")
    site.git("fsck", "--strict", "--full", at=work)
