"""A setting that is wrong ends the command with one sentence that names it, whatever is wrong with it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from controller.domain.errors.process import SettingsInvalid
from controller.reconcile.settings import Settings, load_settings
from tests.support.commands import run
from tests.support.patience import PATIENCE_S

_NUMBERS = ("x", "", "-1", "nan", "inf", "1e300", "9" * 5000, "1,5")
_WRONG = {
    "repository_url": (
        "http://user:hunter2hunter2@127.0.0.1:1/x.git",
        "https://user:hunter2hunter2@[::1/x.git",
        "https://user:hunter2hunter2@host:port/x.git",
        "user:hunter2hunter2@host/x.git\n",
        "not a url",
        "ftp://x/y",
        "",
        "-x",
        "ext::sh -c id",
        "http://[::1",
    ),
    "branch": ("..", "a b", "-x", "a.lock"),
    "manifests": ("/etc", "../elsewhere", "a/../../b"),
    "http_address": ("x", ":1", "host:", "host:port", "host:70000", "host:-1", "8081"),
    "notifications": ("maybe", "", "2"),
}


def _wrong() -> dict[str, tuple[str, ...]]:
    """Every setting that cannot be just any text or path, with values that are wrong."""
    numbers = (name for name, field in Settings.model_fields.items() if field.annotation in (int, float))
    return _WRONG | dict.fromkeys(numbers, _NUMBERS)


@pytest.mark.parametrize("name", _wrong())
def test_wrong_values_name_the_setting_and_show_no_password(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for value in _wrong()[name]:
        monkeypatch.setenv(f"PENSTOCK_{name.upper()}", value)

        with pytest.raises(SettingsInvalid, match=f"PENSTOCK_{name.upper()}: ") as caught:
            load_settings()

        assert "hunter2hunter2" not in f"{caught.value.message} {caught.value.hint}", value


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PENSTOCK_REPOSITORY_URL", "http://user:hunter2hunter2@127.0.0.1:1/x.git"),
        ("PENSTOCK_HTTP_ADDRESS", "203.0.113.1:1"),
        ("PENSTOCK_GIT_SSH_KEY", "/nowhere/key"),
        ("PENSTOCK_WEBHOOK_URL", "not a url"),
        ("PENSTOCK_STORE", "postgresql://host:port/db"),
        ("GIT_CONFIG_COUNT", "x"),
    ],
)
def test_the_service_ends_with_one_sentence(tmp_path: Path, name: str, value: str) -> None:
    environment = {
        **os.environ,
        "PENSTOCK_STORE": f"sqlite:///{tmp_path / 'store.db'}",
        "PENSTOCK_WORK_DIR": str(tmp_path / "work"),
        "PENSTOCK_REPOSITORY_URL": "ssh://127.0.0.1:1/x.git",
        "PENSTOCK_HTTP_ADDRESS": "127.0.0.1:0",
        "PENSTOCK_WEBHOOK_SECRET": "0123456789abcdef0123",
        name: value,
    }

    ended = run("run", env=environment, strict=False, timeout=PATIENCE_S)

    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "[settings-invalid]" in ended.stderr
    assert "hunter2hunter2" not in ended.stderr
    assert len([line for line in ended.stderr.splitlines() if line.startswith("penstock: ")]) == 1


@pytest.mark.parametrize("value", ["x", "-1"])
def test_a_wrong_count_of_git_settings_is_told_by_a_command(tmp_path: Path, value: str) -> None:
    environment = {**os.environ, "GIT_CONFIG_COUNT": value, "PENSTOCK_STORE": f"sqlite:///{tmp_path / 'store.db'}"}
    ended = run("plan", str(Path(__file__).parents[2]), env=environment, strict=False, timeout=PATIENCE_S)

    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "GIT_CONFIG_COUNT" in ended.stderr


def test_a_folder_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "PENSTOCK_STORE": f"sqlite:///{tmp_path / 'store.db'}",
        "PENSTOCK_HTTP_ADDRESS": "[::1]:0",
    }
    ended = run("run", str(tmp_path / "nowhere"), env=environment, strict=False, timeout=PATIENCE_S)

    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert "is not a folder" in ended.stderr


def test_the_stores_url_comes_from_a_file_where_one_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("postgresql://penstock:hunter2hunter2@db/penstock\n")
    monkeypatch.setenv("PENSTOCK_STORE", "sqlite:////var/lib/penstock/penstock.db")
    monkeypatch.setenv("PENSTOCK_STORE_FILE", str(tmp_path / "url"))

    assert load_settings().store == "postgresql://penstock:hunter2hunter2@db/penstock"


@pytest.mark.parametrize(
    ("content", "says"), [(None, "No such file"), (b"", "is empty"), (b"\xff", "not text in UTF-8")]
)
def test_a_file_without_the_stores_url_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None, says: str
) -> None:
    if content is not None:
        (tmp_path / "url").write_bytes(content)
    monkeypatch.setenv("PENSTOCK_STORE_FILE", str(tmp_path / "url"))

    with pytest.raises(SettingsInvalid, match=f"PENSTOCK_STORE_FILE: .*{tmp_path / 'url'}.*{says}"):
        load_settings()
