"""What an organisation records of executions, as people and programs read it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from controller.cli.executions import only_organization
from controller.cli.running import actor, opened_services
from controller.domain.desired import Organization
from controller.domain.identity import FlowKey
from controller.domain.recording import LogLevel
from controller.domain.visible import visible
from controller.questions.recording import RecordingSettings, RecordingWish, recording_settings
from controller.reconcile import Services, load_settings, open_folder


def show_settings(folder: Path, organization: str | None, wish: RecordingWish, *, as_json: bool) -> None:
    """Change what is wished for, then show how the settings stand."""
    settings = load_settings()
    chosen = only_organization(open_folder(folder, settings, (organization,) if organization else ()))
    with opened_services(settings) as services:
        shown = asyncio.run(_asked(services, chosen, wish))
    if as_json:
        print(json.dumps(_document(chosen.name, shown), indent=2, ensure_ascii=False))
    else:
        _tell(chosen.name, shown, turned_on=bool(wish.execution_data))


async def _asked(services: Services, organization: Organization, wish: RecordingWish) -> RecordingSettings:
    try:
        return await recording_settings(services, organization, wish, by=actor())
    finally:
        await services.disconnect()


def _tell(name: str, shown: RecordingSettings, *, turned_on: bool) -> None:
    for change in shown.changed:
        print(f"{name}: changed: {visible(change)}")
    print(f"{name}: execution data is {'on' if shown.execution_data else 'off'}")
    if turned_on:
        print("  only versions that are published from now on are recorded: publish the flows again")
    print(f"  {'log level by default':<40} {_words(shown.default)}")
    for key, level in sorted(shown.own.items()):
        print(f"  {visible(str(key)):<40} {_words(level)}")


def _words(level: LogLevel) -> str:
    told = level.records and level.left_out
    return f"{level.level}, without {', '.join(level.left_out)}" if told else level.level


def _document(name: str, shown: RecordingSettings) -> dict[str, object]:
    return {
        "schema": "penstock.recording/v1",
        "organization": name,
        "execution_data": shown.execution_data,
        "default": _level(shown.default),
        "flows": [_flow(key, level) for key, level in sorted(shown.own.items())],
        "changed": list(shown.changed),
    }


def _flow(key: FlowKey, level: LogLevel) -> dict[str, object]:
    return {"type": key.type, "name": key.name, **_level(level)}


def _level(level: LogLevel) -> dict[str, object]:
    return {"level": level.level, "left_out": list(level.left_out)}
