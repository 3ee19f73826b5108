"""Comparisons of flows as a document: `penstock.diff/v1`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from controller.domain.documents import filled, optional
from controller.flows.diff_model import DiffKind
from controller.questions.flow_comparison import FlowComparison
from controller.questions.promotion import Readiness


@dataclass(frozen=True, slots=True, kw_only=True)
class SideDocument:
    """A side of a comparison."""

    organization: str
    """The organisation."""
    version: str | None
    """The version; null for a file."""
    file: str | None
    """The file; null for a version."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DifferenceDocument:
    """A difference."""

    kind: DiffKind
    """`added`, `removed`, `moved` or `changed`."""
    what: str
    """The thing: `action 'Say' (playAudio)`."""
    where: str
    """The way to it; empty at the flow's top level."""
    setting: str
    """Which of its settings; empty when all of it is meant."""
    before: str | None
    """The older value, masked where it is secret."""
    after: str | None
    """The newer value, masked where it is secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowDiffDocument:
    """A compared flow."""

    flow: str
    """`metadata.name`; `type/name` for a flow that no manifest names."""
    type: str
    """The flow's type."""
    name: str
    """The flow's name."""
    from_: SideDocument | None
    """The older side; null when the flow is not there."""
    to: SideDocument | None
    """The newer side; null when the flow is not there."""
    different: bool | None
    """Whether it differs; null when it could not be compared."""
    note: str | None
    """Why it could not be compared."""
    summary: Mapping[str, int] | None
    """How many entries there are of each kind, zeros included."""
    entries: Sequence[DifferenceDocument]
    """The differences, in the order of the newer content."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedingFlowDocument:
    """A flow that needs a resource."""

    flow: str
    """`metadata.name`."""
    place: str
    """File, line and column."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LackedResourceDocument:
    """A resource that the organisation lacks."""

    kind: str
    """`queue`, `data-action`, `data-table`, `user-prompt`, `schedule`, ..."""
    name: str
    """The name as flows name it; of a data action `category / action`."""
    parts: Sequence[str]
    """The columns of a data table that are missing; empty where the whole resource is."""
    close: str | None
    """The name that is probably meant."""
    elsewhere: bool | None
    """Whether the organisation of `--from` has it; null where that cannot be told."""
    flows: Sequence[NeedingFlowDocument]
    """Who needs it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadinessDocument:
    """What the flows need."""

    from_: str
    """The organisation that the flows come from."""
    to: str
    """The organisation that they go to."""
    needed: int
    """How many resources the flow files name."""
    lacked: Sequence[LackedResourceDocument]
    """Those that the organisation of `--to` lacks."""
    unknown: Sequence[str]
    """The kinds that could not be read, in words."""
    notes: Sequence[str]
    """What is not compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffDocument:
    """`penstock diff --format json`: what differs in each flow that was compared."""

    schema: Literal["penstock.diff/v1"] = "penstock.diff/v1"
    flows: Sequence[FlowDiffDocument]
    """One entry for each flow; none with `--resources`."""
    resources: ReadinessDocument | None = optional()
    """With `--resources`: what the flows need and the organisation lacks."""


def readiness_document(readiness: Readiness) -> DiffDocument:
    """The document of what an organisation lacks."""
    lacked = [
        LackedResourceDocument(
            kind=each.missing.reference.kind,
            name=each.missing.reference.name,
            parts=each.missing.parts,
            close=each.missing.close,
            elsewhere=each.elsewhere,
            flows=[filled(NeedingFlowDocument, flow) for flow in each.flows],
        )
        for each in readiness.lacked
    ]
    found = filled(ReadinessDocument, readiness, from_=readiness.one, to=readiness.other, lacked=lacked)
    return DiffDocument(flows=[], resources=found)


def comparisons_document(comparisons: Iterable[FlowComparison]) -> DiffDocument:
    """The document of some comparisons."""
    return DiffDocument(flows=[_document(each) for each in comparisons])


def _document(each: FlowComparison) -> FlowDiffDocument:
    return filled(
        FlowDiffDocument,
        each,
        each.key,
        from_=filled(SideDocument, each.before) if each.before else None,
        to=filled(SideDocument, each.after) if each.after else None,
        note=each.note or None,
        summary=each.diff.summary() if each.diff else None,
        entries=[filled(DifferenceDocument, entry) for entry in (each.diff.entries if each.diff else ())],
    )
