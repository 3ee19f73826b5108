"""Random organisations: flows, who consumes whom, how long each publish takes, and the least that a delivery takes."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial

import networkx as nx

from tests.support.sources import inbound, module

SHORTEST_S, LONGEST_S = 2.0, 20.0
"""Publishes take between these, each as likely as another. Assumed: Genesys documents no durations."""
CALLS_A_FLOW = 2
"""One begins the publish, and one reads what it made."""
"""Register, one poll, and a share of listings and exports; an upload to a presigned URL counts against no limit."""
_MODULES_PERCENT = 20
_MOST_MODULES, _MOST_TRANSFERS = 2, 4
_NEXT = "Welcome"


@dataclass(frozen=True, slots=True)
class Published:
    """One flow of the workload."""

    slug: str
    name: str
    text: str
    consumes: tuple[str, ...]
    """Slugs of the flows that have to be live before."""
    publish_s: float
    changed: str = ""
    """The text of its next version, where it has one."""


@dataclass(frozen=True)
class Workload:
    seed: int
    flows: Mapping[str, Published]
    """By slug; a flow comes after those that it consumes."""

    @cached_property
    def graph(self) -> nx.DiGraph[str]:
        """An edge from each flow to its consumers."""
        graph: nx.DiGraph[str] = nx.DiGraph()
        graph.add_nodes_from(self.flows)
        graph.add_edges_from((consumed, slug) for slug, flow in self.flows.items() for consumed in flow.consumes)
        return graph

    @cached_property
    def durations(self) -> dict[str, float]:
        """Seconds of a publish by the name of the flow."""
        return {flow.name: flow.publish_s for flow in self.flows.values()}

    @property
    def work_s(self) -> float:
        return sum(flow.publish_s for flow in self.flows.values())

    @property
    def critical_path_s(self) -> float:
        """The longest chain of publishes that have to wait for each other."""
        ends: dict[str, float] = {}
        for slug, flow in self.flows.items():
            ends[slug] = flow.publish_s + max((ends[consumed] for consumed in flow.consumes), default=0.0)
        return max(ends.values())

    def part(self, flows: int, publish_s: float) -> Workload:
        """The first flows, which consume no later ones, each with this duration."""
        first = list(self.flows.values())[:flows]
        return Workload(self.seed, {flow.slug: replace(flow, publish_s=publish_s) for flow in first})

    def calls_s(self, limit_per_minute: int) -> float:
        """Seconds that `CALLS_A_FLOW` calls for each flow take at least: the first minute's calls may come at once."""
        return max(0, CALLS_A_FLOW * len(self.flows) - limit_per_minute) / limit_per_minute * 60

    def bound_s(self, limit_per_minute: int) -> float:
        """The larger of critical path and calls: with unlimited concurrency nothing else has to be waited for."""
        return max(self.critical_path_s, self.calls_s(limit_per_minute))


def random_workload(seed: int, flows: int) -> Workload:
    """A graph without cycles: call flows transfer to earlier ones and call modules."""
    chance = random.Random(seed)  # noqa: S311 - a seed makes it the same each time
    modules = [f"module-{number:04d}" for number in range(max(1, flows * _MODULES_PERCENT // 100))]
    made = {slug: _module(slug, chance) for slug in modules}
    fronts: list[str] = []
    for number in range(flows - len(modules)):
        slug = f"flow-{number:04d}"
        called = chance.sample(modules, min(len(modules), chance.randint(0, _MOST_MODULES)))
        transfers = chance.sample(fronts, min(len(fronts), chance.randint(0, _MOST_TRANSFERS)))
        made[slug] = _front(slug, called, transfers, chance)
        fronts.append(slug)
    return Workload(seed, made)


def _module(slug: str, chance: random.Random) -> Published:
    name = slug.capitalize()
    return Published(slug, name, module(name), (), _duration(chance), module(name, says=_NEXT))


def _front(slug: str, called: list[str], transfers: list[str], chance: random.Random) -> Published:
    name = slug.capitalize()
    text = partial(
        inbound, name, calls=[one.capitalize() for one in called], transfers=[one.capitalize() for one in transfers]
    )
    return Published(slug, name, text(), (*called, *transfers), _duration(chance), text(says=_NEXT))


def _duration(chance: random.Random) -> float:
    return round(chance.uniform(SHORTEST_S, LONGEST_S), 1)
