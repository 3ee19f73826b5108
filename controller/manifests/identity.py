"""Names within one organisation: each manifest and each flow once, and every `dependsOn` names one of them."""

from __future__ import annotations

from collections.abc import Mapping

from controller.domain.identity import FlowKey
from controller.manifests.manifest import FlowManifest, Manifests
from controller.manifests.ownership import Estate
from controller.manifests.report import Report
from controller.manifests.wording import did_you_mean, quoted


class Identities:
    """The names of one organisation's flows."""

    def __init__(self, estate: Estate, manifests: Manifests, report: Report) -> None:
        self._estate = estate
        self._manifests = manifests
        self._report = report
        self._names = {flow.name for flow in estate.flows if flow.name is not None}

    def check(self, keys: Mapping[FlowManifest, FlowKey]) -> None:
        """Report names that stand twice, flows that several manifests describe, and dependencies on nothing."""
        self._check_names()
        self._check_keys(keys)
        for flow in self._estate.flows:
            self._check_dependencies(flow)

    def _check_keys(self, keys: Mapping[FlowManifest, FlowKey]) -> None:
        first: dict[FlowKey, FlowManifest] = {}
        for flow, key in keys.items():
            earlier = first.setdefault(key, flow)
            if earlier is not flow:
                self._report.add(
                    flow.origin("spec", "source"),
                    f"the {key.type} flow {quoted(key.name)} is described by {earlier.origin('spec', 'source')} too"
                    f"{self._within()}",
                    hint="remove one of the two manifests",
                )

    def _check_names(self) -> None:
        first: dict[str, FlowManifest] = {}
        for flow in self._estate.flows:
            if flow.name is None:
                continue
            earlier = first.setdefault(flow.name, flow)
            if earlier is not flow:
                self._report.add(
                    flow.origin("metadata", "name"),
                    f"another flow is called {quoted(flow.name)} too{self._within()}:"
                    f" {earlier.origin('metadata', 'name')}",
                    hint="give one of the two another metadata.name",
                )

    def _check_dependencies(self, flow: FlowManifest) -> None:
        for index, name in enumerate(flow.shape.spec.depends_on if flow.shape is not None else ()):
            origin = flow.origin("spec", "dependsOn", index)
            if name == flow.name:
                self._report.add(origin, f"spec.dependsOn[{index}] names the flow itself", hint="remove it")
            elif name not in self._names and not self._manifests.may_define(name):
                self._report.add(
                    origin,
                    f"spec.dependsOn[{index}] names {quoted(name)}, which is no flow of{self._whose()}",
                    hint=did_you_mean(name, self._names - {flow.name or ""}),
                )

    def _within(self) -> str:
        name = self._estate.organization.name
        return f" in {quoted(name)}" if name is not None else ""

    def _whose(self) -> str:
        name = self._estate.organization.name
        return f" {quoted(name)}" if name is not None else " this organisation"
