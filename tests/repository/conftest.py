"""Git without settings of the machine, and a folder of repositories for each test."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.repository.site import Site


@pytest.fixture(autouse=True)
def clean_git(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in [name for name in os.environ if name.startswith(("GIT_", "SSH_"))]:
        if name not in ("GIT_PYTHON_REFRESH", "GIT_CONFIG_GLOBAL"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    root = tmp_path / "site"
    root.mkdir()
    return Site(root)
