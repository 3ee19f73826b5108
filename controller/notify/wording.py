"""Words for what happened: the title, what to do next, and the page or the command for it."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Final

from controller.domain.notification import NotificationEvent
from controller.domain.page_addresses import flow_address, organization_address, sync_address
from controller.domain.wording import counted, span
from controller.notify.events import MOST_STARTS, QUIET, Happening
from controller.notify.troubles import Topic, Trouble

_ONE: Final[Mapping[NotificationEvent, str]] = {
    NotificationEvent.FAILED: "the delivery of {} failed",
    NotificationEvent.ROLLED_BACK: "{} was rolled back",
    NotificationEvent.PAUSED: "{} is paused: a gate cannot decide",
    NotificationEvent.BLOCKED: "the change of {} is blocked",
    NotificationEvent.DRIFT_BEGAN: "{} was changed out of band",
    NotificationEvent.DRIFT_ENDED: "the drift of {} ended",
    NotificationEvent.RECOVERED: "{} recovered",
    NotificationEvent.APPROVAL_WANTED: "{} waits for approval",
}
_MANY: Final[Mapping[NotificationEvent, str]] = {
    NotificationEvent.FAILED: "the delivery of {} failed",
    NotificationEvent.ROLLED_BACK: "{} were rolled back",
    NotificationEvent.PAUSED: "{} are paused: gates cannot decide",
    NotificationEvent.BLOCKED: "the changes of {} are blocked",
    NotificationEvent.DRIFT_BEGAN: "{} were changed out of band",
    NotificationEvent.DRIFT_ENDED: "the drift of {} ended",
    NotificationEvent.RECOVERED: "{} recovered",
    NotificationEvent.APPROVAL_WANTED: "{} wait for approval",
}
_WHOLE: Final[Mapping[tuple[NotificationEvent, Topic], str]] = {
    (NotificationEvent.FAILED, Topic.PASS): "cannot be checked or delivered",
    (NotificationEvent.RECOVERED, Topic.PASS): "can be checked and delivered again",
    (NotificationEvent.BLOCKED, Topic.POLICY): "the delivery is held back",
    (NotificationEvent.RECOVERED, Topic.POLICY): "the delivery is no longer held back",
    (NotificationEvent.APPROVAL_WANTED, Topic.POLICY): "a plan waits for approval",
}
_FLOW_COMMANDS: Final[Mapping[NotificationEvent, str]] = {
    NotificationEvent.FAILED: "commit a correction, or try the same content again: penstock retry {flow}{at}; "
    "where the failed version is live, penstock rollback {flow}{at} brings back the one before",
    NotificationEvent.ROLLED_BACK: "commit a correction, or try the same content again: penstock retry {flow}{at}",
    NotificationEvent.PAUSED: "penstock accept {flow}{at} lets it stay, penstock rollback {flow}{at} takes it back",
    NotificationEvent.BLOCKED: "penstock plan{at} shows what lifts it",
    NotificationEvent.DRIFT_BEGAN: "penstock diff {flow}{at} shows the difference; commit it to git, or undo it",
}


def title(organization: str, happening: Happening, troubles: Sequence[Trouble]) -> str:
    """One line: the organisation, what happened, and to what."""
    first, event = troubles[0], happening.event
    if not first.object:
        return f"{organization}: {_WHOLE.get((event, first.topic), event.value)}"
    if len(troubles) == 1:
        return f"{organization}: {_ONE[event].format(first.object)}"
    return f"{organization}: {_MANY[event].format(counted(len(troubles), 'flow'))}"


def next_step(organization: str, event: NotificationEvent, troubles: Sequence[Trouble]) -> str:
    """What a person can do; the commands name the organisation. Empty where nothing is to be done."""
    first = troubles[0]
    if event.is_end or first.next_step:
        return "" if event.is_end else first.next_step
    command = _FLOW_COMMANDS.get(event, "")
    flow = shlex.quote(first.object) if len(troubles) == 1 else "FLOW"
    return command.format(flow=flow, at=f" --organization {shlex.quote(organization)}")


def page(organization: str, happening: Happening, troubles: Sequence[Trouble]) -> str:
    """The path of the controller's page about it."""
    if happening.sync_id is not None:
        return sync_address(happening.sync_id)
    first = troubles[0]
    if first.topic is Topic.DRIFT:
        return organization_address(organization, "drift")
    if first.topic is Topic.DELIVERY and len(troubles) == 1:
        return flow_address(organization, first.object)
    if happening.event in {NotificationEvent.BLOCKED, NotificationEvent.APPROVAL_WANTED}:
        return organization_address(organization, "plan")
    return organization_address(organization)


def reason(trouble: Trouble) -> str:
    """Why it happened, and that it happens often."""
    if trouble.changes is None:
        return trouble.why
    quiet = span(QUIET.total_seconds())
    often = (
        f"it began {MOST_STARTS} times within {quiet}: from now on this is only counted, until it is quiet for {quiet}"
        if trouble.changes == 0
        else f"it began or ended {trouble.changes} more times, and was quiet for {quiet} since"
    )
    return f"{trouble.why}; {often}" if trouble.why else often
