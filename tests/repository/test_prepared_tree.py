"""A work tree that somebody else prepared names programs in its own settings: none of them runs, none sees a secret."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from controller.domain.errors.process import SettingsInvalid
from controller.domain.errors.repository import RepositoryFailed
from controller.repository.environment import environment
from controller.repository.repository import Repository
from tests.repository.site import POLICY, Site, delivery, recorded

GITATTRIBUTES = "* filter=shout\n"


@pytest.fixture
def program(site: Site) -> Path:
    """A program that leaves a mark, and what its environment held, when it runs."""
    path = site.root / "program"
    path.write_text(f'#!/bin/sh\nenv > "{site.root}/ran"\nexec cat\n')
    path.chmod(0o755)
    return path


def work_with_it(work: Path) -> None:
    """All that a command does with a repository: which revision, the record there, a record to bring back."""
    repository = Repository.open(work)
    repository.revision()
    repository.recorded_state("production", POLICY)
    repository.record(delivery(recorded()))


def prepare(site: Site, work: Path, *settings: str) -> None:
    for setting in settings:
        key, _, value = setting.partition("=")
        site.git("config", key, value, at=work)


@pytest.mark.parametrize(
    "settings",
    [
        ["filter.shout.clean=PROGRAM", "filter.shout.required=true"],
        ["filter.shout.process=PROGRAM"],
        ["filter.shout.smudge=PROGRAM"],
        ["core.alternateRefsCommand=PROGRAM"],
        ["core.fsmonitor=PROGRAM"],
        ["gpg.program=PROGRAM", "log.showSignature=true", "commit.gpgSign=true"],
        ["hook.mine.command=PROGRAM", "hook.mine.event=reference-transaction"],
    ],
    ids=lambda settings: settings[0],
)
@pytest.mark.parametrize("included", [False, True], ids=["its own", "included"])
def test_a_program_that_the_trees_own_settings_name_does_not_run(
    site: Site, program: Path, settings: list[str], included: bool
) -> None:
    work = site.clone(site.remote(), "work")
    (work / ".git/info/attributes").write_text(GITATTRIBUTES)
    place = "config"
    if included:
        (work / ".git/more").write_text("")
        site.git("config", "includeIf.gitdir:**.path", "more", at=work)
        place = "more"
    for setting in settings:
        key, _, value = setting.replace("PROGRAM", str(program)).partition("=")
        site.git("config", "--file", str(work / ".git" / place), key, value, at=work)
    (work / "manifests/production.yaml").write_text("kind: Organization # edited\n")
    work_with_it(work)
    assert not (site.root / "ran").exists()


@pytest.mark.parametrize("key", ["core.sshCommand", "core.askPass", "credential.helper"])
def test_a_program_for_a_login_that_the_tree_names_does_not_run(site: Site, program: Path, key: str) -> None:
    work = site.clone(site.remote(), "work")
    address = "ssh://127.0.0.1:1/x.git" if key == "core.sshCommand" else "http://127.0.0.1:1/x.git"
    prepare(site, work, f"{key}={program}", f"remote.origin.url={address}")
    with pytest.raises(Exception, match=r"127\.0\.0\.1"):
        Repository.open(work).recorded_state("production", POLICY)
    assert not (site.root / "ran").exists()


@pytest.mark.parametrize("key", ["uploadpack", "receivepack"])
@pytest.mark.parametrize("partial", [False, True], ids=["whole", "partial clone"])
def test_a_tree_that_names_the_program_at_its_remote_is_refused(
    site: Site, program: Path, key: str, partial: bool
) -> None:
    """Git takes the first program that is named there, also for an object that a partial clone does not have yet."""
    remote = site.remote()
    site.git("config", "uploadpack.allowFilter", "true", at=remote)
    options = ["--no-checkout", "--filter=blob:none"] if partial else []
    site.git("clone", "-q", *options, remote.as_uri(), "work")
    work = site.root / "work"
    prepare(site, work, f"remote.origin.{key}={program}")
    with pytest.raises(RepositoryFailed, match=f"name a program that git would run: remote.origin.{key}"):
        work_with_it(work)
    assert not (site.root / "ran").exists()


def test_a_partial_clone_gets_the_objects_that_it_lacks(site: Site) -> None:
    remote = site.remote()
    site.git("config", "uploadpack.allowFilter", "true", at=remote)
    site.git("clone", "-q", "--no-checkout", "--filter=blob:none", remote.as_uri(), "work")
    work_with_it(site.root / "work")


def test_the_users_own_helper_stays_and_sees_no_secret_of_a_delivery(
    site: Site, program: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The user's own settings are the user's; what they name is given a short environment."""
    work = site.clone(site.remote(), "work")
    (work / ".git/info/attributes").write_text(GITATTRIBUTES)
    users = site.root / "gitconfig"
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(users))
    site.git("config", "--global", "remote.origin.uploadpack", f"{program} </dev/null >/dev/null; git-upload-pack")
    prepare(site, work, "remote.origin.uploadpack=false")
    for name in ("GENESYS_SECRET", "PENSTOCK_GIT_TOKEN", "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN"):
        monkeypatch.setenv(name, "hunter2hunter2")
    Repository.open(work).recorded_state("production", POLICY)
    seen = (site.root / "ran").read_text()
    assert "PATH=" in seen
    assert "hunter2" not in seen


def test_data_of_the_trees_own_settings_stays(site: Site) -> None:
    """A CI leaves its login as a header, and a team its addresses, in the tree's own settings."""
    remote = site.remote()
    work = site.clone(remote, "work")
    prepare(site, work, "remote.origin.url=short:origin.git", f"url.{site.root}/.insteadOf=short:")
    assert Repository.open(work).record(delivery(recorded())).sha == site.head(remote, "main")


def test_the_operator_names_further_variables_but_none_of_penstocks() -> None:
    outer = {"PATH": "/bin", "GH_TOKEN": "a", "PENSTOCK_GIT_TOKEN": "b", "GIT_DIR": "/elsewhere", "LC_TIME": "de"}
    given = environment(outer, ["GH_*", "PENSTOCK_*"], {"config:a.b": "c", "X": "y"}, [("d.e", "f")])
    assert {"PATH", "GH_TOKEN", "X"} <= given.keys()
    assert not {"PENSTOCK_GIT_TOKEN", "GIT_DIR", "LC_TIME"} & given.keys()
    last = int(given["GIT_CONFIG_COUNT"])
    assert [given[f"GIT_CONFIG_{what}_{last - 1}"] for what in ("KEY", "VALUE")] == ["a.b", "c"]
    assert [given[f"GIT_CONFIG_{what}_{last - 2}"] for what in ("KEY", "VALUE")] == ["d.e", "f"]


def test_a_wrong_number_of_settings_in_the_environment_is_one_sentence(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = site.clone(site.remote(), "work")
    monkeypatch.setenv("GIT_CONFIG_COUNT", "x")
    with pytest.raises(SettingsInvalid, match="GIT_CONFIG_COUNT is 'x', which is no number"):
        Repository.open(work).revision()


def test_settings_that_move_the_work_tree_elsewhere_are_not_followed(site: Site) -> None:
    work = site.clone(site.remote(), "work")
    elsewhere = site.root / "elsewhere"
    elsewhere.mkdir()
    prepare(site, work, f"core.worktree={elsewhere}")
    assert Repository.open(work / "manifests").top == Path(os.path.realpath(work))
