"""A revision is read from git's objects: nothing is written, and nothing but what is asked for is read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from controller.domain.errors.repository import RepositoryFailed, RepositoryTooLarge
from controller.domain.files import FileUnreadable, Kind, Limits, PathLost, followed
from controller.repository.commit_files import CommitFiles, CommitFolder, KeptTrees
from controller.repository.repository import Repository
from tests.repository.site import Site, snapshot

MOST = 1000


@pytest.fixture
def work(site: Site) -> Path:
    return site.clone(site.remote(), "work")


@contextmanager
def files_of(work: Path, sha: str, limits: Limits | None = None) -> Iterator[CommitFiles]:
    with Repository.open(work).commit_files(sha, limits) as files:
        yield files


def link(work: Path, path: str, target: str) -> None:
    (work / path).parent.mkdir(parents=True, exist_ok=True)
    (work / path).symlink_to(target)


def test_an_old_revision_is_read_without_touching_the_work_tree(site: Site, work: Path) -> None:
    old = site.commit(work, {"flows/é ☎.yaml": "one\r\ntwo\n"})
    site.commit(work, {"flows/é ☎.yaml": "changed"})
    before = snapshot(work)
    with files_of(work, old) as files:
        assert files.listing("") == {"flows": Kind.FOLDER, "manifests": Kind.FOLDER}
        assert files.content("flows/é ☎.yaml", MOST) == b"one\r\ntwo\n"
        assert files.listing("flows/é ☎.yaml") == files.listing("gone/deeper") == {}
    assert snapshot(work) == before


def test_a_folder_that_the_commit_before_had_is_not_read_again(site: Site, work: Path) -> None:
    first = site.commit(work, {"flows/a.yaml": "a", "exports/b.json": "b"})
    second = site.commit(work, {"flows/a.yaml": "changed"})
    tree = site.git("rev-parse", f"{second}:exports", at=work).strip()
    repository = Repository.open(work)
    with repository.commit_files(first) as files:
        assert files.listing("exports") == {"b.json": Kind.FILE}
    (work / ".git" / "objects" / tree[:2] / tree[2:]).unlink()

    with repository.commit_files(second) as files:
        assert files.listing("exports") == {"b.json": Kind.FILE}
    with repository.commit_files(second, Limits(entries=2)) as files, pytest.raises(RepositoryTooLarge):
        files.listing("")


def test_kept_folders_have_a_limit() -> None:
    kept = KeptTrees(most=3)
    two = CommitFolder({"a": (Kind.FILE, "1"), "b": (Kind.FILE, "2")}, {"a": Kind.FILE, "b": Kind.FILE})
    kept.keep("one", two)
    kept.keep("other", two)
    assert (kept.get("one"), kept.get("other")) == (None, two)


def test_a_file_that_is_too_large_is_not_read_and_its_opening_can_be(site: Site, work: Path) -> None:
    sha = site.commit(work, {"large.yaml": "a" * 5_000_000})
    with files_of(work, sha) as files:
        assert files.content("large.yaml", MOST) is None
        assert files.opening("large.yaml", 10) == b"a" * 10
        assert files.content("manifests/production.yaml", MOST) == b"kind: Organization\n"


def test_filters_of_the_machine_are_not_applied(site: Site, work: Path) -> None:
    sha = site.commit(work, {".gitattributes": "* filter=shout text eol=crlf\n", "a.txt": "quiet\n"})
    site.git("config", "filter.shout.smudge", f"touch {site.root}/ran; tr a-z A-Z", at=work)
    with files_of(work, sha) as files:
        assert files.content("a.txt", MOST) == b"quiet\n"
    assert not (site.root / "ran").exists()


@pytest.mark.parametrize(
    ("path", "leads_to"),
    [
        ("link", "manifests/production.yaml"),
        ("folder/production.yaml", "manifests/production.yaml"),
        ("deep/up/link", "manifests/production.yaml"),
        ("folder/../manifests/new.yaml", "manifests/new.yaml"),
        ("manifests/../../x", "leads out of the repository"),
        ("absolute", "leads out of the repository"),
        ("outside", "leads out of the repository"),
        ("one", "is a link that leads in a circle, or too long a path"),
        ("modules/x/a.yaml", "leads into the submodule modules/x, and nothing of it is read"),
        ("behind/a.yaml", "leads into the submodule modules/x, and nothing of it is read"),
    ],
)
def test_links_are_followed_within_the_commit_alone(site: Site, work: Path, path: str, leads_to: str) -> None:
    link(work, "link", "manifests/production.yaml")
    link(work, "folder", "manifests")
    link(work, "deep/up", "..")
    link(work, "absolute", "/etc/passwd")
    link(work, "outside", "../../x")
    link(work, "one", "two")
    link(work, "two", "one")
    link(work, "behind", "modules/x")
    site.commit(work, {"z": "1"})
    site.git("update-index", "--add", "--cacheinfo", f"160000,{site.head(work)},modules/x", at=work)
    site.git("commit", "-q", "-m", "module", at=work)
    with files_of(work, site.head(work)) as files:
        assert _end_of(files, path) == leads_to


def _end_of(files: CommitFiles, path: str) -> str:
    try:
        return followed(files, path)
    except PathLost as error:
        return str(error)


def forged(site: Site, work: Path, *entries: bytes, content: bytes = b"x") -> str:
    """A commit with a tree that git itself would not make."""
    (site.root / "blob").write_bytes(content)
    blob = site.git("hash-object", "-w", str(site.root / "blob"), at=work).strip()
    return _commit_of(site, work, [entry + b"\0" + bytes.fromhex(blob) for entry in entries])


def _commit_of(site: Site, work: Path, entries: Sequence[bytes]) -> str:
    (site.root / "tree").write_bytes(b"".join(entries))
    tree = site.git("hash-object", "-t", "tree", "-w", "--literally", str(site.root / "tree"), at=work).strip()
    return site.git("commit-tree", tree, "-m", "forged", at=work).strip()


@pytest.mark.parametrize("name", [b"..", b".", b".git", b".GIT", b"../../escaped", b"a/b"])
def test_forged_names_are_left_out(site: Site, work: Path, name: bytes) -> None:
    with files_of(work, forged(site, work, b"100644 " + name, b"100644 good")) as files:
        assert files.listing("") == {"good": Kind.FILE}


def test_a_link_that_holds_a_zero_byte_or_is_very_long_leads_nowhere(site: Site, work: Path) -> None:
    for content in (b"a\0b", b"a" * 10_000):
        with files_of(work, forged(site, work, b"120000 link", content=content)) as files:
            with pytest.raises(FileUnreadable):
                files.target("link")
            with pytest.raises(PathLost, match="cannot be read"):
                followed(files, "link")


def test_a_folder_with_too_many_entries_is_not_taken_in(site: Site, work: Path) -> None:
    sha = forged(site, work, *(b"100644 %03d" % number for number in range(101)))
    with files_of(work, sha, Limits(entries=100)) as files, pytest.raises(RepositoryTooLarge, match="more than 100"):
        files.listing("")


@pytest.mark.parametrize("sha", ["--output=x", "HEAD", "", "main; rm", "zz"])
def test_only_commit_ids_are_taken_for_revisions(work: Path, sha: str) -> None:
    with pytest.raises(RepositoryFailed, match="is not a commit id"), files_of(work, sha):
        pass


def test_a_commit_or_an_object_that_is_not_here_is_told(site: Site, work: Path) -> None:
    with pytest.raises(RepositoryFailed, match="is not here"), files_of(work, "0" * 40) as files:
        files.listing("")
    blob = site.git("rev-parse", "HEAD:manifests/production.yaml", at=work).strip()
    (work / ".git/objects" / blob[:2] / blob[2:]).unlink(missing_ok=True)
    for pack in (work / ".git/objects/pack").glob("*"):
        pack.unlink()
    sha = site.git("rev-parse", "HEAD", at=work).strip()
    with pytest.raises(RepositoryFailed, match=r"is missing|is not here"), files_of(work, sha) as files:
        files.content("manifests/production.yaml", MOST)


def test_only_artifacts_changed_tells_own_commits_from_peoples(site: Site, work: Path) -> None:
    first = site.head(work)
    ours = site.commit(work, {"artifacts/production/penstock.lock.yaml": "x", "deep/er/a": "y"})
    theirs = site.commit(work, {"artifacts-of-mine": "z"})
    site.git("mv", "manifests/production.yaml", "artifacts/né w.yaml", at=work)
    moved = site.commit(work, {})
    repository = Repository.open(work)
    assert repository.only_artifacts_changed(first, first)
    assert repository.only_artifacts_changed(first, ours, ("artifacts", "deep/er"))
    assert not repository.only_artifacts_changed(first, ours, ("artifacts", "deep/er"), ["deep/er/a"])
    assert not repository.only_artifacts_changed(first, ours)
    assert not repository.only_artifacts_changed(ours, theirs)
    assert not repository.only_artifacts_changed(theirs, moved)
    assert not repository.only_artifacts_changed("0" * 40, theirs)
