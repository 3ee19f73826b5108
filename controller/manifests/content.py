"""What a flow manifest's source says: which flow it is, and what should be live.

A manifest that is mistaken elsewhere is read all the same, as far as its source can be told: its flow file's mistakes
are then reported in the same run.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from controller.domain.desired import PinnedVersion, SourceFile
from controller.domain.identity import UNTYPED, FlowKey
from controller.domain.redaction import SECRETS
from controller.flows.yaml_reader import YamlNode
from controller.manifests.flow import FlowShape
from controller.manifests.manifest import FlowManifest, OrganizationManifest
from controller.manifests.paths import PathRefused, flow_file
from controller.manifests.report import Report
from controller.manifests.sources import FlowFiles, FlowValues, Template
from controller.manifests.wording import Path, did_you_mean, quoted

_SHARED: Path = ("spec", "substitutions")
_OWN: Path = ("spec", "source", "substitutions")


class Values:
    """The substitutions of one organisation, and the placeholders that its flow files have."""

    def __init__(
        self, organization: OrganizationManifest, report: Report, reading: Collection[str] | None = None
    ) -> None:
        self.reading: set[str] = set()
        """The flows that got values of the environment, by `_identity`."""
        self._may_read = reading
        self._organization = organization
        self._shared = _written(organization.node.get(*_SHARED))
        self._report = report
        self._wanted: set[str] = set()

    def of(self, flow: FlowManifest, template: Template) -> FlowValues:
        """Values by placeholder. Reports those of the flow's own that its file has no placeholder for."""
        own = _written(flow.node.get(*_OWN))
        wanted = set(template.facts.mentioned)
        self._wanted |= wanted
        found: dict[str, tuple[YamlNode, FlowManifest | OrganizationManifest, Path]] = {}
        for name in template.facts.placeholders:
            if name in own:
                found[name] = own[name], flow, (*_OWN, name)
            elif name in self._shared:
                found[name] = self._shared[name], self._organization, (*_SHARED, name)
        variables = {name: _variable(node) for name, (node, _, _) in found.items() if not isinstance(node.value, str)}
        may_read = not variables or self._reads(_identity(self._organization, flow, template, variables))
        values = {name: self._value(*place, may_read=may_read) for name, place in found.items()}
        for name in sorted(set(own) - wanted):
            self._report.add(
                flow.key_origin(*_OWN, name),
                f"{template.name} has no placeholder {{{{{name}}}}}",
                hint=did_you_mean(name, wanted - set(own)) or "remove the value",
            )
        return FlowValues(values, secret=bool(variables))

    def report_unused(self) -> None:
        """Report the organisation's values that no flow file has a placeholder for; only once all of them were read."""
        for name in sorted(set(self._shared) - self._wanted):
            self._report.add(
                self._organization.key_origin(*_SHARED, name),
                f"no flow file of this organisation has a placeholder {{{{{name}}}}}",
                hint=did_you_mean(name, self._wanted - set(self._shared)) or "remove the value",
            )

    def _reads(self, flow: str) -> bool:
        """Whether this flow may have values of the environment."""
        may_read = self._may_read is None or flow in self._may_read
        if may_read:
            self.reading.add(flow)
        return may_read

    def _value(
        self, node: YamlNode, manifest: FlowManifest | OrganizationManifest, path: Path, *, may_read: bool
    ) -> str:
        """The value; empty after a mistake was reported, here or by the shape: the file is checked all the same."""
        if isinstance(node.value, str):
            return node.value
        if manifest.shape is None:
            return ""
        name = _variable(node)
        if not may_read:
            self._report.add(
                manifest.origin(*path),
                f"the value of {quoted(str(path[-1]))} is not read for a change from a fork",
                hint="leave flows with such values as they are, or open the pull request from a branch of the "
                "repository itself",
            )
            return ""
        value = os.environ.get(name)
        SECRETS.register(value or "")
        if value is None:
            self._report.add(
                manifest.origin(*path, "env"),
                f"the environment variable {name} is not set",
                hint=f"set it where Penstock runs: it is the value of {quoted(str(path[-1]))}",
            )
        return value or ""


def _variable(node: YamlNode) -> str:
    """The variable that holds a value; empty where a mistaken manifest names none."""
    variable = node.get("env")
    return str(variable.value) if variable is not None else ""


def _identity(
    organization: OrganizationManifest, flow: FlowManifest, template: Template, variables: Mapping[str, str]
) -> str:
    """A digest of all that decides where the values of a flow go: manifest, file and variables."""
    manifest = None if flow.shape is None else flow.shape.model_dump(mode="json")
    parts = (organization.name, manifest, template.name, template.text, sorted(variables.items()))
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()


def _written(node: YamlNode | None) -> Mapping[str, YamlNode]:
    return node.value if node is not None and isinstance(node.value, dict) else {}


@dataclass(frozen=True, slots=True)
class Content:
    """The identity of a flow and its desired source."""

    key: FlowKey
    source: SourceFile | PinnedVersion


class Contents:
    """Reads the sources of one organisation's flows."""

    def __init__(
        self,
        organization: OrganizationManifest,
        files: FlowFiles,
        report: Report,
        reading: Collection[str] | None = None,
    ) -> None:
        """`reading` has the flows that may have values of the environment; None lets all."""
        self._values = Values(organization, report, reading)
        self._files = files
        self._report = report

    @property
    def reading(self) -> set[str]:
        """The flows that got values of the environment."""
        return self._values.reading

    def read(self, flows: Iterable[FlowManifest]) -> dict[FlowManifest, Content]:
        """The contents of the flows with a readable source; mistakes were reported for the others."""
        flows = tuple(flows)
        found = {flow: content for flow in flows if (content := self._content(flow)) is not None}
        if len(found) == len(flows):
            self._values.report_unused()
        return found

    def _content(self, manifest: FlowManifest) -> Content | None:
        shape = manifest.shape
        if shape is not None and shape.spec.source.version is not None:
            return _pinned(shape, shape.spec.source.version)
        path = self._path(manifest)
        template = self._files.template(path) if path is not None else None
        if path is None or template is None:
            return None
        values = self._values.of(manifest, template)
        rendering = self._files.rendering(path, values, manifest.origin("spec", "source", "file"))
        if rendering is None:
            return None
        if shape is not None:
            self._check_agreement(manifest, shape, rendering.key, rendering.source)
        return Content(rendering.key, rendering.source)

    def _path(self, manifest: FlowManifest) -> str | None:
        written = manifest.node.get("spec", "source", "file")
        if written is None or not isinstance(written.value, str) or not written.value.strip():
            return None  # the validation of the shape reports it
        try:
            return flow_file(self._files.files, manifest.folder, written.value)
        except PathRefused as error:
            origin = manifest.origin("spec", "source", "file")
            self._report.add(origin, f"spec.source.file {error.message}", hint=error.hint)
            return None

    def _check_agreement(self, manifest: FlowManifest, shape: FlowShape, key: FlowKey, source: SourceFile) -> None:
        spec = shape.spec
        for field, value, stated in (("type", spec.type, key.type), ("name", spec.name, key.name)):
            if value is not None and value != stated:
                self._report.add(
                    manifest.origin("spec", field),
                    f"spec.{field} is {quoted(value)}, but the {field} of the flow in {source.file} is "
                    f"{quoted(stated)}",
                    hint=f"correct one of the two, or leave spec.{field} out: the flow file tells it",
                )
        if spec.name is None and spec.renamed_from == key.name:
            origin = manifest.origin("spec", "renamedFrom")
            message = f"spec.renamedFrom is the name that {source.file} still has"
            self._report.add(origin, message, hint="renamedFrom is the name before the change")


def _pinned(shape: FlowShape, version: str) -> Content | None:
    """Without a type only the versioned dialect finds the flow; that is checked where the dialect is known."""
    if shape.spec.name is None:
        return None
    flow_type = shape.spec.type.value if shape.spec.type is not None else UNTYPED
    return Content(FlowKey(flow_type, shape.spec.name), PinnedVersion(version))
