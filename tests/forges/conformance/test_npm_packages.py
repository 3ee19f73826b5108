"""Where a package of npm cannot be installed, a test skips, and fails in CI."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.node import installed, packed


@pytest.fixture(autouse=True)
def _no_registry(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Nothing listens at the registry's address, and nothing is kept of earlier installations."""
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9")
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_fetch_retries", "0")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.mark.parametrize("ask", [lambda: installed("gitea-js@1.23.0"), lambda: packed("gitea-js@1.23.0", "LICENSE")])
def test_an_absent_package_skips_and_fails_in_ci(
    ask: Callable[[], Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CI", "false")
    with pytest.raises(pytest.skip.Exception, match=r"gitea-js@1.23.0.* could not be installed"):
        ask()
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=r"gitea-js@1.23.0.* could not be installed"):
        ask()
    assert [one for one in tmp_path.iterdir() if one.name != "cache" and one.suffix != ".lock"] == []
