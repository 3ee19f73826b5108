"""The digest of what an organisation exports."""

from __future__ import annotations

from controller.domain.errors.change import ExportFailed
from controller.domain.errors.manifest import FlowFileInvalid
from controller.domain.platform import Export
from controller.flows.canonical import digest
from controller.flows.loading import load_yaml


def export_digest(export: Export) -> str:
    """The canonical digest of an export. Raises ExportFailed when it cannot be read."""
    if export.yaml is not None:
        try:
            return digest(load_yaml(export.yaml))
        except FlowFileInvalid as error:
            raise ExportFailed(
                f"the export of version {export.version} of flow {export.flow_id} is no readable YAML: {error.message}"
            ) from error
    if export.definition is None:
        raise ExportFailed(f"the export of version {export.version} of flow {export.flow_id} is empty")
    return digest(export.definition)
