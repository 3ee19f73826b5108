"""Settings are read from the environment as pydantic-settings reads texts."""

from __future__ import annotations

import pytest
from pydantic_settings import EnvSettingsSource, InitSettingsSource

from controller.reconcile.settings import Settings


@pytest.mark.parametrize("written", [str.upper, str.lower, str.title])
def test_every_variable_is_the_text_that_its_field_reads(
    monkeypatch: pytest.MonkeyPatch, written: type[str.upper]
) -> None:
    """It fails for a field that pydantic-settings would read as JSON, and for one that has another name."""
    for name in Settings.model_fields:
        monkeypatch.setenv(written(f"penstock_{name}"), f"text of {name}")
    monkeypatch.setenv("OTHER_STORE", "text")
    library = EnvSettingsSource(Settings)
    none = InitSettingsSource(Settings, {})

    _, own = Settings.settings_customise_sources(Settings, none, library, none, none)

    assert own() == library() == {name: f"text of {name}" for name in Settings.model_fields}


def test_a_variable_that_is_empty_or_absent_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PENSTOCK_REPOSITORY_URL", "")
    assert Settings.model_fields["branch"].default is None
    with pytest.raises(ValueError, match="repository_url"):
        Settings()
    monkeypatch.delenv("PENSTOCK_REPOSITORY_URL")
    assert (Settings().repository_url, Settings().branch) == (None, None)
