"""Every mistake in the configuration file is reported at once, with its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from controller.domain.errors.process import SettingsInvalid
from controller.reconcile.configuration.document import read_configuration

HEAD = "apiVersion: penstock/v1\nkind: Configuration\n"
WRONG = """apiVersion: penstock/v1
kind: Configuraton
repositories:
  - name: voice
    url: https://me:hunter2hunter2@git.example.com/x.git
    brnach: main
  - name: voice
    url: git@git.example.com:x.git
    path: ../x
    path: y
    organizations: ["A B"]
    credentials: {token: {env: X, file: /x}, sshKey: x}
    forge: {kind: githb}
"""
TOKEN = "(give it as a token or a key file instead of in the URL)"
PATTERN = 'or a pattern of names (for example "voice-*")'


def mistakes(folder: Path, text: str) -> list[str]:
    """Each mistake, from its line on."""
    file = folder / "configuration.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsInvalid) as caught:
        read_configuration(file)
    return [line.removeprefix(f"{file}:") for line in caught.value.message.splitlines()[1:]]


def test_all_mistakes_are_reported_at_once_with_line_and_column(tmp_path: Path) -> None:
    assert mistakes(tmp_path, WRONG) == [
        '2:7: kind must be Configuration, and not "Configuraton" (did you mean "Configuration"?)',
        f"5:10: repositories[0].url cannot be used: 'https://***@git.example.com/x.git' holds a password {TOKEN}",
        '6:5: unknown key "brnach" in repositories[0] (did you mean "branch"?)',
        "7:11: repositories: the name voice is given in line 4 already",
        "9:11: repositories[1].path must be a folder within the repository (for example manifests)",
        '10:5: the key "path" occurs twice; first in line 9 (keep one)',
        f"11:21: repositories[1].organizations[0] must be the name of an organisation, {PATTERN}",
        "12:19: repositories[1].credentials.token must hold only one of env or file; it holds env and file",
        "12:54: repositories[1].credentials.sshKey must be an absolute path (for example /run/secrets/voice-git)",
        '13:19: repositories[1].forge.kind must be github, gitlab or gitea, and not "githb" (did you mean "github"?)',
    ]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", "1:1: the configuration is empty (it begins with apiVersion: penstock/v1)"),
        (
            "- x\n",
            (
                "1:1: the document must be a mapping of keys "
                "(known keys: apiVersion, kind, repositories, receivers, notifications)"
            ),
        ),
        ("a: [\n", "2:1: "),
        (f"{HEAD}---\n{HEAD}", "3:1: "),
        (f"{HEAD}repositories:\n", "3:1: repositories has no value (give it one or remove the key)"),
        (f"{HEAD}repositories: [{{name: a}}]\n", "3:16: repositories[0].url is missing"),
    ],
)
def test_whatever_the_text_is_it_has_a_place(tmp_path: Path, text: str, mistake: str) -> None:
    assert mistakes(tmp_path, text)[0].startswith(mistake)


@pytest.mark.parametrize(
    ("keys", "mistake"),
    [
        ("credentials: {token: {env: A}, githubApp: {id: '1', key: /k}}", "must hold only one of token, sshKey"),
        ("credentials: {username: oauth2}", "names a username without a token"),
        ("forge: {kind: gitlab}", "must hold exactly one of token or app"),
        ("forge: {kind: gitlab, app: {id: '1', key: /k}}", "cannot hold app: only GitHub has apps"),
        ("webhookSecret: hunter2hunter2", "must be a mapping of keys"),
        ("webhookSecret: {env: 'hunter2 hunter2'}", "must be the name of an environment variable"),
        ("branch: a..b", "cannot be used: 'a..b' is not a branch name"),
    ],
)
def test_what_does_not_go_together_is_a_mistake(tmp_path: Path, keys: str, mistake: str) -> None:
    text = f"{HEAD}repositories:\n  - name: voice\n    url: /srv/voice.git\n    {keys}\n"
    (found,) = mistakes(tmp_path, text)
    assert mistake in found


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsInvalid, match=f"{tmp_path}/none.yaml cannot be read: No such file or directory"):
        read_configuration(tmp_path / "none.yaml")
    (tmp_path / "large.yaml").write_bytes(b"#" * (1024**2 + 1))
    with pytest.raises(SettingsInvalid, match="is larger than 1024 KiB"):
        read_configuration(tmp_path / "large.yaml")
