"""Names within one organisation: each manifest and each flow once, and every `dependsOn` names one of them."""

from __future__ import annotations

from collections.abc import Mapping

from controller.domain.identity import UNTYPED, FlowKey
from controller.manifests.manifest import FlowManifest, Manifests
from controller.manifests.ownership import Estate
from controller.manifests.report import Report
from controller.manifests.wording import did_you_mean, quoted

_APART = "give one of the two another spec.name; with spec.id it is only what people read"


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
        ids: dict[str, FlowManifest] = {}
        first: dict[FlowKey, FlowManifest] = {}
        for flow, key in keys.items():
            flow_id = flow.shape.spec.id if flow.shape is not None else None
            same_id = ids.setdefault(flow_id, flow) if flow_id is not None else flow
            if same_id is not flow:
                self._report.add(
                    flow.origin("spec", "id"),
                    f"the flow with the id {quoted(str(flow_id))} is described by {same_id.origin('spec', 'id')} too"
                    f"{self._within()}",
                    hint="remove one of the two manifests",
                )
            earlier = first.setdefault(key, flow)
            if earlier is not flow:
                self._report.add(
                    flow.origin("spec", "source"),
                    f"the {_flow_words(key)} is described by {earlier.origin('spec', 'source')} too{self._within()}",
                    hint=_APART if flow_id is not None else "remove one of the two manifests",
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


def _flow_words(key: FlowKey) -> str:
    return f"flow {quoted(key.name)}" if key.type == UNTYPED else f"{key.type} flow {quoted(key.name)}"
