"""A branch and its base are read from git's objects, as a merge would leave them; what cannot be read is refused."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from controller.domain.errors.manifest import ManifestInvalid
from controller.domain.errors.repository import MergeConflict, RepositoryFailed
from controller.reconcile.branch import Branch, BranchNames, open_branch
from controller.reconcile.settings import Settings
from controller.repository.repository import Repository
from tests.manifests.repository import flow, organization
from tests.repository.site import Site

MANIFESTS = {
    "organization.yaml": organization(),
    "a.yaml": flow("a", source="{file: flows/a.yaml}"),
    "b.yaml": flow("b", source="{file: flows/b.yaml}"),
}


def content(name: str, says: str) -> dict[str, str]:
    return {f"flows/{name}.yaml": f"inboundCall:\n  name: {name.upper()}\n  description: {says}\n"}


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
    """The branch changes the flow a, and main changed b since."""
    work = site.root / "work"
    site.git("init", "-q", "-b", "main", "work")
    site.commit(work, {**MANIFESTS, **content("a", "first"), **content("b", "first")})
    site.git("checkout", "-q", "-b", "topic", at=work)
    site.commit(work, content("a", "of the branch"))
    site.git("checkout", "-q", "main", at=work)
    site.commit(work, content("b", "of main"))
    return work


def opened(folder: Path, base: str = "main", head: str = "topic") -> Branch:
    return open_branch(Repository.open(folder), BranchNames(base, head), Settings(), loopback=True)


def wanted(branch: Branch) -> tuple[str, ...]:
    [only] = branch.organizations
    assert only.head is not None
    return tuple(each.wanted for each in only.head.flows)


def branched(site: Site, work: Path, files: dict[str, str], *, gone: str | None = None) -> None:
    """A branch `other` of main with these files."""
    site.git("checkout", "-q", "-b", "other", "main", at=work)
    if gone is not None:
        (work / gone).unlink()
    site.commit(work, files)


def test_the_head_is_what_a_merge_leaves(site: Site, work: Path) -> None:
    found = wanted(opened(work))
    site.git("merge", "-q", "--no-edit", "topic", at=work)
    assert found == wanted(opened(work, head="main"))


def test_branches_of_remotes_and_ids_name_a_base_as_well(site: Site, work: Path) -> None:
    site.git("clone", "-q", "-b", "topic", f"file://{work}", "clone")
    clone, tip = site.root / "clone", site.head(work, "main")
    found = [opened(clone, base, "HEAD") for base in ("main", "origin/main", tip, tip[:12])]
    assert {branch.base.revision for branch in found} == {tip}
    assert len({wanted(branch) for branch in found}) == 1


@pytest.mark.parametrize("name", ["", "-x", "a\nb", "HEAD~99", "main:flows", "nowhere"])
def test_a_name_without_a_commit_is_refused(work: Path, name: str) -> None:
    with pytest.raises(RepositoryFailed):
        opened(work, name)


def test_a_shallow_clone_without_the_common_history_says_how_to_get_it(site: Site, work: Path) -> None:
    site.git("clone", "-q", "--depth", "1", "--no-single-branch", "-b", "topic", f"file://{work}", "shallow")
    site.git("clone", "-q", "--depth", "1", "-b", "topic", f"file://{work}", "alone")
    for clone, base in (("shallow", "origin/main"), ("alone", "main")):
        with pytest.raises(RepositoryFailed) as caught:
            opened(site.root / clone, base, "HEAD")
        assert "fetch-depth: 0" in str(caught.value.hint)


def test_a_conflict_names_the_files(site: Site, work: Path) -> None:
    site.git("checkout", "-q", "topic", at=work)
    site.commit(work, content("b", "of the branch"))
    with pytest.raises(MergeConflict, match=r"both change flows/b\.yaml"):
        opened(work)


def test_without_common_history_the_head_counts_as_it_is(site: Site, work: Path) -> None:
    site.git("checkout", "-q", "--orphan", "other", at=work)
    site.commit(work, content("a", "alone"))
    assert wanted(opened(work, head="other")) == wanted(opened(work, base="other", head="other"))


def test_mistakes_are_told_and_those_of_the_base_are_called_so(site: Site, work: Path) -> None:
    branched(site, work, {"a.yaml": "kind: Flow\n  x: [\n"})
    with pytest.raises(ManifestInvalid, match=r"^1 mistake in 1 file:\na\.yaml:2:4: not valid YAML"):
        opened(work, head="other")
    with pytest.raises(ManifestInvalid, match=r"a\.yaml:2:4: in the base other: not valid YAML"):
        opened(work, base="other", head="main")


def test_a_bomb_is_refused_and_many_files_are_read(site: Site, work: Path) -> None:
    pairs = itertools.pairwise("abcdefgh")
    levels = "".join(f"{each}: &{each} [{','.join([f'*{below}'] * 9)}]\n" for below, each in pairs)
    branched(site, work, {"bomb.yaml": f"kind: Flow\na: &a [{','.join('x' * 9)}]\n{levels}"})
    with pytest.raises(ManifestInvalid, match="once aliases are expanded"):
        opened(work, head="other")
    site.commit(work, {f"junk/{number}.yaml": f"a: {number}\n" for number in range(2_000)} | {"bomb.yaml": "a: 1\n"})
    assert len(wanted(opened(work, head="other"))) == 2


def test_an_organisation_on_one_side_only_has_no_head(site: Site) -> None:
    site.git("init", "-q", "-b", "main", "two")
    two = site.root / "two"
    site.commit(two, {"one/organization.yaml": organization(name="one")})
    site.git("checkout", "-q", "-b", "other", at=two)
    site.commit(two, {"two/organization.yaml": organization(name="two")})

    [_, added] = opened(two, head="other").organizations
    assert (added.base, added.head) == (None, None)
    assert "the branch adds this organisation" in added.reason
    [_, kept] = opened(two, base="other", head="main").organizations
    assert kept.head is not None, "the base is ahead of the branch, which removes nothing"
    (two / "two/organization.yaml").unlink()
    site.commit(two, {"note": "gone"})
    [_, removed] = opened(two, base="other~1", head="other").organizations
    assert removed.head is None
    assert "the branch removes this organisation" in removed.reason


def test_endpoint_credentials_and_policy_are_the_bases(site: Site, work: Path) -> None:
    text = MANIFESTS["organization.yaml"].replace("mypurecloud.ie", "mypurecloud.de") + "  suspend: true\n"
    branched(site, work, {"organization.yaml": text})
    [found] = opened(work, head="other").organizations
    assert found.base is not None
    assert found.head == found.base
    assert found.changed == ("region, apiUrl or loginUrl", "suspend")
