"""The content of one side of a comparison: a flow file, or an exported version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from controller.domain.desired import Organization, SourceFile
from controller.domain.errors import ExportFailed, FlowFileInvalid
from controller.domain.live import LiveFlow
from controller.domain.platform import Export
from controller.flows.export_digest import export_digest
from controller.flows.flow_file import parse
from controller.reconcile.services import Services


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


async def version_content(services: Services, organization: Organization, live: LiveFlow, version: str) -> FlowContent:
    """One version, exported. Raises ExportFailed, NotFound, and what the organisation's calls raise."""
    export = await services.platform(organization).versions.export(live.id, version, definition=False)
    content = _content(organization, live, export)
    services.store.facts.remember_export_digest(organization.name, live.id, version, export_digest(export))
    return content


def _content(organization: Organization, live: LiveFlow, export: Export) -> FlowContent:
    if export.yaml is None:
        definition = export.definition or {}
        return FlowContent(ContentForm.DEFINITION, definition, organization.name, version=export.version)
    try:
        document = parse(export.yaml).document
    except FlowFileInvalid as error:
        raise ExportFailed(
            f"{live.key}: the export of version {export.version} is unreadable: {error.message}"
        ) from error
    return FlowContent(ContentForm.SOURCE, document, organization.name, version=export.version)
