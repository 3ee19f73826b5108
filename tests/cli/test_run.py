"""What `penstock run` follows, and how loudly it logs."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import structlog

from controller.cli.main import run


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_STORE", f"sqlite:///{tmp_path / 'store.db'}")
    monkeypatch.setenv("PENSTOCK_WORK_DIR", str(tmp_path / "work"))


def test_without_a_repository_it_ends_with_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A variable that is misspelt does not look like a service at work."""
    monkeypatch.setenv("PENSTOCK_REPOSITORY_ULR", "https://git.example.com/flows.git")

    assert run(["run"]) == 1

    told = capsys.readouterr().err
    assert "penstock: there is no repository to follow" in told
    assert "PENSTOCK_REPOSITORY_URL" in told
    assert "--demo" in told
    assert not (tmp_path / "work").exists()


@pytest.mark.parametrize(
    ("arguments", "variable"), [(["."], ""), ([], "PENSTOCK_REPOSITORY_URL"), ([], "PENSTOCK_CONFIG")]
)
def test_the_demonstration_beside_another_repository_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    variable: str,
) -> None:
    file = tmp_path / "configuration.yaml"
    file.write_text(
        "apiVersion: penstock/v1\nkind: Configuration\nrepositories:\n  - {name: voice, url: /srv/voice.git}\n"
    )
    if variable:
        monkeypatch.setenv(variable, str(file))

    assert run(["run", "--demo", *arguments]) == 1

    assert f"--demo and {variable or 'the folder'}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "level"),
    [
        (["run"], logging.INFO),
        (["validate", "nowhere"], logging.WARNING),
        (["--log-level", "error", "run"], logging.ERROR),
    ],
)
def test_the_service_logs_at_info_and_other_commands_at_warning(arguments: list[str], level: int) -> None:
    run(arguments)

    assert structlog.get_logger().get_effective_level() == level
