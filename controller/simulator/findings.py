"""Validates the content of a version: errors prevent its publish, warnings do not."""

from __future__ import annotations

from dataclasses import dataclass

from controller.domain.identity import FlowKey
from controller.domain.references import Resolution
from controller.simulator.content import read
from controller.simulator.definition import graph_problems
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.resolution import problems

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    id: str
    message: str
    severity: str = ERROR


def findings(organization: SimulatedOrganization, key: FlowKey, text: str) -> list[Finding]:
    """Missing and unpublished flows, jumps and transitions to unknown nodes, and uncheckable references."""
    found = [Finding(problem.code, problem.message) for problem in problems(organization, key, text)]
    found += [Finding(f"flow.graph.{problem.code}", problem.message) for problem in graph_problems(text)]
    for reference in read(text).references:
        if reference.resolution is not Resolution.STATIC:
            message = f"{reference.path} names a flow by '{reference.name}', which is only known when it runs"
            found.append(Finding("flow.reference.dynamic", message, WARNING))
    return found
