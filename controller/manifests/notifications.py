"""The shape of rules that say who is told of what. A manifest names receivers, and never says where they are."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping

from pydantic import Field, StrictStr

from controller.domain.desired import Origin
from controller.domain.notification import NotificationEvent, NotificationRule, NotificationSeverity
from controller.manifests.fields import Slug
from controller.manifests.report import Report
from controller.manifests.shape import Shape
from controller.manifests.wording import did_you_mean, dotted, quoted

_RULE = NotificationRule("")


class NotificationShape(Shape):
    """Which events of this organisation a receiver is told of."""

    receiver: Slug
    """A receiver of the operator's configuration, by name."""
    events: tuple[NotificationEvent, ...] = ()
    """The kinds of events; all when empty."""
    severity: NotificationSeverity = _RULE.severity
    """The mildest events that are told. The end of something is as grave as that was."""
    labels: Mapping[str, StrictStr] = Field(default_factory=dict)
    """Only flows with all these labels; what concerns the whole organisation is told where it has such a flow."""

    def value(self) -> NotificationRule:
        """The rule."""
        events = frozenset(self.events) or _RULE.events
        return NotificationRule(self.receiver, events, self.severity, dict(self.labels))


def check_receivers(
    rules: Iterable[NotificationShape], known: Collection[str] | None, origin: Callable[..., Origin], report: Report
) -> None:
    """Report receivers that the operator did not configure; none where that is not known. `origin` is of a path."""
    for index, rule in enumerate(rules):
        if known is not None and rule.receiver not in known:
            path = ("spec", "notifications", index, "receiver")
            message = f"{dotted(path)} names {quoted(rule.receiver)}, which is no receiver of the operator"
            there = f"there is: {', '.join(sorted(known)) or 'none'}"
            report.add(origin(*path), message, hint=did_you_mean(rule.receiver, known) or there)
