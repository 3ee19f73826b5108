"""Who is told of what: the receivers of one process, the operator's rules, and the rules of manifests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from controller.domain.desired import Organization
from controller.domain.notification import NotificationRule
from controller.notify.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Notifications:
    """The receivers of one process, and the operator's rules."""

    targets: Mapping[str, Target] = field(default_factory=dict)
    """What sends to each receiver."""
    mailboxes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The recipients of those that are mailboxes: each gets a message of its own."""
    statuses: Mapping[str, str] = field(default_factory=dict)
    """The URL of the repository of those that are commit statuses."""
    rules: tuple[NotificationRule, ...] = ()

    def rules_for(self, organization: Organization) -> tuple[NotificationRule, ...]:
        """The rules that tell of this organisation; those of its manifest say nothing of others."""
        own = (replace(rule, organizations=()) for rule in organization.notifications if rule.receiver in self.targets)
        operators = (rule for rule in self.rules if rule.concerns(organization.name))
        return (*operators, *own)
