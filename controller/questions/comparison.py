"""Compares two contents of one flow: the differences in Architect's terms, or why they are unknown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from controller.domain.identity import FlowKey
from controller.domain.redaction import SECRETS
from controller.flows.diff import diff_definitions, diff_sources
from controller.flows.diff_model import FlowDiff
from controller.questions.flow_content import ContentForm, FlowContent


@dataclass(frozen=True, slots=True)
class FlowComparison:
    """One flow on both sides."""

    flow: str
    """`metadata.name`; `type/name` for a flow without a manifest."""
    key: FlowKey
    before: FlowContent | None = None
    """None if the flow does not exist on that side."""
    after: FlowContent | None = None
    diff: FlowDiff | None = None
    """None without a comparison; `note` gives the reason."""
    note: str = ""

    @property
    def different(self) -> bool | None:
        """None if that is unknown."""
        if self.diff is None:
            return None
        return not self.diff.empty or (self.before is None) != (self.after is None)


def compared(flow: str, key: FlowKey, before: FlowContent | None, after: FlowContent | None) -> FlowComparison:
    """The comparison. A flow that only one side has is added or removed as a whole."""
    one, other = before or _nothing_like(after), after or _nothing_like(before)
    if one is None or other is None:
        return FlowComparison(flow, key, diff=FlowDiff(), note="neither side has it")
    if one.form is not other.form:
        note = f"a {one.form.value} cannot be compared with a {other.form.value}"
        return FlowComparison(flow, key, before, after, note=note)
    difference = diff_sources if one.form is ContentForm.SOURCE else diff_definitions
    return FlowComparison(flow, key, before, after, difference(one.document, other.document, mask=SECRETS.text))


def _nothing_like(content: FlowContent | None) -> FlowContent | None:
    """The same flow without content."""
    if content is None:
        return None
    return FlowContent(content.form, _emptied(content), content.organization)


def _emptied(content: FlowContent) -> Mapping[str, object]:
    if content.form is ContentForm.DEFINITION:
        return {}
    root, flow = next(iter(content.document.items()))
    return {root: {"name": flow.get("name")} if isinstance(flow, Mapping) else {}}
