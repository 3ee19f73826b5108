"""`penstock import` from what was asked for to files that were read back, and what is told of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from controller.cli import exit_codes
from controller.cli.bars import progress_bar
from controller.cli.running import opened_services, tell_uncommitted
from controller.domain.errors import PenstockError, SettingsInvalid
from controller.domain.visible import visible
from controller.domain.wording import counted
from controller.questions.importing import Imported, importable, take_back, write
from controller.reconcile import Services, Settings, Workspace, load_settings, open_folder

IMPORT_SCHEMA = "penstock.import/v1"


@dataclass(frozen=True, slots=True)
class ImportRequest:
    folder: Path
    flows: tuple[str, ...] = ()
    organizations: tuple[str, ...] = ()
    into: Path | None = None
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class ImportResult:
    organization: str
    into: Path
    flows: tuple[Imported, ...]
    written: bool
    asked_for: bool
    """Whether flows were named: then each of them has to be brought in."""

    @property
    def skipped(self) -> list[Imported]:
        return [flow for flow in self.flows if flow.skipped]

    @property
    def exit_code(self) -> int:
        return exit_codes.ERROR if self.asked_for and self.skipped else exit_codes.DONE


def bring_in(request: ImportRequest) -> ImportResult:
    """Export, write, and read back; when that does not give the same flows, nothing stays on the disk."""
    settings = load_settings()
    workspace = open_folder(request.folder, settings, request.organizations)
    tell_uncommitted(workspace)
    if len(workspace.desired.organizations) != 1:
        names = ", ".join(each.name for each in workspace.desired.organizations)
        raise SettingsInvalid("flows are imported from one organisation", hint=f"--organization: {names}")
    (organization,) = workspace.desired.organizations
    into = request.into or workspace.repository.top / Path(organization.origin.file).parent
    with opened_services(settings) as services:
        found = asyncio.run(_read(services, workspace, request.flows))
    if not request.dry_run:
        write(into, found)
        _read_back(request, settings, organization.name, into, found)
    return ImportResult(
        organization.name, into, tuple(found), written=not request.dry_run, asked_for=bool(request.flows)
    )


async def _read(services: Services, workspace: Workspace, said: tuple[str, ...]) -> list[Imported]:
    (organization,) = workspace.desired.organizations
    try:
        with progress_bar("exporting flows") as advance:
            return await importable(services, organization, said, advance)
    finally:
        await services.disconnect()


def _read_back(
    request: ImportRequest, settings: Settings, organization: str, into: Path, found: list[Imported]
) -> None:
    try:
        after = open_folder(request.folder, settings, [organization]).organization(organization)
        missing = {flow.key for flow in found if flow.files} - {flow.key for flow in after.flows}
        if missing:
            raise SettingsInvalid(
                f"manifests in {into} are not those of {organization}: {', '.join(map(str, sorted(missing)))}",
                hint="import into the folder of its Organization manifest, or below it",
            )
    except PenstockError:
        take_back(into, found)
        raise


def import_document(result: ImportResult) -> dict[str, object]:
    """The `penstock.import/v1` document."""
    return {
        "schema": IMPORT_SCHEMA,
        "organization": result.organization,
        "folder": str(result.into),
        "written": result.written,
        "flows": [
            {
                "flow": flow.name or None,
                "type": flow.key.type,
                "name": flow.key.name,
                "version": flow.version,
                "manifest": flow.manifest_file if flow.name else None,
                "source": flow.source_file,
                "skipped": flow.skipped or None,
            }
            for flow in result.flows
        ],
    }


def import_text(result: ImportResult) -> str:
    """A line for each flow, a count, and what to do next."""
    return "".join(f"{line}\n" for line in _lines(result))


def _lines(result: ImportResult) -> Iterator[str]:
    for flow in result.flows:
        what = visible(f'{flow.key.type} "{flow.key.name}"')
        yield (
            f"! {what}: {visible(flow.skipped)}"
            if flow.skipped
            else f"+ {', '.join(flow.files)}: {what} {flow.version}"
        )
    count = len(result.flows) - len(result.skipped)
    flows = counted(count, "flow")
    if not result.flows:
        yield f"every published flow of {result.organization} has a manifest"
    elif not result.written:
        yield f"{flows} would be written to {result.into}"
    else:
        yield f"{flows} written to {result.into}"
    if result.written and count:
        yield "look at them and commit them; `penstock plan` shows them as adopted: nothing is published again"
