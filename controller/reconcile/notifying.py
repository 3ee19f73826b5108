"""Writes what people are to be told after a pass into the outbox, together with the fact that they were told.

Only the controller that looks after an organisation does so. Two that do it at once write nothing twice: what was told
is replaced in the transaction that writes the messages, and the one that comes second begins again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog

from controller.domain.desired import Organization
from controller.domain.documents import plain
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.process import StoreFailed
from controller.domain.notification import NotificationRule
from controller.domain.page_addresses import organization_address
from controller.notify.addressing import AddressedMessage, Background, addressed, message_key
from controller.notify.document import NOTIFICATION
from controller.notify.events import Findings, Happening, what_to_tell
from controller.notify.outbox import COMMIT_STATUS, RECIPIENT, event
from controller.notify.troubles import Told
from controller.reconcile.commit_status import status_of, status_payload
from controller.reconcile.findings import News, PassView, news_of, what_is_over
from controller.reconcile.found_troubles import drift_news, of_error, standing_now, sync_news
from controller.reconcile.report import PassReport
from controller.reconcile.services import Services
from controller.reconcile.workspace import Workspace

log = structlog.get_logger()

_TRIES: Final = 3
"""How often to begin again where another process told meanwhile."""


@dataclass(frozen=True, slots=True)
class _Entry:
    """A message for the outbox."""

    key: str
    target: str
    kind: str
    payload: Mapping[str, object]


async def notify(report: PassReport, workspace: Workspace, services: Services) -> None:
    """Tell of a pass that has ended. Never raises: a store that fails is logged, and the next pass tells."""
    known = {each.name: each for each in workspace.desired.organizations}
    if report.organization not in known:
        return
    organization, repository = known[report.organization], workspace.repository
    view = PassView(report, organization, services, lambda: repository.author(workspace.revision))
    rules = services.notifications.rules_for(organization)
    if rules and view.tells:
        await _safely(services, organization, lambda told: _after_pass(told, view, rules))


async def notify_of_fault(services: Services, organization: Organization, error: PenstockError) -> None:
    """Tell of a pass that ended without a report. Never raises."""
    rules = services.notifications.rules_for(organization)
    if rules:
        await _safely(services, organization, lambda told: _after_fault(told, services, organization, error, rules))


_Telling = Callable[[Told | None], tuple[Told, list[_Entry]] | None]


async def _safely(services: Services, organization: Organization, tell: _Telling) -> None:
    try:
        await asyncio.to_thread(_keep, services, organization.name, tell)
    except StoreFailed as error:
        log.warning("notification.not-written", organization=organization.name, error=error.message)


def _keep(services: Services, organization: str, tell: _Telling) -> None:
    """Write the messages and what was told, or neither. Nothing is written where nothing is new."""
    store = services.store
    for _ in range(_TRIES):
        kept = store.told.of(organization)
        found = tell(None if kept is None else Told.read(kept))
        if found is None:
            return
        told, entries = found
        state = told.to_json()
        if state == kept:
            return
        with store.together():
            if store.told.replace(organization, kept, state):
                for entry in entries:
                    store.outbox.add_once(entry.key, entry.target, entry.kind, entry.payload)
                return


def _after_pass(told: Told | None, view: PassView, rules: Iterable[NotificationRule]) -> tuple[Told, list[_Entry]]:
    news = news_of(told, view)
    found = Findings(
        at=view.services.clock.now(),
        syncs=tuple(sync_news(sync, view) for sync in news.syncs),
        drift=tuple(drift_news(entry, view) for entry in news.drift),
        troubles=standing_now(view),
    )
    after, happenings = what_to_tell(news.known, what_is_over(found, news.known, view))
    entries = [
        entry
        for happening in happenings
        for entry in _entries(happening, _background(happening, view, news), rules, after, view.services)
    ]
    status = status_of(view, after)
    if status == after.status:
        return after, entries
    after = replace(after, status=status, sequence=after.sequence + 1)
    return after, [*entries, *_statuses(after, view, rules)]


def _after_fault(
    told: Told | None,
    services: Services,
    organization: Organization,
    error: PenstockError,
    rules: Iterable[NotificationRule],
) -> tuple[Told, list[_Entry]] | None:
    """Nothing but the fault is known. Before the first pass that told anything, there is nothing to compare with."""
    if told is None:
        return None
    found = Findings(at=services.clock.now(), troubles=(of_error(error, None),))
    after, happenings = what_to_tell(told, found)
    background = Background(organization=organization, at=found.at, server=services.settings.public_url)
    return after, [each for one in happenings for each in _entries(one, background, rules, after, services)]


def _background(happening: Happening, view: PassView, news: News) -> Background:
    found = Background(
        organization=view.organization,
        at=view.services.clock.now(),
        server=view.services.settings.public_url,
        revision=view.report.revision,
    )
    for sync in news.syncs:
        if sync.id == happening.sync_id:
            return replace(
                found, revision=sync.revision, author=sync.author, actor=sync.actor, plan_digest=sync.plan_digest
            )
    return replace(found, author=view.author(), plan_digest=None if view.plan is None else view.plan.digest)


def _entries(
    happening: Happening, background: Background, rules: Iterable[NotificationRule], told: Told, services: Services
) -> Iterator[_Entry]:
    for message in addressed(happening, background, rules, told.sequence):
        yield from _of_message(message, services)


def _of_message(message: AddressedMessage, services: Services) -> Iterator[_Entry]:
    """A message for each mailbox, so that each is tried again by itself; else one."""
    known, name = services.notifications, message.receiver
    if name in known.statuses:
        return
    payload = event(NOTIFICATION, plain(message.document))
    if name not in known.mailboxes:
        yield _Entry(message.key, name, NOTIFICATION, payload)
    for mailbox in known.mailboxes.get(name, ()):
        yield _Entry(message_key(message.key, mailbox), name, NOTIFICATION, {**payload, RECIPIENT: mailbox})


def _statuses(told: Told, view: PassView, rules: Iterable[NotificationRule]) -> Iterator[_Entry]:
    """The commit's new status, for the forge of the repository that describes the organisation."""
    name, settings = view.organization.name, view.services.settings
    url = None if settings.public_url is None else settings.public_url + organization_address(name)
    payload: dict[str, Any] = status_payload(name, told.status, url)
    for receiver in sorted({rule.receiver for rule in rules}):
        if view.services.notifications.statuses.get(receiver) == (settings.repository_url or ""):
            key = message_key(receiver, name, *told.status, str(told.sequence))
            yield _Entry(key, receiver, COMMIT_STATUS, payload)
