"""Reads flow files for manifests: each file once, each rendering once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from controller.domain.desired import Origin, SourceFile
from controller.domain.errors import FlowFileInvalid
from controller.domain.files import Budget, Files, FileUnreadable
from controller.domain.identity import FlowKey
from controller.flows.checks import mistakes
from controller.flows.flow_file import FlowFile, parse
from controller.flows.substitution import FlowTemplate, Rendered
from controller.manifests.report import Report
from controller.manifests.tree import MAXIMUM_BYTES, decode


@dataclass(frozen=True, slots=True)
class Template:
    """A flow file before substitution."""

    name: str
    """Path relative to the repository."""
    content: FlowTemplate


@dataclass(frozen=True, slots=True)
class Rendering:
    """A flow file with its values, parsed."""

    key: FlowKey
    source: SourceFile


class FlowFiles:
    """The flow files of one load."""

    def __init__(self, files: Files, report: Report, budget: Budget) -> None:
        self.files = files
        self._report = report
        self._budget = budget
        self._templates: dict[str, Template | None] = {}
        self._renderings: dict[tuple[str, tuple[tuple[str, str], ...]], Rendering | None] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """The flow files that were read, relative to the repository."""
        return tuple(sorted(template.name for template in self._templates.values() if template is not None))

    def template(self, path: str) -> Template | None:
        """A flow file that exists; None after its mistake was reported."""
        if path not in self._templates:
            self._templates[path] = self._read(path)
        return self._templates[path]

    def rendering(self, path: str, values: Mapping[str, str], asked_by: Origin) -> Rendering | None:
        """The file with exactly the values that its placeholders need; None after its mistakes were reported."""
        key = (path, tuple(sorted(values.items())))
        if key not in self._renderings:
            template = self.template(path)
            self._renderings[key] = self._render(template, values, asked_by) if template is not None else None
        return self._renderings[key]

    def _read(self, path: str) -> Template | None:
        try:
            content = self.files.content(path, MAXIMUM_BYTES)
        except FileUnreadable as error:
            self._report.add(Origin(path), f"the file cannot be read: {error}")
            return None
        self._budget.read(len(content or b""))
        text = decode(path, content, self._report)
        if text is None:
            return None
        try:
            return Template(path, FlowTemplate(text))
        except FlowFileInvalid as error:
            self._tell(path, error, error.message)
            return None

    def _render(self, template: Template, values: Mapping[str, str], asked_by: Origin) -> Rendering | None:
        try:
            rendered = template.content.render(values)
        except FlowFileInvalid as error:
            self._tell(template.name, error, f"{error.message}, which {asked_by} needs")
            return None
        try:
            flow = parse(rendered.text)
        except FlowFileInvalid as error:
            self._tell(template.name, rendered.own(error), error.message)
            return None
        for mistake in mistakes(rendered.text, flow):
            self._tell(template.name, rendered.own(mistake), mistake.message)
        return Rendering(flow.key, _source(template.name, rendered, flow))

    def _tell(self, name: str, error: FlowFileInvalid, message: str) -> None:
        self._report.add(Origin(name, error.line, error.column), message, hint=error.hint, code=error.code)


def _source(name: str, rendered: Rendered, flow: FlowFile) -> SourceFile:
    references = tuple(
        each if each.position is None else replace(each, position=rendered.own_position(each.position))
        for each in flow.references
    )
    return SourceFile(name, rendered.text, flow.digest, references, flow.resources)
