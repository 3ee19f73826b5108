"""Keep the lease while work is done, and the subscriptions open; losing the lease ends the work at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from typing import Any

from controller.delivery.sync_run import SyncRun
from controller.domain.errors.delivery import LeaseLost
from controller.domain.errors.process import StoreFailed
from controller.domain.ports import EventStreams

_CHANNELS_FOR_NEW = 8
"""Channels that a sync opens for flows that it creates; a client may have 20. Later ones are polled."""


async def with_lease(sync: SyncRun, work: Callable[[], Awaitable[None]], *, subscribe: bool = False) -> None:
    """Do the work while the lease is renewed in the background.

    With `subscribe` the organisation's events are followed meanwhile, where it offers them. Raises what the work
    raises, never a group.
    """
    try:
        async with asyncio.TaskGroup() as group:
            beside = [
                group.create_task(_renew(sync), name="lease"),
                group.create_task(_await_shutdown(sync), name="stop"),
                group.create_task(sync.watch.run(), name="watch"),
            ]
            if subscribe:
                beside += [group.create_task(following, name=name) for name, following in _subscriptions(sync)]
            try:
                await work()
            finally:
                for task in beside:
                    task.cancel()
    except BaseExceptionGroup as failures:
        raise _most_telling(failures) from None


async def _renew(sync: SyncRun) -> None:
    """Renew the lease. A store that does not answer is asked again, until the lease must have run out."""
    ttl_s, clock = sync.settings.lease_ttl_s, sync.clock
    renewed_at = clock.monotonic()
    while True:
        try:
            sync.store.leases.renew(sync.lease, ttl_s=ttl_s)
        except StoreFailed as error:
            if clock.monotonic() - renewed_at >= ttl_s:
                raise
            sync.tell("lease.renewal-failed", message=error.message)
            await clock.sleep(ttl_s / 12)
        else:
            renewed_at = clock.monotonic()
            # Early enough for several more tries before the lease ends.
            await clock.sleep(ttl_s / 3)


async def _await_shutdown(sync: SyncRun) -> None:
    while not sync.signals.stopping:
        await sync.clock.sleep(sync.settings.stop_check_s)


def _subscriptions(sync: SyncRun) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
    """Each with its name: if that of executions fails, the ends of publishes are still announced.

    A flow that the sync creates is subscribed to as soon as its id is known.
    """
    notifications = sync.platform.notifications
    if not sync.settings.listens or notifications is None:
        return
    known = [(run.flow_id, run) for run in sync.runs if run.flow_id is not None]
    publishing = {flow_id for flow_id, run in known if run.may_publish}
    if publishing:
        yield "channel", sync.events.follow_flows(notifications, publishing)
    gated = {flow_id for flow_id, run in known if run.watches_executions}
    if gated:
        yield "executions", sync.events.follow_executions(notifications, gated)
    if any(run.flow_id is None and run.watches_executions for run in sync.runs):
        yield "executions of new flows", _follow_created(sync, notifications)


async def _follow_created(sync: SyncRun, notifications: EventStreams) -> None:
    """Subscribe to the executions of flows that the sync creates; those created together share a channel."""
    async with asyncio.TaskGroup() as group:
        for _ in range(_CHANNELS_FOR_NEW):
            created = await sync.events.next_created(sync.clock, sync.settings.look_interval_s)
            group.create_task(sync.events.follow_executions(notifications, created), name="executions")


def _most_telling(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """A lost lease, or else a failed store, or else the first one."""
    # False sorts before True.
    return min(_leaves(failures), key=lambda leaf: (not isinstance(leaf, LeaseLost), not isinstance(leaf, StoreFailed)))


def _leaves(failure: BaseException) -> list[BaseException]:
    if not isinstance(failure, BaseExceptionGroup):
        return [failure]
    return [leaf for part in failure.exceptions for leaf in _leaves(part)]
