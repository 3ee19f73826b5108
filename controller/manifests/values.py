"""The values for a flow file's placeholders: the flow's own, then the organisation's, then the environment's."""

from __future__ import annotations

import os
from collections.abc import Mapping

from controller.manifests.manifest import FlowManifest, OrganizationManifest
from controller.manifests.organization import OrganizationShape
from controller.manifests.report import Report
from controller.manifests.sources import Template
from controller.manifests.substitutions import VariableShape
from controller.manifests.wording import did_you_mean, quoted


class Values:
    """The substitutions of one organisation, and which of them were used."""

    def __init__(self, manifest: OrganizationManifest, shape: OrganizationShape, report: Report) -> None:
        self._manifest = manifest
        self._shared = shape.spec.substitutions
        self._report = report
        self._used: set[str] = set()
        self._names: set[str] = set()

    def of(self, flow: FlowManifest, own: Mapping[str, str | VariableShape], template: Template) -> dict[str, str]:
        """Values by placeholder. Reports those of the flow's own that its file has no placeholder for."""
        wanted = set(template.placeholders)
        self._names |= wanted
        values: dict[str, str] = {}
        for name in template.placeholders:
            if name in own:
                self._take(values, name, own[name], flow, "source")
            elif name in self._shared:
                self._used.add(name)
                self._take(values, name, self._shared[name], self._manifest)
        for name in sorted(set(own) - wanted):
            self._report.add(
                flow.key_origin("spec", "source", "substitutions", name),
                f"{template.name} has no placeholder {{{{{name}}}}}",
                hint=did_you_mean(name, wanted - set(values)) or "remove the value",
            )
        return values

    def report_unused(self) -> None:
        """Report the organisation's values that none of its flow files uses; only once all of them were read."""
        for name in sorted(set(self._shared) - self._used):
            self._report.add(
                self._manifest.key_origin("spec", "substitutions", name),
                f"no flow file of this organisation takes a value for {{{{{name}}}}} from here",
                hint=did_you_mean(name, self._names - self._used) or "remove the value",
            )

    def _take(
        self,
        values: dict[str, str],
        name: str,
        value: str | VariableShape,
        manifest: FlowManifest | OrganizationManifest,
        *below: str,
    ) -> None:
        if isinstance(value, str):
            values[name] = value
            return
        found = os.environ.get(value.env)
        if found is not None:
            values[name] = found
            return
        values[name] = ""  # the missing variable is told below; the file itself is checked all the same
        self._report.add(
            manifest.origin("spec", *below, "substitutions", name, "env"),
            f"the environment variable {value.env} is not set",
            hint=f"set it where Penstock runs: it is the value of {quoted(name)}",
        )
