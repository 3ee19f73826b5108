"""Two controllers take organisations at the same moment, each the one that the other one has to let go of."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event

from controller.domain.clock import SystemClock
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.delivery import LeaseHeld
from controller.domain.organization_identity import OrganizationIdentity
from controller.reconcile.delivering import open_delivery
from controller.reconcile.ownership import take_organization
from controller.reconcile.pass_ import PassRequest
from controller.reconcile.services import Services
from controller.reconcile.settings import Settings
from controller.store.leases import Lease
from controller.store.store import Store

EAST = OrganizationIdentity("https://api.example.com", "client-east", "east")
WEST = OrganizationIdentity("https://api.example.com", "client-west", "west")


@contextlib.contextmanager
def controller(database: str, holder: str) -> Iterator[Services]:
    clock = SystemClock()
    with Store.open(database, clock=clock) as store:
        for identity in (EAST, WEST):
            store.identities.learn(identity)
        yield Services(Settings(store=database, holder=holder), store, clock, open_delivery=open_delivery)


def meet(services: Services, barrier: threading.Barrier) -> None:
    """Go on from the binding only when the other one has come as far, or cannot."""

    def bound(_connection: object, _cursor: object, statement: str, *_rest: Any) -> None:
        if "FROM bindings" in statement and "FOR UPDATE" in statement:
            with contextlib.suppress(threading.BrokenBarrierError):
                barrier.wait(timeout=2)

    event.listen(services.store.database._engine, "after_cursor_execute", bound)


def test_names_that_swap_their_organisations_wait_for_each_other_and_not_for_ever(database: str) -> None:
    """`one` stood for the east and stands for the west now; `two` the other way round."""
    with controller(database, "a") as first, controller(database, "b") as second:
        for services, identity, name in ((first, EAST, "one"), (second, WEST, "two")):
            services.store.leases.release(take_organization(services, identity, PassRequest(name)))
        barrier = threading.Barrier(2)
        came_to: dict[str, Lease | PenstockError] = {}

        def take(services: Services, identity: OrganizationIdentity, name: str) -> None:
            try:
                came_to[name] = take_organization(services, identity, PassRequest(name))
            except PenstockError as error:
                came_to[name] = error

        threads = []
        for services, identity, name in ((first, WEST, "one"), (second, EAST, "two")):
            meet(services, barrier)
            threads.append(threading.Thread(target=take, args=(services, identity, name)))
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(timeout=120)

        [winner] = [name for name, found in came_to.items() if isinstance(found, Lease)]
        [loser] = came_to.keys() - {winner}
        with pytest.raises(LeaseHeld, match="is at work on it"):
            raise came_to[loser]  # type: ignore[misc]
