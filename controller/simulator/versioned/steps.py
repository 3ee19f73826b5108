"""Generates the steps of one execution: a path through the flow's graph that depends on the execution's id."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from controller.simulator.content import inner_mappings
from controller.simulator.definition import definition
from controller.simulator.execution import Execution
from controller.simulator.flow import Version
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.traffic import fraction

JSON = dict[str, object]


@dataclass(frozen=True, slots=True)
class Way:
    """A transition from the node that it leaves."""

    target: str
    condition: str | None


@dataclass(frozen=True, slots=True)
class DefinitionGraph:
    nodes: Mapping[str, Mapping[str, object]]
    ways: Mapping[str, tuple[Way, ...]]
    start: str | None
    """The first node of an execution: one without an incoming transition, or the first node."""

    def text(self, node: str, name: str) -> str:
        """One of a node's texts; empty when it has none."""
        value = self.nodes[node].get(name)
        return value if isinstance(value, str) else ""


def graph_of(definition: Mapping[str, object]) -> DefinitionGraph:
    """The graph of a definition, without malformed nodes and transitions to unknown nodes."""
    given, transitions = definition.get("nodes"), definition.get("transitions")
    nodes = {str(key): node for key, node in given.items() if isinstance(node, dict)} if isinstance(given, dict) else {}
    ways: dict[str, tuple[Way, ...]] = {}
    reached: set[str] = set()
    for transition in transitions if isinstance(transitions, list) else []:
        if not isinstance(transition, dict):
            continue
        source, target, condition = str(transition.get("from")), str(transition.get("to")), transition.get("condition")
        if source in nodes and target in nodes:
            way = Way(target, condition if isinstance(condition, str) and condition else None)
            ways[source] = (*ways.get(source, ()), way)
            reached.add(target)
    start = next((node for node in nodes if node not in reached), next(iter(nodes), None))
    return DefinitionGraph(nodes, ways, start)


MOST_STEPS = 500
MOST_DEPTH = 5
MOST_VISITS = 3
"""Largest number of visits to one node in a loop."""
SUCCESS = "success"
_FAILURES = ("failure", "timeout", "error")
_STATUSES = {
    "TIMEOUT": "timeout",
    "UNAVAILABLE": "service_unavailable",
    "VALIDATION": "validation_error",
    "INVALID": "validation_error",
}


@dataclass(slots=True)
class SimulatedStep:
    id: str
    """The node's id, with a count for repeated visits."""
    node: str
    type: str
    name: str
    variables: dict[str, object]
    """All variables after the step."""
    branch: str | None = None
    """The condition of the transition that was taken, if there was a choice."""
    parent: str | None = None
    """The step that called the enclosing module."""
    status: str = SUCCESS
    error: str | None = None


def failure_status(reason: str) -> str:
    """`error`, `timeout`, `validation_error` or `service_unavailable`, by words in the reason."""
    return next((status for word, status in _STATUSES.items() if word in reason.upper()), "error")


def steps(organization: SimulatedOrganization, version: Version, execution: Execution) -> list[SimulatedStep]:
    """All steps in order. A failed execution ends with the failed step."""
    walk = _DefinitionWalk(organization, execution)
    walk.flow(version, {"Flow.Version": version.id, **execution.inputs})
    taken = walk.steps
    if not execution.error or not taken:
        return taken
    own = [place for place, step in enumerate(taken) if step.parent is None][1:] or [0]
    last = own[int(fraction(execution.id, "failure") * len(own))]
    taken[last].status, taken[last].error = failure_status(execution.error), execution.error
    taken[last].branch = None
    return taken[: last + 1]


@dataclass(slots=True)
class _DefinitionWalk:
    organization: SimulatedOrganization
    execution: Execution
    steps: list[SimulatedStep] = field(default_factory=list)
    ids: Counter[str] = field(default_factory=Counter)

    def flow(
        self, version: Version, variables: dict[str, object], *, parent: str | None = None, depth: int = 0
    ) -> None:
        """The steps of one flow or module, with its changing variables."""
        graph = graph_of(definition(self.organization, version.text))
        visits: Counter[str] = Counter()
        node = graph.start
        while node is not None and len(self.steps) < MOST_STEPS:
            visits[node] += 1
            variables.update(_assigned(graph.nodes[node]))
            step = self._add(graph, node, variables, parent)
            if graph.text(node, "type") == "callCommonModule" and depth < MOST_DEPTH:
                self._module(version, graph, node, step, depth)
            ways = [way for way in graph.ways.get(node, ()) if visits[way.target] < MOST_VISITS]
            way = self._chosen(step, ways)
            step.branch = way.condition if way and len(graph.ways[node]) > 1 else None
            node = way.target if way else None

    def _add(
        self, graph: DefinitionGraph, node: str, variables: Mapping[str, object], parent: str | None
    ) -> SimulatedStep:
        kind, name = graph.text(node, "type") or "unknown", graph.text(node, "name")
        step = SimulatedStep(self._id(node), node, kind, name, dict(variables), parent=parent)
        self.steps.append(step)
        return step

    def _id(self, node: str) -> str:
        self.ids[node] += 1
        return node if self.ids[node] == 1 else f"{node}#{self.ids[node]}"

    def _module(self, caller: Version, graph: DefinitionGraph, node: str, call: SimulatedStep, depth: int) -> None:
        """Run a module in the version that its caller is bound to, with its own variables."""
        target = graph.nodes[node].get("flow")
        flow_id = target.get("id") if isinstance(target, dict) else None
        module = self.organization.state.flows.get(str(flow_id))
        version = module.version(caller.bindings.get(module.id, "published")) if module else None
        if module is None or version is None:
            return
        for word in ("started", "ended"):
            name = f"{word}CommonModule"
            self.steps.append(
                SimulatedStep(self._id(f"{call.id}/{name}"), node, name, module.name, dict(call.variables))
            )
            self.steps[-1].parent = call.id
            if word == "started":
                self.flow(version, dict(call.variables), parent=call.id, depth=depth + 1)

    def _chosen(self, step: SimulatedStep, ways: list[Way]) -> Way | None:
        good = [way for way in ways if (way.condition or "").lower() not in _FAILURES] or ways
        return good[int(fraction(self.execution.id, step.id) * len(good))] if good else None


def _assigned(node: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """The variables that a node sets: by an update of data, or by `variables` in a given definition."""
    stated = node.get("variables")
    yield from stated.items() if isinstance(stated, dict) else ()
    settings = node.get("settings")
    statements = settings.get("statements") if isinstance(settings, dict) else None
    for assigned in inner_mappings(statements):
        variable, value = assigned.get("variable"), assigned.get("value")
        if isinstance(variable, str):
            yield variable, next(iter(value.values()), None) if isinstance(value, dict) else value
