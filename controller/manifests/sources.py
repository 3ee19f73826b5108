"""Reads flow files for manifests: each file once, each rendering once, and neither where its facts are known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import sha256
from typing import TypeVar

from controller.domain.desired import Origin, SourceFile
from controller.domain.errors.manifest import FlowFileInvalid
from controller.domain.errors.repository import RepositoryFailed
from controller.domain.files import Budget, Files, FileUnreadable, Reread, as_utf8
from controller.domain.identity import FlowKey
from controller.domain.references import FlowReference, ResourceReference
from controller.flows.checks import mistakes
from controller.flows.flow_file import parse
from controller.flows.substitution import FlowTemplate, Rendered
from controller.manifests.report import Report
from controller.manifests.source_facts import (
    FactCache,
    NoCache,
    SourceFacts,
    TemplateFacts,
    source_facts,
    source_key,
    template_facts,
    template_key,
)
from controller.manifests.tree import MAXIMUM_BYTES, decode

R = TypeVar("R", FlowReference, ResourceReference)

_OF_CONTENT = "sha256:"


@dataclass(frozen=True, slots=True)
class Template:
    """A flow file before substitution."""

    name: str
    """Path relative to the repository."""
    identity: str
    """What tells its content from any other."""
    facts: TemplateFacts
    reread: Reread = field(repr=False)

    @property
    def text(self) -> str:
        """The text of the file, read again. Raises RepositoryFailed as `FileText` does."""
        return FileText(self.name, self.identity, self.reread).written()


@dataclass(frozen=True, slots=True)
class FlowValues:
    """The values for the placeholders of one flow."""

    by_name: Mapping[str, str] = field(repr=False)
    secret: bool = False
    """Whether some come from the environment: nothing that they are part of may be kept."""


@dataclass(frozen=True, slots=True)
class Rendering:
    """A flow file with its values, parsed."""

    key: FlowKey
    source: SourceFile


class FlowFiles:
    """The flow files of one load."""

    def __init__(self, files: Files, report: Report, budget: Budget, cache: FactCache | None = None) -> None:
        self.files = files
        self._report = report
        self._budget = budget
        self._cache = cache or NoCache()
        self._templates: dict[str, Template | None] = {}
        self._renderings: dict[tuple[str, tuple[tuple[str, str], ...]], Rendering | None] = {}
        self._last: tuple[str, FlowTemplate] | None = None
        """The file that was read last: it is rendered next."""

    @property
    def names(self) -> tuple[str, ...]:
        """The flow files that were read, relative to the repository."""
        return tuple(sorted(template.name for template in self._templates.values() if template is not None))

    def template(self, path: str) -> Template | None:
        """A flow file that exists; None after its mistake was reported."""
        if path not in self._templates:
            self._templates[path] = self._read(path)
        return self._templates[path]

    def rendering(self, path: str, values: FlowValues, asked_by: Origin) -> Rendering | None:
        """The file with exactly the values that its placeholders need; None after its mistakes were reported."""
        key = (path, tuple(sorted(values.by_name.items())))
        if key not in self._renderings:
            template = self.template(path)
            self._renderings[key] = self._render(template, values, asked_by) if template is not None else None
        return self._renderings[key]

    def _read(self, path: str) -> Template | None:
        try:
            identity = self.files.object_id(path)
            known = None if identity is None else self._known_template(path, identity)
            if known is not None:
                self._budget.read(known.facts.size)
                return known
            content = self.files.content(path, MAXIMUM_BYTES)
        except FileUnreadable as error:
            self._report.add(Origin(path), f"the file cannot be read: {error}")
            return None
        self._budget.read(len(content or b""))
        text = decode(path, content, self._report)
        if text is None or content is None:
            return None
        identity = identity or identity_of(content)
        return self._known_template(path, identity) or self._new_template(path, identity, len(content), text)

    def _known_template(self, path: str, identity: str) -> Template | None:
        """A flow file of which the cache knows the facts. Raises FileUnreadable."""
        key = template_key(identity)
        facts = None if key is None else template_facts(self._cache.get(key))
        return None if facts is None else self._template_with(path, identity, facts)

    def _new_template(self, path: str, identity: str, size: int, text: str) -> Template | None:
        try:
            template = FlowTemplate(text)
        except FlowFileInvalid as error:
            self._tell(path, error, error.message)
            return None
        facts = TemplateFacts(size, template.placeholders, template.mentioned)
        self._put(template_key(identity), facts)
        self._last = path, template
        return self._template_with(path, identity, facts)

    def _template_with(self, path: str, identity: str, facts: TemplateFacts) -> Template:
        return Template(path, identity, facts, self.files.reread(path, MAXIMUM_BYTES + 1))

    def _render(self, template: Template, values: FlowValues, asked_by: Origin) -> Rendering | None:
        key = None if values.secret else source_key(template.identity, values.by_name)
        known = None if key is None else source_facts(self._cache.get(key))
        facts = known or self._told_by(template, values, asked_by)
        if facts is None:
            return None
        text = FileText(template.name, template.identity, template.reread, values.by_name)
        return Rendering(facts.key, SourceFile(template.name, text, facts.digest, facts.references, facts.resources))

    def _told_by(self, template: Template, values: FlowValues, asked_by: Origin) -> SourceFacts | None:
        """What the file says with these values; None after the mistake that leaves it without facts was reported."""
        try:
            rendered = self._flow_template(template).render(values.by_name)
        except FlowFileInvalid as error:
            self._tell(template.name, error, f"{error.message}, which {asked_by} needs")
            return None
        try:
            flow = parse(rendered.text)
        except FlowFileInvalid as error:
            self._tell(template.name, rendered.own(error), error.message)
            return None
        found = mistakes(rendered.text, flow)
        for mistake in found:
            self._tell(template.name, rendered.own(mistake), mistake.message)
        own = partial(_own_position, rendered)
        facts = SourceFacts(flow.key, flow.digest, tuple(map(own, flow.references)), tuple(map(own, flow.resources)))
        if not found and not values.secret:
            # A file with mistakes is read each time, so that they are the same each time.
            self._put(source_key(template.identity, values.by_name), facts)
        return facts

    def _flow_template(self, template: Template) -> FlowTemplate:
        if self._last is None or self._last[0] != template.name:
            self._last = template.name, FlowTemplate(template.text)
        return self._last[1]

    def _put(self, key: bytes | None, facts: TemplateFacts | SourceFacts) -> None:
        if key is not None:
            self._cache.put(key, facts.encoded())

    def _tell(self, name: str, error: FlowFileInvalid, message: str) -> None:
        self._report.add(Origin(name, error.line, error.column), message, hint=error.hint, code=error.code)


def _own_position(rendered: Rendered, reference: R) -> R:
    """The reference with its position in the file, before substitution."""
    if reference.position is None:
        return reference
    return replace(reference, position=rendered.own_position(reference.position))


@dataclass(frozen=True, slots=True)
class FileText:
    """The text of one content with one set of values, read again when needed: thousands of texts take too much memory.

    Two are equal when content and values are."""

    name: str
    """Path relative to the repository."""
    identity: str
    """What tells the content from any other: git's id of it, or `sha256:<hex>`."""
    reread: Reread = field(compare=False, repr=False)
    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    """May hold secrets."""

    def written(self) -> str:
        """The text as it is in the file. Raises RepositoryFailed when the content cannot be read or is another one."""
        try:
            content = self.reread()
        except FileUnreadable as error:
            message = f"{self.name} cannot be read again: {error}"
            raise RepositoryFailed(message, hint="run the command again") from error
        if self.identity.startswith(_OF_CONTENT) and identity_of(content) != self.identity:
            raise RepositoryFailed(
                f"{self.name} was changed on the disk after it was read", hint="run the command again, or commit first"
            )
        return as_utf8(content).decode("utf-8")

    def read(self) -> str:
        """The text with its values; it may hold secrets. Raises as `written` does."""
        return FlowTemplate(self.written()).render(self.values).text


def identity_of(content: bytes) -> str:
    """What tells this content from any other."""
    return f"{_OF_CONTENT}{sha256(content).hexdigest()}"
