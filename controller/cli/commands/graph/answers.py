"""Answers to questions about a graph, as text and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from controller.domain.documents import filled
from controller.domain.visible import visible
from controller.graphs.compatibility import Compatibility
from controller.graphs.document import CompatibilityDocument, ImpactDocument, IndexDocument
from controller.graphs.model import Graph, Node, Unanswered
from controller.graphs.questions import Impact
from controller.questions.dependency_graph import IndexCheck


@dataclass(frozen=True, slots=True)
class GraphAnswers:
    """The answers; None to a question that was not asked."""

    impact: tuple[Impact, ...] | None = None
    changed: tuple[str, ...] = ()
    """Where the impact starts."""
    cycles: tuple[tuple[str, ...], ...] | None = None
    orphans: tuple[Node, ...] | None = None
    missing: tuple[Unanswered, ...] | None = None
    compatibility: tuple[Compatibility, ...] | None = None
    order: tuple[tuple[str, ...], ...] | None = None
    index: IndexCheck | None = None
    noun: str = "flow"
    """The word for the graph's nodes."""

    @property
    def asked(self) -> bool:
        """Whether an answer replaces the drawing of the whole graph."""
        return any(each is not None for each in self._parts)

    @property
    def passed(self) -> bool:
        """Whether a pipeline may continue: no cycle, no missing and no incompatible flow was found.

        Compatibility of no flows at all proves nothing, and stops it.
        """
        judged = self.compatibility is None or len(self.compatibility) > 0
        incompatible = any(not each.compatible for each in self.compatibility or ())
        return judged and not (incompatible or self.cycles or self.missing)

    @property
    def _parts(self) -> tuple[object, ...]:
        return self.impact, self.cycles, self.orphans, self.missing, self.compatibility, self.order

    def part_of(self, graph: Graph) -> Graph:
        """The part of the graph that the answers are about, for drawings."""
        if all(each is None for each in (self.impact, self.cycles, self.orphans, self.missing)):
            return graph
        keys = {*self.changed, *(step.key for step in self.impact or ())}
        keys |= {key for cycle in self.cycles or () for key in cycle}
        keys |= {node.key for node in self.orphans or ()}
        keys |= {item.consumer for item in self.missing or ()}
        return graph.part(keys)


def answers_text(answers: GraphAnswers) -> str:
    """A paragraph for each answer."""
    paragraphs = [_impact(answers), _cycles(answers), _orphans(answers), _missing(answers), _compatibility(answers)]
    paragraphs.append(_order(answers))
    return "\n".join("".join(f"{line}\n" for line in lines) for lines in map(list, paragraphs) if lines)


def answers_fields(answers: GraphAnswers) -> dict[str, object]:
    """The fields of `penstock.graph/v1` that answer the questions; None where one was not asked."""
    found, index, verdicts = answers.impact, answers.index, answers.compatibility
    return {
        "changed": None if found is None else answers.changed,
        "impact": None if found is None else [filled(ImpactDocument, step) for step in found],
        "compatibility": None
        if verdicts is None
        else [filled(CompatibilityDocument, each, each.key) for each in verdicts],
        "index": None if index is None else filled(IndexDocument, index),
    }


def _impact(answers: GraphAnswers) -> Iterator[str]:
    if answers.impact is None:
        return
    changed = visible(", ".join(answers.changed))
    yield f"{_count(answers.impact, answers.noun)} affected when {changed} changes" + (":" if answers.impact else "")
    for step in answers.impact:
        yield f"  {visible(' <- '.join(step.path))}"


def _cycles(answers: GraphAnswers) -> Iterator[str]:
    if answers.cycles is None:
        return
    yield "no cycles" if not answers.cycles else "one shortest cycle of each group that goes round:"
    for cycle in answers.cycles:
        yield f"  {visible(' -> '.join(cycle))}"


def _orphans(answers: GraphAnswers) -> Iterator[str]:
    if answers.orphans is None:
        return
    yield f"{_count(answers.orphans, answers.noun)} used by no other" + (":" if answers.orphans else "")
    for node in answers.orphans:
        yield f"  {visible(node.key)}"


def _missing(answers: GraphAnswers) -> Iterator[str]:
    if answers.missing is None:
        return
    yield "no missing references" if not answers.missing else "references that lead nowhere:"
    for item in answers.missing:
        types = f" ({' or '.join(item.types)})" if item.types else ""
        meant = f"; did you mean {item.close!r}?" if item.close else ""
        place = visible(f"{item.origin or item.path}{meant}")
        yield f'  {visible(item.consumer)} -> "{visible(item.name)}"{types} at {place}'


def _compatibility(answers: GraphAnswers) -> Iterator[str]:
    if answers.compatibility is None:
        return
    failed = sum(not each.compatible for each in answers.compatibility)
    yield (
        f"{len(answers.compatibility) - failed} of {len(answers.compatibility)} flows are compatible"
        if answers.compatibility
        else "no flow was there to be judged"
    )
    for each in answers.compatibility:
        mark, found = ("ok  ", "") if each.compatible else ("FAIL", f": {'; '.join(each.problems)}")
        version = f" {each.version}" if each.version else ""
        name = each.flow if str(each.key) in each.flow else f"{each.flow} ({each.key})"
        yield f"  {mark} {visible(f'{name}{version}{found}')}"


def _order(answers: GraphAnswers) -> Iterator[str]:
    for number, wave in enumerate(answers.order or (), 1):
        yield f"wave {number}: {visible(', '.join(wave))}"


def _count(items: Sequence[object], noun: str) -> str:
    return f"1 {noun} is" if len(items) == 1 else f"{len(items) or 'no'} {noun}s are"
