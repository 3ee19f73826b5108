"""Audit logs to tamper with, and what `penstock audit verify` then finds."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from controller.questions.audit_proof import AuditProof, AuditProver, Recorded
from controller.repository.audit_heads import AuditHead
from controller.store.audit import AuditEntry
from controller.store.audit_reading import AuditReading
from controller.store.store import Store
from tests.support.clock import SteppedClock

ORGANIZATION = "production"


def append(store: Store, count: int, clock: SteppedClock, organization: str = ORGANIZATION) -> None:
    """Entries with all kinds of values, an hour apart."""
    for number in range(count):
        store.audit.append(
            AuditEntry(
                organization,
                "publish",
                "success" if number % 2 else "failure",
                "Ada Ä",
                flow="inboundcall/Main IVR",
                latency_ms=0.1 + number,
                error=None if number % 2 else "no room",
                details={"number": number, "share": 1 / 3, "words": ["ä", None, True]},
                webhook_synced=False if number % 3 == 0 else None,
            )
        )
        clock.advance(3600)


def proven(
    store: str | AuditReading | None,
    folders: Sequence[Path] = (),
    commits: Sequence[AuditHead] = (),
    since: date = date(2026, 1, 1),
) -> AuditProof:
    """The proof of a store, by its URL or open, files and record commits, of which files are kept since that day."""
    if isinstance(store, str):
        with AuditReading.open(store) as reading:
            return proven(reading, folders, commits, since)
    heads = {ORGANIZATION: tuple(commits)} if commits else {}
    return AuditProver(store, folders, Recorded(heads, {}), since).prove()


def told(proof: AuditProof) -> list[str]:
    return [str(each) for each in proof.findings]
