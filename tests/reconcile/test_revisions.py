"""A revision is a value: `apply` and the service read the commit, everything else HEAD and what differs on the disk.

A manifest that is not seen never counts as deleted, and nothing that no manifest needs changes anything.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from controller.domain.errors.branches import PenstockError
from controller.domain.errors.manifest import ManifestInvalid
from controller.domain.errors.repository import RepositoryTooLarge
from controller.reconcile.settings import Settings
from controller.reconcile.workspace import Workspace, open_folder, open_revision
from controller.repository.repository import Repository
from tests.manifests.repository import flow, organization
from tests.repository.site import Site

FLOWS = {"flows/a.yaml": "inboundCall:\n  name: A\n", "flows/b.yaml": "inboundCall:\n  name: B\n"}
MANIFESTS = {
    "organization.yaml": organization(),
    "m1/b.yaml": flow("b", source="{file: ../flows/b.yaml}"),
    "m2/a.yaml": flow("a", source="{file: ../flows/a.yaml}"),
}
POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 120\n"


@pytest.fixture(autouse=True)
def plain_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    root = tmp_path / "site"
    root.mkdir()
    return Site(root)


@pytest.fixture
def work(site: Site) -> Path:
    site.git("init", "-q", "-b", "main", "work")
    site.commit(site.root / "work", {**MANIFESTS, **FLOWS})
    return site.root / "work"


def ids(workspace: Workspace) -> list[str]:
    return [each.id for each in workspace.desired.organizations[0].flows]


def on_disk(work: Path) -> Workspace:
    return open_folder(work, Settings())


def committed(site: Site, work: Path, settings: Settings | None = None) -> Workspace:
    """What the service reads of HEAD."""
    return open_revision(Repository.open(work), site.head(work), settings or Settings())


def told(read: Callable[[], object]) -> list[str]:
    with pytest.raises(ManifestInvalid) as caught:
        read()
    return [str(mistake) for mistake in caught.value.mistakes]


def both(site: Site, work: Path) -> list[str]:
    """What the command and the service tell of HEAD: the same."""
    mistakes = told(lambda: on_disk(work))
    assert told(lambda: committed(site, work)) == mistakes
    return mistakes


def test_a_clean_tree_is_its_commit(site: Site, work: Path) -> None:
    read = on_disk(work)
    assert (ids(read), read.dirty, read.revision) == (["a", "b"], (), site.head(work))
    assert committed(site, work).desired == read.desired
    assert open_folder(work, Settings(), committed=True).desired == read.desired


def test_what_a_sparse_tree_leaves_out_is_no_difference(site: Site, work: Path) -> None:
    site.git("sparse-checkout", "set", "m1", "flows", at=work)
    assert not (work / "m2").exists()
    read = on_disk(work)
    assert (ids(read), read.dirty) == (["a", "b"], ())


def test_a_sparse_index_is_read_as_well(site: Site, work: Path) -> None:
    site.git("sparse-checkout", "init", "--cone", "--sparse-index", at=work)
    site.git("sparse-checkout", "set", "m1", at=work)
    read = on_disk(work)
    assert (ids(read), read.dirty) == (["a", "b"], ())


def test_files_that_only_a_shared_part_of_the_index_marks_are_left_out(site: Site, work: Path) -> None:
    site.git("update-index", "--skip-worktree", "m2/a.yaml", at=work)
    site.git("update-index", "--split-index", at=work)
    (work / "m2/a.yaml").unlink()
    # Git itself gives both parts the version that the marks need; nothing says that it has to.
    own = b"DIRC\0\0\0\2" + (work / ".git/index").read_bytes()[8:-20]
    (work / ".git/index").write_bytes(own + hashlib.sha1(own).digest())  # noqa: S324 - the checksum that git reads
    assert "S m2/a.yaml" in site.git("ls-files", "-t", at=work)
    read = on_disk(work)
    assert (ids(read), read.dirty) == (["a", "b"], ())


def test_a_manifest_that_is_gone_from_the_disk_is_an_uncommitted_change(site: Site, work: Path) -> None:
    (work / "m2/a.yaml").unlink()
    read = on_disk(work)
    assert (ids(read), read.dirty) == (["b"], ("m2/a.yaml",))
    assert ids(committed(site, work)) == ["a", "b"]


@pytest.mark.parametrize("hide", ["--assume-unchanged", "--skip-worktree"])
def test_an_edit_that_git_is_told_not_to_see_is_an_uncommitted_change(site: Site, work: Path, hide: str) -> None:
    site.git("update-index", hide, "flows/a.yaml", at=work)
    (work / "flows/a.yaml").write_text("inboundCall:\n  name: Edited\n")
    assert site.git("status", "--porcelain", at=work) == ""
    read = open_folder(work, Settings(), committed=True)
    assert read.dirty == ("flows/a.yaml",)


@pytest.mark.parametrize("where", [".git/info/exclude", ".gitignore"])
def test_a_manifest_that_git_is_told_to_ignore_is_an_uncommitted_change(site: Site, work: Path, where: str) -> None:
    if where == ".gitignore":
        site.commit(work, {".gitignore": "new.yaml\n"})
    else:
        (work / where).write_text("*\n")
    (work / "new.yaml").write_text(flow("c", source='{version: "4.0"}', spec="  type: inboundcall\n  name: C\n"))
    read = on_disk(work)
    assert (ids(read), read.dirty) == (["a", "b", "c"], ("new.yaml",))


def test_a_change_that_touches_no_manifest_and_no_flow_file_is_none(site: Site, work: Path) -> None:
    (work / "README.md").write_text("news")
    (work / "notes.yaml").write_text("a: b\n")
    os.utime(work / "m1/b.yaml", (1, 1))
    assert on_disk(work).dirty == ()


def test_a_folder_link_that_leads_elsewhere_now_is_an_uncommitted_change(site: Site, work: Path) -> None:
    site.commit(work, {"other/a.yaml": FLOWS["flows/a.yaml"], "m2/a.yaml": flow("a", source="{file: ../to/a.yaml}")})
    (work / "to").symlink_to("flows")
    site.commit(work, {})
    (work / "to").unlink()
    (work / "to").symlink_to("other")
    assert on_disk(work).dirty == ("to",)


def test_windows_line_ends_of_a_checkout_are_no_difference(site: Site, work: Path) -> None:
    for path in ("m1/b.yaml", "flows/a.yaml"):
        (work / path).write_bytes((work / path).read_bytes().replace(b"\n", b"\r\n"))
    read = on_disk(work)
    assert read.dirty == ()
    assert read.desired == committed(site, work).desired


def test_before_the_first_commit_everything_is_uncommitted(site: Site) -> None:
    site.git("init", "-q", "-b", "main", "fresh")
    fresh = site.root / "fresh"
    for path, text in {**MANIFESTS, **FLOWS}.items():
        (fresh / path).parent.mkdir(exist_ok=True)
        (fresh / path).write_text(text)
    read = on_disk(fresh)
    assert (read.revision, ids(read), len(read.dirty)) == ("none", ["a", "b"], 5)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-32", "utf-8-sig"])
def test_a_manifest_and_a_flow_file_with_a_byte_order_mark_are_read(site: Site, work: Path, encoding: str) -> None:
    for path in ("m2/a.yaml", "flows/a.yaml"):
        mark = "\ufeff" if encoding == "utf-16-le" else ""
        (work / path).write_bytes((mark + (work / path).read_text()).encode(encoding))
    site.commit(work, {})
    assert ids(on_disk(work)) == ids(committed(site, work)) == ["a", "b"]


def test_a_manifest_in_utf_16_without_a_mark_is_a_mistake(site: Site, work: Path) -> None:
    (work / "m2/a.yaml").write_bytes(MANIFESTS["m2/a.yaml"].encode("utf-16-le"))
    site.commit(work, {})
    (mistake,) = both(site, work)
    assert mistake.startswith("m2/a.yaml:1:2: a control character")


@pytest.mark.parametrize("name", ["a.YAML", "a.Yml", "a.YmL"])
def test_a_manifest_is_read_however_its_extension_is_written(site: Site, work: Path, name: str) -> None:
    site.git("mv", "m2/a.yaml", f"m2/{name}", at=work)
    site.git("mv", "flows/a.yaml", "flows/a.YML", at=work)
    manifest = (work / "m2" / name).read_text().replace("flows/a.yaml", "flows/a.YML")
    site.commit(work, {f"m2/{name}": manifest})
    assert ids(on_disk(work)) == ids(committed(site, work)) == ["a", "b"]


def test_a_manifest_behind_a_link_is_read(site: Site, work: Path) -> None:
    site.git("mv", "m2/a.yaml", "m2/a.text", at=work)
    (work / "m2/a.yaml").symlink_to("a.text")
    site.commit(work, {})
    assert ids(on_disk(work)) == ids(committed(site, work)) == ["a", "b"]


def test_manifests_behind_a_link_to_a_folder_elsewhere_are_a_mistake(site: Site, work: Path) -> None:
    site.git("mv", "m2", "elsewhere", at=work)
    site.git("rm", "-q", "organization.yaml", at=work)
    site.git("mv", "m1", "prod", at=work)
    site.commit(work, {"prod/organization.yaml": organization()})
    (work / "prod/more").symlink_to("../elsewhere")
    site.commit(work, {})
    expected = (
        "prod/more:1:1: this link leads to a folder with manifests, and no link to a folder is followed"
        ' (name "elsewhere" in spec.include of the organisation instead)'
    )
    assert told(lambda: open_folder(work / "prod", Settings())) == [expected]
    assert told(lambda: committed(site, work, Settings(manifests="prod"))) == [expected]


@pytest.mark.parametrize("path", ["m2/a.yaml", "flows/a.yaml"])
def test_a_git_lfs_pointer_in_place_of_a_file_is_a_mistake_that_says_so(site: Site, work: Path, path: str) -> None:
    real = (work / path).read_bytes()
    site.commit(work, {path: POINTER.format(hashlib.sha256(real).hexdigest())})
    (mistake,) = both(site, work)
    assert mistake.startswith(f"{path}:1:1: the file is a Git LFS pointer")
    (work / path).write_bytes(real)
    assert both(site, work) == [mistake], "what Git LFS puts in its place is no difference"


def test_a_file_that_git_crypt_encrypted_may_be_a_manifest(site: Site, work: Path) -> None:
    (work / "m2/a.yaml").write_bytes(b"\0GITCRYPT\0" + os.urandom(50))
    site.commit(work, {})
    (mistake,) = both(site, work)
    assert mistake.startswith("m2/a.yaml:1:1: the file is encrypted by git-crypt")


def test_what_no_manifest_needs_changes_nothing(site: Site, work: Path) -> None:
    site.commit(work, {"picture.png": "\0\1"})
    (work / "outside").symlink_to("/nowhere")
    (work / "loop").symlink_to("loop")
    site.commit(work, {})
    site.git("update-index", "--add", "--cacheinfo", f"160000,{site.head(work)},docs/theme", at=work)
    site.git("commit", "-q", "-m", "module", at=work)
    assert ids(on_disk(work)) == ids(committed(site, work)) == ["a", "b"]


def test_a_flow_file_inside_a_submodule_is_a_mistake_at_the_manifests_line(site: Site, work: Path) -> None:
    theme = site.root / "theme"
    site.git("init", "-q", "-b", "main", "theme")
    site.commit(theme, {"a.yaml": FLOWS["flows/a.yaml"]})
    site.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(theme), "theme", at=work)
    site.commit(work, {"m2/a.yaml": flow("a", source="{file: ../theme/a.yaml}")})
    (mistake,) = both(site, work)
    assert mistake.startswith("m2/a.yaml:5:18: spec.source.file leads into the submodule theme")


def test_a_flow_file_that_no_manifest_uses_is_known(site: Site, work: Path) -> None:
    site.commit(work, {"flows/left.yaml": "inboundCall:\n  name: Left\n"})
    assert on_disk(work).desired.unused == committed(site, work).desired.unused == ("flows/left.yaml",)


def bomb(site: Site, work: Path, levels: int) -> str:
    """A commit of ten files in 10^levels folders, which is a few kilobytes for git."""
    blob = site.git("hash-object", "-w", "flows/a.yaml", at=work).strip()
    entries = "".join(f"100644 blob {blob}\tf{number}.yaml\n" for number in range(10))
    for _ in range(levels):
        (site.root / "entries").write_text(entries)
        tree = _tree(site, work)
        entries = "".join(f"040000 tree {tree}\td{number}\n" for number in range(10))
    (site.root / "entries").write_text(entries)
    return site.git("commit-tree", _tree(site, work), "-m", "bomb", at=work).strip()


def _tree(site: Site, work: Path) -> str:
    made = site.git("-c", f"alias.made=!git mktree < {site.root / 'entries'}", "made", at=work)
    return made.strip()


@pytest.mark.timeout(120)
def test_a_bomb_of_trees_ends_at_the_limit(site: Site, work: Path) -> None:
    """Ten to the power of ten files: nothing that reads them all would end."""
    sha = bomb(site, work, 9)
    with pytest.raises(RepositoryTooLarge, match="more than 20000 files and folders"):
        open_revision(Repository.open(work), sha, Settings(repository_entries=20_000))
    assert not Repository.open(work).only_artifacts_changed(site.head(work), sha)


def test_too_many_bytes_too_deep_and_too_long_are_faults_that_name_the_limit(site: Site, work: Path) -> None:
    def fault(files: dict[str, str], settings: Settings) -> str:
        site.commit(work, files)
        with pytest.raises(PenstockError) as caught:
            committed(site, work, settings)
        with pytest.raises(type(caught.value)):
            open_folder(work, settings)
        site.git("reset", "-q", "--hard", "HEAD~1", at=work)
        return caught.value.message

    assert "more than 1 MiB" in fault({"big.yaml": "# a\n" * 500_000}, Settings(repository_mib=1))
    assert "deeper than 64" in fault({"d/" * 70 + "x.yaml": "a"}, Settings())
    assert "longer than 1024" in fault({f"{'d' * 200}/" * 6 + "x.yaml": "a"}, Settings())
