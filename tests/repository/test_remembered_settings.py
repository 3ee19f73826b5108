"""What git said of HEAD and of the repository's settings does not outlive a change of either."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.repository.command import GitCommand
from controller.repository.discovery import discover
from tests.repository.site import Site


def command(folder: Path) -> GitCommand:
    place = discover(folder)
    assert place is not None
    return GitCommand(place)


@pytest.fixture
def work(site: Site) -> Path:
    return site.clone(site.remote(), "work")


def test_a_branch_that_is_checked_out_is_known_at_once(site: Site, work: Path) -> None:
    git = command(work)
    before = git.checked_out()
    site.git("checkout", "-q", "-b", "next", at=work)
    on_a_branch = git.checked_out()
    site.git("checkout", "-q", "--detach", at=work)

    assert (before, on_a_branch, git.checked_out()) == ("main", "next", "")


def test_a_reftable_is_left_to_git(work: Path) -> None:
    """As gitrepository-layout(5) says, HEAD is there a file that names no branch."""
    place = discover(work)
    assert place is not None
    named = place.checked_out()
    (work / ".git" / "HEAD").write_text("ref: refs/heads/.invalid\n")

    assert (named, place.checked_out()) == ("main", None)


def test_each_work_tree_has_a_branch_of_its_own(site: Site, work: Path) -> None:
    site.git("worktree", "add", "-q", "-b", "linked", "../linked", at=work)
    git = command(site.root / "linked")
    before = git.checked_out()
    site.git("checkout", "-q", "-b", "next", at=site.root / "linked")

    assert (before, git.checked_out(), command(work).checked_out()) == ("linked", "next", "main")


@pytest.mark.parametrize("place", ["work", "linked"])
def test_a_setting_of_the_repository_that_is_changed_counts_at_once(site: Site, work: Path, place: str) -> None:
    site.git("worktree", "add", "-q", "-b", "linked", "../linked", at=work)
    git = command(site.root / place)
    before = git.settings()["remote.origin.url"]
    site.git("remote", "set-url", "origin", "https://example.com/flows.git", at=work)

    assert before != git.settings()["remote.origin.url"] == "https://example.com/flows.git"


def test_a_setting_of_one_work_tree_that_is_added_counts_at_once(site: Site, work: Path) -> None:
    site.git("config", "extensions.worktreeConfig", "true", at=work)
    git = command(work)
    before = git.settings().get("penstock.test")
    site.git("config", "--worktree", "penstock.test", "yes", at=work)

    assert (before, git.settings().get("penstock.test")) == (None, "yes")


def test_who_opens_the_repository_again_starts_no_process_unless_variables_changed(
    work: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.repository.command._RECENT_S", 60.0)
    traces = tmp_path / "traces"
    traces.mkdir()
    monkeypatch.setenv("GIT_TRACE2_EVENT", str(traces))
    first, again = command(work).settings(), command(work).settings()
    assert (first, len(list(traces.iterdir()))) == (again, 1)

    for name, value in {"COUNT": "1", "KEY_0": "penstock.test", "VALUE_0": "yes"}.items():
        monkeypatch.setenv(f"GIT_CONFIG_{name}", value)
    assert (again.get("penstock.test"), command(work).settings()["penstock.test"]) == (None, "yes")
