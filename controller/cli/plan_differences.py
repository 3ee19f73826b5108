"""What plans change inside the flows, for `--diff`."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from controller.cli.comparison_output import comparisons_text
from controller.cli.planning import Planned
from controller.cli.progress_bars import progress_bar
from controller.cli.running import answer
from controller.cli.screen import screen_of
from controller.questions.comparisons import differences
from controller.questions.flow_comparison import FlowComparison
from controller.reconcile.services import Services

Comparisons = Mapping[str, list[FlowComparison]]
"""The differences inside the flows, by organisation."""


def compared_flows(made: Planned, services: Services) -> Comparisons:
    """The differences inside the flows of all plans."""
    return answer(services, _compared(made, services))


async def _compared(made: Planned, services: Services) -> Comparisons:
    found: dict[str, list[FlowComparison]] = {}
    with progress_bar("comparing flows") as advance:
        for each in made.plans:
            found[each.organization] = await differences(services, made.planned[each.organization], each, advance)
    return found


def differences_text(compared: Comparisons) -> str:
    """The differences as text below the changes."""
    found = [each for flows in compared.values() for each in flows]
    return comparisons_text(found, screen=screen_of(sys.stdout)) + "\n"
