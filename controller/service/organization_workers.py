"""The workers of one process: one for each organisation that it looks after."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import structlog

from controller.reconcile.services import Services
from controller.reconcile.workspace import Workspace
from controller.service.described import Described
from controller.service.worker import Worker


@dataclass(frozen=True, slots=True)
class _Employed:
    worker: Worker
    task: asyncio.Task[None]
    services: Services
    workspace: Workspace
    """The manifests that it was told of last."""


class OrganizationWorkers:
    """Starts and dismisses workers. Two never work on one organisation, under whatever name."""

    def __init__(self, hire: Callable[[str, Services], Worker], ended: Callable[[], None]) -> None:
        """`hire` makes the worker of an organisation with the services of its repository.

        `ended` is called when a worker has ended.
        """
        self._hire = hire
        self._ended = ended
        self._employed: dict[str, _Employed] = {}
        self._leaving: list[_Employed] = []
        """Of organisations that are gone, or another replica's; their last pass may still be running."""

    def __contains__(self, organization: str) -> bool:
        return organization in self._employed

    def __iter__(self) -> Iterator[Worker]:
        return (each.worker for each in self._employed.values())

    def __len__(self) -> int:
        return len(self._employed)

    def of(self, organization: str) -> Worker | None:
        """The worker of an organisation; None where this process does not look after it."""
        employed = self._employed.get(organization)
        return None if employed is None else employed.worker

    def works_on(self, organization: str) -> bool:
        """Whether a worker of the organisation has not ended, also one that was dismissed."""
        return any(not each.ended for each in self._workers_of(organization))

    def passes(self, organization: str) -> bool:
        """Whether a pass over the organisation runs."""
        return any(each.passes for each in self._workers_of(organization))

    def interrupt(self, organization: str) -> None:
        """End its pass soon, as after a shutdown signal."""
        for each in self._workers_of(organization):
            each.interrupt()

    def _workers_of(self, organization: str) -> Iterator[Worker]:
        employed = (*self._employed.values(), *self._leaving)
        return (each.worker for each in employed if each.worker.name == organization)

    def employ(self, wanted: Mapping[str, Described], group: asyncio.TaskGroup) -> None:
        """Look after these organisations, by name, and no others.

        The workers of new organisations start, those with new manifests run a pass, the others are dismissed.
        """
        self._leaving = [each for each in self._leaving if not each.worker.ended]
        for name in sorted(self._employed):
            if name not in wanted or wanted[name].services is not self._employed[name].services:
                self._leaving.append(self._employed.pop(name))
                self._leaving[-1].worker.dismiss()
        for name, described in sorted(wanted.items()):
            known = self._employed.get(name)
            if known is not None and known.workspace is described.workspace:
                continue
            employed = known or self._employ(described, group)
            self._employed[name] = replace(employed, workspace=described.workspace)
            employed.worker.wake(described.workspace, f"revision {described.workspace.revision[:12]}")

    def _employ(self, described: Described, group: asyncio.TaskGroup) -> _Employed:
        """The worker that was about to leave, or a new one.

        After a rename, the new worker starts when the last pass under the old name has ended.
        """
        organization, services = described.organization, described.services
        for left in self._leaving:
            if left.worker.name == organization.name and left.services is services and left.worker.employ_again():
                self._leaving.remove(left)
                return left
        worker = self._hire(organization.name, services)
        before = [left.task for left in self._leaving if left.worker.serves(organization)]
        context = contextvars.copy_context()
        context.run(structlog.contextvars.bind_contextvars, repository=described.repository)
        task = group.create_task(worker.run(before), name=f"worker {organization.name}", context=context)
        task.add_done_callback(lambda _: self._ended())
        return _Employed(worker, task, services, described.workspace)

    def stop(self) -> list[asyncio.Task[None]]:
        """Wake all workers so that they see that the service is stopping; returns what to wait for."""
        employed = [*self._employed.values(), *self._leaving]
        for each in employed:
            each.worker.stop()
        return [each.task for each in employed]
