"""One flow on two sides: the content of each, a flow file or an exported version, and their differences."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from controller.domain.desired import Organization, SourceFile
from controller.domain.identity import FlowKey
from controller.domain.redaction import SECRETS
from controller.flows.diff import diff_definitions, diff_sources
from controller.flows.diff_model import FlowDiff
from controller.flows.flow_file import parse


class ContentForm(StrEnum):
    """The form of a content. Only contents of one form can be compared."""

    SOURCE = "source"
    """Archy YAML."""
    DEFINITION = "definition"
    """Nodes and transitions of the versioned dialect."""


@dataclass(frozen=True, slots=True)
class FlowContent:
    """The content of a flow with its origin."""

    form: ContentForm
    document: Mapping[str, object] = field(repr=False)
    organization: str
    version: str | None = None
    """None for a file."""
    file: str | None = None
    """Relative to the repository; None for a version."""

    @property
    def place(self) -> str:
        """Its origin, for display."""
        return self.file or f"version {self.version}"


def source_content(organization: Organization, source: SourceFile) -> FlowContent:
    """A flow file of the repository."""
    return FlowContent(ContentForm.SOURCE, parse(source.text.read()).document, organization.name, file=source.file)


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

    @property
    def places(self) -> str:
        """`3.0 -> flows/greeting.yaml`; with the organisations' names where the sides are of two."""
        return f"{self._place(self.before, self.after)} -> {self._place(self.after, self.before)}"

    def entries(self) -> Iterator[tuple[str, str]]:
        """Sign and text of each difference, after a reason why there is no comparison."""
        if self.note:
            yield "!", f"not compared: {self.note}" if self.diff is None else self.note
        elif self.different is False:
            yield "=", "no difference"
        for entry in self.diff.entries if self.diff else ():
            sign, _, text = str(entry).partition(" ")
            yield sign, text

    def _place(self, content: FlowContent | None, other: FlowContent | None) -> str:
        if content is None:
            return "?" if self.diff is None else "nothing"
        elsewhere = other is not None and other.organization != content.organization
        return f"{content.organization} {content.place}" if elsewhere else content.place


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
    document: Mapping[str, object] = {}
    if content.form is ContentForm.SOURCE:
        root, flow = next(iter(content.document.items()))
        document = {root: {"name": flow.get("name")} if isinstance(flow, Mapping) else {}}
    return FlowContent(content.form, document, content.organization)
