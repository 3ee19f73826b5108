"""What the API and the page may see and do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from controller.questions.live_graph import LiveGraphs
from controller.reconcile.services import Services
from controller.reconcile.workspace import Workspace
from controller.service.access.access import Access


@dataclass(frozen=True, slots=True)
class ServiceWindow:
    """The view of the service that the API and the page have: the store, the manifests, and a way to ask for a look."""

    services: Services
    """Store, settings and clock."""
    workspace: Callable[[], Workspace | None]
    """The manifests that the feed read last; None before the first."""
    nudge: Callable[[str, str], None]
    """Organisation and reason: look at it now."""
    access: Access
    """Who may see and change what."""
    graphs: LiveGraphs = field(default_factory=LiveGraphs)
    """The dependency graphs that were asked for last."""
