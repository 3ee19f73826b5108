"""`penstock import`: existing flows come under git."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import typer

from controller.cli import exit_codes
from controller.cli.options import FolderOption, Format, Organizations, TextOrJson
from controller.cli.progress_bars import plan_bar
from controller.cli.running import answer, opened_services
from controller.cli.workspace import only_organization, opened_workspace
from controller.domain.documents import filled, json_text, optional
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.process import SettingsInvalid
from controller.domain.resources import MissingResource
from controller.domain.visible import visible
from controller.domain.wording import counted
from controller.planning.rendering.document import resource_document
from controller.planning.rendering.document_model import MissingResourceDocument
from controller.planning.resources import missing_words
from controller.questions.importing import Imported, importable, take_back, write
from controller.reconcile.settings import Settings, load_settings
from controller.reconcile.workspace import open_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedFlowDocument:
    """An imported flow."""

    flow: str | None
    """`metadata.name`; null when it was skipped."""
    type: str
    """The flow's type."""
    name: str
    """The flow's name."""
    version: str | None
    """The published version."""
    manifest: str | None
    """The manifest, below the folder."""
    source: str | None
    """The flow file, below the folder; null where the manifest pins the version."""
    skipped: str | None
    """Why nothing was written."""
    missing_resources: Sequence[MissingResourceDocument] | None = optional()
    """The resources that the flow file names and the organisation lacks, where there are any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportDocument:
    """`penstock import --format json`: the files that were written for flows without a manifest."""

    schema: Literal["penstock.import/v1"] = "penstock.import/v1"
    organization: str
    """Where the flows are live."""
    folder: str
    """Where the files are."""
    written: bool
    """False with `--dry-run`."""
    flows: Sequence[ImportedFlowDocument]
    """One entry for each flow, by type and name."""


_Flows = Annotated[
    list[str] | None,
    typer.Argument(metavar="[FLOW]...", help="type/name, name or id; * and ? match any letters; all by default."),
]
_Into = Annotated[
    Path | None, typer.Option("--into", help="Write here.", show_default="the folder of the Organization manifest")
]
_DryRun = Annotated[bool, typer.Option("--dry-run", help="Show the files, and write none.")]


@dataclass(frozen=True, slots=True)
class _Result:
    organization: str
    into: Path
    flows: Sequence[Imported]
    written: bool

    @property
    def skipped(self) -> list[Imported]:
        return [flow for flow in self.flows if flow.skipped]


def import_(
    flows: _Flows = None,
    folder: FolderOption = Path(),
    organization: Organizations = None,
    into: _Into = None,
    dry_run: _DryRun = False,
    output: Format = TextOrJson.TEXT,
) -> int:
    """Export, write, and read back; 1 when a flow that was asked for is skipped.

    When the manifests that were written do not give the same flows, the files are deleted again.
    """
    settings = load_settings()
    workspace = opened_workspace(folder, settings, organization)
    chosen = only_organization(workspace, "an import")
    into = into or workspace.repository.top / Path(chosen.origin.file).parent
    with opened_services(settings) as services, plan_bar("exporting flows") as listener:
        found = answer(services, importable(services, chosen, tuple(flows or ()), listener))
    if not dry_run:
        write(into, found)
        _read_back(folder, settings, chosen.name, into, found)
    result = _Result(chosen.name, into, found, written=not dry_run)
    if output is TextOrJson.JSON:
        print(json_text(_document(result)))
    else:
        print("".join(f"{line}\n" for line in _lines(result)), end="")
    return exit_codes.ERROR if flows and result.skipped else exit_codes.DONE


def _read_back(folder: Path, settings: Settings, organization: str, into: Path, found: list[Imported]) -> None:
    try:
        after = open_folder(folder, settings, [organization]).organization(organization)
        missing = {flow.key for flow in found if flow.files} - {flow.key for flow in after.flows}
        if missing:
            raise SettingsInvalid(
                f"manifests in {into} are not those of {organization}: {', '.join(map(str, sorted(missing)))}",
                hint="import into the folder of its Organization manifest, or below it",
            )
    except PenstockError:
        take_back(into, found)
        raise


def _document(result: _Result) -> ImportDocument:
    return ImportDocument(
        organization=result.organization,
        folder=str(result.into),
        written=result.written,
        flows=[
            filled(
                ImportedFlowDocument,
                flow.key,
                flow=flow.name or None,
                version=flow.version,
                manifest=flow.manifest_file if flow.name else None,
                source=flow.source_file,
                skipped=flow.skipped or None,
                missing_resources=[resource_document(each, flow.source_file) for each in flow.missing] or None,
            )
            for flow in result.flows
        ],
    )


def _lack(flow: Imported, missing: MissingResource) -> str:
    line, column = missing.reference.position or (1, 1)
    return missing_words(missing, f"{flow.source_file}:{line}:{column}")


def _lines(result: _Result) -> Iterator[str]:
    """A line for each flow, a count, and what to do next."""
    for flow in result.flows:
        what = visible(f'{flow.key.type} "{flow.key.name}"')
        yield (
            f"! {what}: {visible(flow.skipped)}"
            if flow.skipped
            else f"+ {', '.join(flow.files)}: {what} {flow.version}"
        )
        yield from (f"    the organisation lacks {visible(_lack(flow, each))}" for each in flow.missing)
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
