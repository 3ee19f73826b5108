"""The deployment order: dependencies first, the same for the same input, with waves for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def waves(depends_on: Mapping[str, Sequence[str]]) -> dict[str, int]:
    """For each id the length of the longest chain of dependencies that ends in it, from 1.

    `depends_on` must be free of cycles; ids outside of it are ignored. Linear in nodes and edges.
    Raises ValueError when there is a cycle.
    """
    waiting = {id_: sum(dependency in depends_on for dependency in set(below)) for id_, below in depends_on.items()}
    dependents: dict[str, list[str]] = {id_: [] for id_ in depends_on}
    for id_, below in depends_on.items():
        for dependency in set(below):
            if dependency in dependents:
                dependents[dependency].append(id_)
    wave = {id_: 1 for id_, count in waiting.items() if count == 0}
    ready = list(wave)
    for id_ in ready:
        for dependent in dependents[id_]:
            wave[dependent] = max(wave.get(dependent, 1), wave[id_] + 1)
            waiting[dependent] -= 1
            if waiting[dependent] == 0:
                ready.append(dependent)
    if len(ready) != len(depends_on):
        raise ValueError(f"a cycle runs through some of {sorted(id_ for id_, left in waiting.items() if left)}")
    return wave


def deployment_order(depends_on: Mapping[str, Sequence[str]]) -> list[str]:
    """The ids by wave and, within a wave, by id: a topological order that does not depend on the order of the input."""
    wave = waves(depends_on)
    return sorted(depends_on, key=lambda id_: (wave[id_], id_))
