"""What the API and the page may see and do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from controller.questions.live_graph import LiveGraphs
from controller.reconcile.services import Services
from controller.service.access.access import Access
from controller.service.board import RepositoryEntry
from controller.service.described import Described


@dataclass(frozen=True, slots=True)
class ServiceWindow:
    """The view of the service that the API and the page have: the store, the manifests, and a way to ask for a look."""

    services: Services
    """Store, settings and clock of the process."""
    described: Callable[[], Sequence[Described]]
    """The organisations of the manifests that were read last, of all repositories."""
    nudge: Callable[[str, str], None]
    """Organisation and reason: look at it now."""
    access: Access
    """Who may see and change what."""
    repositories: Callable[[], Sequence[RepositoryEntry]] = tuple
    """The repositories that are followed."""
    graphs: LiveGraphs = field(default_factory=LiveGraphs)
    """The dependency graphs that were asked for last."""

    def description(self, organization: str) -> Described | None:
        """The organisation of this name with its manifests; None where none that were read describe it."""
        return next((each for each in self.described() if each.organization.name == organization), None)
