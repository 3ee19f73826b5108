"""`penstock audit verify`: proves the audit log, and says what it could not prove."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from controller.cli import exit_codes
from controller.cli.commands.audit.options import InOrganization
from controller.cli.options import FolderOption, Format, TextOrJson
from controller.domain.documents import json_text
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.process import StoreFailed
from controller.domain.visible import visible
from controller.domain.wording import counted
from controller.questions.audit_proof import AuditProof, AuditProver, ProvenChain, Recorded, recorded_heads
from controller.questions.audit_proof_document import audit_proof_document
from controller.reconcile.settings import Settings, load_settings
from controller.reconcile.workspace import open_folder
from controller.store.audit_reading import AuditReading

_Files = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Folders of daily files, of all processes; PENSTOCK_AUDIT_DIR by default.", metavar="[FILES]..."
    ),
]


def verify(
    files: _Files = None,
    organization: InOrganization = None,
    folder: FolderOption = Path(),
    output: Format = TextOrJson.TEXT,
) -> int:
    """Print what is broken and what could not be checked; the exit code is 0 where nothing is broken.

    Raises StoreFailed where there is neither a store nor a folder of daily files.
    """
    settings = load_settings()
    unchecked: list[str] = []
    folders = files or ([settings.audit_dir] if settings.audit_dir is not None else [])
    if not folders:
        unchecked.append("daily files: no folder is given, and PENSTOCK_AUDIT_DIR is not set")
    recorded = _recorded(folder, settings, organization, unchecked)
    reading = _opened(settings, folders, unchecked)
    try:
        oldest_day = (datetime.now(UTC) - timedelta(days=settings.audit_days)).date()
        proof = AuditProver(reading, folders, recorded, oldest_day).prove(organization)
    finally:
        if reading is not None:
            reading.close()
    proof.unchecked[:0] = unchecked
    if output is TextOrJson.JSON:
        print(json_text(audit_proof_document(proof, with_store=reading is not None)))
    else:
        _print(proof, with_store=reading is not None)
    return exit_codes.ERROR if proof.findings else exit_codes.DONE


def _recorded(folder: Path, settings: Settings, organization: str | None, unchecked: list[str]) -> Recorded:
    try:
        workspace = open_folder(folder, settings, [organization] if organization else ())
    except PenstockError as error:
        unchecked.append(f"record commits: {error.message}")
        return Recorded({}, {})
    return recorded_heads(workspace, unchecked)


def _opened(settings: Settings, folders: Sequence[Path], unchecked: list[str]) -> AuditReading | None:
    try:
        return AuditReading.open(settings.store)
    except StoreFailed as error:
        if not folders:
            raise
        unchecked.append(f"store: {error.message}; the files are only checked against themselves and record commits")
        return None


def _print(proof: AuditProof, *, with_store: bool) -> None:
    for each in proof.findings:
        print(visible(f"broken: {each}"))
    for what in proof.unchecked:
        print(visible(f"not checked: {what}"))
    for chain in proof.chains:
        print(visible(_summary(chain, with_store=with_store)))
    if not proof.chains and not proof.findings:
        print("there is no entry to check")
    print(f"{counted(len(proof.findings), 'finding')}; what was checked is {'broken' if proof.findings else 'whole'}")


def _summary(chain: ProvenChain, *, with_store: bool) -> str:
    store = f"{_entries(chain.entries)} in the store, " if with_store else ""
    begins = "" if chain.first is None else f"positions {chain.first} to {chain.head.position}, "
    others = f"{counted(chain.filed, 'line')} in files, {counted(chain.commits, 'record commit')}"
    end = f"; it ends with {chain.head.digest}" if chain.head.position else ""
    return f"{chain.organization}: {store}{begins}{others}{end}"


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"
