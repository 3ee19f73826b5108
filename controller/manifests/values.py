"""The values for a flow file's placeholders: the flow's own first, then the organisation's."""

from __future__ import annotations

import os
from collections.abc import Mapping

from controller.domain.redaction import SECRETS
from controller.flows.yaml_reader import YamlNode
from controller.manifests.manifest import FlowManifest, OrganizationManifest
from controller.manifests.report import Report
from controller.manifests.sources import Template
from controller.manifests.wording import Path, did_you_mean, quoted

_SHARED: Path = ("spec", "substitutions")
_OWN: Path = ("spec", "source", "substitutions")


class Values:
    """The substitutions of one organisation, and the placeholders that its flow files have."""

    def __init__(self, organization: OrganizationManifest, report: Report) -> None:
        self._organization = organization
        self._shared = _written(organization.node.get(*_SHARED))
        self._report = report
        self._wanted: set[str] = set()

    def of(self, flow: FlowManifest, template: Template) -> dict[str, str]:
        """Values by placeholder. Reports those of the flow's own that its file has no placeholder for."""
        own = _written(flow.node.get(*_OWN))
        wanted = set(template.content.mentioned)
        self._wanted |= wanted
        values: dict[str, str] = {}
        for name in template.content.placeholders:
            if name in own:
                values[name] = self._value(own[name], flow, (*_OWN, name))
            elif name in self._shared:
                values[name] = self._value(self._shared[name], self._organization, (*_SHARED, name))
        for name in sorted(set(own) - wanted):
            self._report.add(
                flow.key_origin(*_OWN, name),
                f"{template.name} has no placeholder {{{{{name}}}}}",
                hint=did_you_mean(name, wanted - set(own)) or "remove the value",
            )
        return values

    def report_unused(self) -> None:
        """Report the organisation's values that no flow file has a placeholder for; only once all of them were read."""
        for name in sorted(set(self._shared) - self._wanted):
            self._report.add(
                self._organization.key_origin(*_SHARED, name),
                f"no flow file of this organisation has a placeholder {{{{{name}}}}}",
                hint=did_you_mean(name, self._wanted - set(self._shared)) or "remove the value",
            )

    def _value(self, node: YamlNode, manifest: FlowManifest | OrganizationManifest, path: Path) -> str:
        """The value; empty after a mistake was reported, here or by the shape: the file is checked all the same."""
        if isinstance(node.value, str):
            return node.value
        if manifest.shape is None:
            return ""
        variable = node.get("env")
        name = str(variable.value) if variable is not None else ""
        value = os.environ.get(name)
        SECRETS.register(value or "")
        if value is None:
            self._report.add(
                manifest.origin(*path, "env"),
                f"the environment variable {name} is not set",
                hint=f"set it where Penstock runs: it is the value of {quoted(str(path[-1]))}",
            )
        return value or ""


def _written(node: YamlNode | None) -> Mapping[str, YamlNode]:
    return node.value if node is not None and isinstance(node.value, dict) else {}
