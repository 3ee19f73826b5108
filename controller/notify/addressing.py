"""Turns what happened into one message for each receiver that a rule names, each once for its key."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from controller.domain.desired import Organization
from controller.domain.notification import NotificationRule, NotificationSeverity
from controller.domain.redaction import SECRETS
from controller.domain.visible import visible
from controller.notify.document import MOST_FLOWS, NotificationDocument, NotifiedFlow
from controller.notify.events import Happening
from controller.notify.troubles import Trouble
from controller.notify.wording import next_step, page, reason, title

_LONGEST_TEXT = 2000
"""Characters of a reason or a next step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """The circumstances of what happened."""

    organization: Organization
    at: datetime
    server: str | None
    """The address of the controller's pages; None without one."""
    revision: str | None = None
    author: str | None = None
    actor: str | None = None
    plan_digest: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressedMessage:
    """A message for one receiver."""

    receiver: str
    key: str
    """The same for the same receiver, objects, digests and outcomes of one occurrence; 64 characters."""
    document: NotificationDocument = field(repr=False)


def addressed(
    happening: Happening, background: Background, rules: Iterable[NotificationRule], occurrence: int
) -> Iterator[AddressedMessage]:
    """One message for each receiver. `occurrence` tells the same trouble from an earlier one that was over."""
    for receiver, own in sorted(_by_receiver(rules, background.organization.name).items()):
        chosen = [each for each in happening.troubles if _takes(own, happening, each, background.organization)]
        if chosen:
            key = _key(receiver, happening, background.organization.name, chosen, occurrence)
            yield AddressedMessage(receiver=receiver, key=key, document=_document(happening, chosen, background))


def _by_receiver(rules: Iterable[NotificationRule], organization: str) -> Mapping[str, list[NotificationRule]]:
    found: dict[str, list[NotificationRule]] = {}
    for rule in rules:
        if rule.concerns(organization):
            found.setdefault(rule.receiver, []).append(rule)
    return found


def _takes(
    rules: Collection[NotificationRule], happening: Happening, trouble: Trouble, organization: Organization
) -> bool:
    return any(
        rule.takes(happening.event, trouble.severity) and _concerns(rule, trouble, organization) for rule in rules
    )


def _concerns(rule: NotificationRule, trouble: Trouble, organization: Organization) -> bool:
    """A whole organisation concerns those who have a flow in it."""
    if trouble.object or not rule.labels:
        return rule.chooses(trouble.labels)
    return any(rule.chooses(flow.labels) for flow in organization.flows)


def _key(receiver: str, happening: Happening, organization: str, troubles: Iterable[Trouble], occurrence: int) -> str:
    """A delivery happens once; everything else is told again when it begins again."""
    when = f"occurrence {occurrence}" if happening.sync_id is None else f"sync {happening.sync_id}"
    about = [f"{each.topic.value}\0{each.object}\0{each.digest}\0{each.outcome}" for each in troubles]
    return message_key(receiver, organization, happening.event.value, when, *about)


def message_key(*parts: str) -> str:
    """The key in the outbox of what these parts tell from all else; 64 characters."""
    return hashlib.sha256("\0\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()


def _document(happening: Happening, troubles: list[Trouble], background: Background) -> NotificationDocument:
    name, first, event = background.organization.name, troubles[0], happening.event
    whole = not first.object
    path = page(name, happening, troubles)
    graves = [each.severity for each in troubles]
    return NotificationDocument(
        event=event,
        severity=max(graves, key=lambda each: each.rank, default=NotificationSeverity.INFO),
        organization=name,
        title=_line(title(name, happening, troubles), 250),
        outcome=first.outcome,
        why="; ".join(_line(reason(each)) for each in troubles) if whole else "",
        next_step=_line(next_step(name, event, troubles)),
        url=None if background.server is None else f"{background.server.rstrip('/')}{path}",
        revision=background.revision,
        author=_line(background.author) if background.author else None,
        actor=_line(background.actor) if background.actor else None,
        sync_id=happening.sync_id,
        plan_digest=background.plan_digest,
        flows=() if whole else tuple(_flow(each) for each in troubles[:MOST_FLOWS]),
        flows_total=0 if whole else len(troubles),
        at=background.at.isoformat(),
    )


def _flow(trouble: Trouble) -> NotifiedFlow:
    return NotifiedFlow(
        flow=_line(trouble.object),
        type=trouble.type,
        name=_line(trouble.name),
        outcome=trouble.outcome,
        why=_line(reason(trouble), 500),
        from_version=trouble.from_version,
        to_version=trouble.to_version,
        changes=trouble.changes,
    )


def _line(text: str, longest: int = _LONGEST_TEXT) -> str:
    """One line without secrets and hidden characters, of bounded length."""
    shown = visible(SECRETS.text(text))
    return shown if len(shown) <= longest else f"{shown[: longest - 1]}…"
