"""`penstock trace settings`: how an organisation records executions (`penstock.recording/v1`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal

import typer

from controller.cli.commands.trace.options import AnyFlow
from controller.cli.options import FolderOption, Format, OneOrganization, TextOrJson
from controller.cli.running import answer, opened_services
from controller.cli.workspace import actor, only_organization
from controller.domain.documents import filled, json_text
from controller.domain.recording import LogLevel
from controller.domain.visible import visible
from controller.questions.recording import RecordingRequest, RecordingSettings, recording_settings
from controller.reconcile.settings import load_settings
from controller.reconcile.workspace import open_folder


class Switch(StrEnum):
    ON = "on"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelDocument:
    """The level of all other flows."""

    level: str
    """The log level, by the organisation's name."""
    left_out: Sequence[str]
    """The data that it does not record, by the organisation's names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowLevelDocument:
    """The level of a flow."""

    type: str
    """The flow's type."""
    name: str
    """The flow's name."""
    level: str
    """The log level, by the organisation's name."""
    left_out: Sequence[str]
    """The data that it does not record, by the organisation's names."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingDocument:
    """`penstock trace settings --format json`: the organisation's recording of executions, after the changes."""

    schema: Literal["penstock.recording/v1"] = "penstock.recording/v1"
    organization: str
    """The organisation with these settings."""
    execution_data: bool
    """Whether anything is recorded."""
    default: LevelDocument
    """The level of the flows without settings of their own."""
    flows: Sequence[FlowLevelDocument]
    """The flows with a level of their own; with `--flow` only that one, with the level that holds for it."""
    changed: Sequence[str]
    """The changes that this call made, in words."""


_Level = Annotated[
    str | None, typer.Option("--level", help="Set Disabled, Base, Notes, VerboseNotes, All; for --flow also default.")
]
_ExecutionData = Annotated[
    Switch | None, typer.Option("--execution-data", help="Turn recording in the whole organisation on or off.")
]


def settings(
    folder: FolderOption = Path(),
    organization: OneOrganization = None,
    flow: AnyFlow = None,
    level: _Level = None,
    execution_data: _ExecutionData = None,
    output: Format = TextOrJson.TEXT,
) -> None:
    """Change the settings where options say so, then show them."""
    request = RecordingRequest(flow, level, None if execution_data is None else execution_data is Switch.ON)
    ours = load_settings()
    workspace = open_folder(folder, ours, (organization,) if organization else ())
    chosen = only_organization(workspace, "what is recorded")
    with opened_services(ours) as services:
        shown = answer(services, recording_settings(services, chosen, request, by=actor()))
    if output is TextOrJson.JSON:
        print(json_text(_document(chosen.name, shown)))
    else:
        _show(chosen.name, shown, turned_on=bool(request.execution_data))


def _show(name: str, shown: RecordingSettings, *, turned_on: bool) -> None:
    for change in shown.changed:
        print(f"{name}: changed: {visible(change)}")
    print(f"{name}: execution data is {'on' if shown.execution_data else 'off'}")
    if turned_on:
        print("  only versions that are published from now on are recorded: publish the flows again")
    print(f"  {'log level by default':<40} {_words(shown.default)}")
    for key, level in sorted(shown.own.items()):
        print(f"  {visible(str(key)):<40} {_words(level)}")


def _words(level: LogLevel) -> str:
    incomplete = level.records and level.left_out
    return f"{level.level}, without {', '.join(level.left_out)}" if incomplete else level.level


def _document(name: str, shown: RecordingSettings) -> RecordingDocument:
    return RecordingDocument(
        organization=name,
        execution_data=shown.execution_data,
        default=filled(LevelDocument, shown.default),
        flows=[filled(FlowLevelDocument, key, level) for key, level in sorted(shown.own.items())],
        changed=shown.changed,
    )
