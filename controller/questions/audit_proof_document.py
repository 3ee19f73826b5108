"""The proof of the audit log as a document: `penstock.audit-proof/v1`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from controller.domain.documents import filled
from controller.questions.audit_proof import AuditProof, ProvenChain


@dataclass(frozen=True, slots=True, kw_only=True)
class ChainFindingDocument:
    """Something that is not as it was written."""

    where: str
    """`file:line`, `position N` in the store, `commit ID`, or `record`."""
    organization: str
    """`metadata.name`."""
    at: str | None
    """The time of the entry or commit, ISO 8601, as it is there."""
    what: str
    """What is wrong with it, for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenChainDocument:
    """The chain of an organisation."""

    organization: str
    """`metadata.name`."""
    entries: int | None
    """Its entries in the store; null without a store."""
    first: int | None
    """The position of the oldest entry; null where there is none."""
    last: int
    """The position at the end of the chain; 0 where there is none."""
    digest: str | None
    """The digest at the end of the chain; null where there is none."""
    filed: int
    """Lines of daily files that belong to it."""
    commits: int
    """Record commits whose head was compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditProofDocument:
    """`penstock audit verify --format json`: what was checked, and what is broken.

    The exit code is 1 where `whole` is false.
    """

    schema: Literal["penstock.audit-proof/v1"] = "penstock.audit-proof/v1"
    whole: bool
    """Whether nothing that was checked is broken."""
    findings: Sequence[ChainFindingDocument]
    """What is broken."""
    unchecked: Sequence[str]
    """What could not be checked, and why, for people."""
    chains: Sequence[ProvenChainDocument]
    """What was checked, in order of organisation."""


def audit_proof_document(proof: AuditProof, *, with_store: bool) -> AuditProofDocument:
    """The document of a proof; `with_store` is whether a store was read."""
    return AuditProofDocument(
        whole=not proof.findings,
        findings=[filled(ChainFindingDocument, each) for each in proof.findings],
        unchecked=proof.unchecked,
        chains=[_chain(each, with_store=with_store) for each in proof.chains],
    )


def _chain(chain: ProvenChain, *, with_store: bool) -> ProvenChainDocument:
    return filled(
        ProvenChainDocument,
        chain,
        entries=chain.entries if with_store else None,
        last=chain.head.position,
        digest=chain.head.digest if chain.head.position else None,
    )
