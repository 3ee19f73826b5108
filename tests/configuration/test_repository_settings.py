"""Each repository of the file has settings of its own, and variables describe none of them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml

from controller.domain.errors.process import SettingsInvalid
from controller.forges.port import ForgeKind
from controller.reconcile.configuration.document import ConfigurationShape, read_configuration
from controller.reconcile.configuration.repositories import repository_settings
from controller.reconcile.settings import Settings, load_settings
from tests.support.commands import run
from tests.support.patience import PATIENCE_S

ENTRY = {"name": "voice", "url": "https://git.example.com/voice/flows.git"}


def configuration(folder: Path, *entries: dict[str, object]) -> ConfigurationShape:
    file = folder / "configuration.yaml"
    document = {"apiVersion": "penstock/v1", "kind": "Configuration", "repositories": list(entries)}
    file.write_text(yaml.safe_dump(document))
    return read_configuration(file)


def test_a_repository_has_what_the_file_says_of_it_and_nothing_of_another(tmp_path: Path) -> None:
    voice = {
        **ENTRY,
        "branch": "release",
        "path": "manifests",
        "organizations": ["production"],
        "credentials": {"token": {"file": "/run/secrets/voice"}, "username": "oauth2"},
        "forge": {"kind": "gitlab", "token": {"env": "VOICE_FORGE"}, "approvals": "review"},
        "commitSigners": "/etc/penstock/signers",
        "webhookSecret": {"env": "VOICE_HOOK"},
    }
    found = repository_settings(
        Settings(rate_limit=77), configuration(tmp_path, voice, {"name": "digital", "url": "/srv/digital.git"})
    )
    assert list(found) == ["voice", "digital"]
    first, second = found["voice"], found["digital"]
    assert (first.branch, first.manifests, first.organizations) == ("release", "manifests", ("production",))
    assert (first.git_token_file, first.git_username) == (Path("/run/secrets/voice"), "oauth2")
    assert (first.forge, first.forge_token_variable, first.approvals) == (ForgeKind.GITLAB, "VOICE_FORGE", "review")
    assert (first.commit_signers, first.incoming_webhook_secret_variable) == (
        Path("/etc/penstock/signers"),
        "VOICE_HOOK",
    )
    assert (second.branch, second.manifests, second.organizations) == (None, ".", ())
    assert (second.git_token_file, second.forge, second.commit_signers) == (None, None, None)
    assert {each.rate_limit for each in found.values()} == {77}


@pytest.mark.parametrize(
    "name", ["PENSTOCK_REPOSITORY_URL", "PENSTOCK_GIT_TOKEN", "PENSTOCK_COMMIT_SIGNERS", "PENSTOCK_FORGE_TOKEN"]
)
def test_a_variable_that_describes_a_repository_too_is_a_mistake(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    found = configuration(tmp_path, ENTRY)
    monkeypatch.setenv(name, "/etc/penstock/any")
    monkeypatch.setenv("PENSTOCK_CONFIG", str(tmp_path / "configuration.yaml"))
    with pytest.raises(SettingsInvalid, match=f"configuration.yaml names the repositories, and so does {name}"):
        repository_settings(load_settings(service=True), found)
    assert repository_settings(load_settings(service=True), configuration(tmp_path)) == {}


def test_the_service_ends_at_its_start_with_every_mistake(tmp_path: Path) -> None:
    file = tmp_path / "configuration.yaml"
    file.write_text("apiVersion: penstock/v1\nkind: Configuration\nrepositories:\n  - nmae: voice\n    url: ''\n")
    environment = {**os.environ, "PENSTOCK_CONFIG": str(file), "PENSTOCK_STORE": f"sqlite:///{tmp_path}/store.db"}
    ended = run("run", env=environment, strict=False, timeout=PATIENCE_S)
    assert ended.returncode == 1
    assert f'{file}:4:5: unknown key "nmae" in repositories[0] (did you mean "name"?)' in ended.stderr
    assert f"{file}:5:10: repositories[0].url cannot be used" in ended.stderr
