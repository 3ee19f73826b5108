"""Carries out what people asked of the controller: takes an action, makes it a pass, and notes how it ended."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Final

import structlog

from controller.delivery.result import Outcome
from controller.domain.desired import Organization
from controller.domain.errors.branches import PenstockError, Refused, Waiting
from controller.domain.errors.delivery import LeaseHeld
from controller.domain.errors.manifest import CredentialNotAllowed
from controller.domain.errors.process import Interrupted, SettingsInvalid, StoreFailed
from controller.domain.foreign_errors import as_fault
from controller.planning.guard import Confirmations
from controller.reconcile.flow_choice import chosen_flow
from controller.reconcile.ownership import at_work
from controller.reconcile.pass_ import Mode, PassRequest
from controller.reconcile.report import PassReport
from controller.reconcile.services import Services
from controller.service.board import report_message
from controller.store.actions import ActionOutcome, AskedAction, Verb

log = structlog.get_logger()

_HELD_PAUSE_S: Final = 5.0
"""After another controller got the lease first: it carries the action out, unless it dies."""
_LONGEST_TRIGGER: Final = 255
"""What the journal keeps."""
_DONE: Final = frozenset({Outcome.SUCCEEDED, Outcome.PAUSED})


class AskedActions:
    """The actions on one organisation. One is carried out at a time, by the controller that has the lease."""

    def __init__(self, organization: str, services: Services) -> None:
        self._name = organization
        self._services = services
        self._waiting: frozenset[Verb] = frozenset()
        self._not_before_s = 0.0
        self._unnoted: list[Callable[[], None]] = []
        """Ends of actions that the store did not take yet."""

    def wait(self, verbs: frozenset[Verb], organization: Organization) -> bool:
        """Actions wait in the store. Whether this controller should try them now: no other one is at work.

        Raises StoreFailed.
        """
        self._waiting = verbs
        return self._is_free(organization)

    def _is_free(self, organization: Organization) -> bool:
        if self._services.clock.monotonic() < self._not_before_s:
            return False
        try:
            key = self._services.identity(organization).key
        except (SettingsInvalid, CredentialNotAllowed):
            return True  # the pass says what is wrong with the credentials
        return at_work(self._services, key) in (None, self._services.holder)

    def take_up(self, usual: PassRequest, organization: Organization) -> tuple[AskedAction, PassRequest] | None:
        """The next action, which no other controller gets then, with the pass that carries it out.

        `usual` is the pass that would run without it. None without an action, and where it cannot be made a pass, which
        is noted. Raises StoreFailed.
        """
        action = self._take(organization)
        if action is None:
            return None
        try:
            return action, self._request(action, usual, organization)
        except PenstockError as error:
            self._failed(action, error)
            return None

    def _take(self, organization: Organization) -> AskedAction | None:
        self._write()
        if not self._waiting or not self._is_free(organization):
            return None
        action = self._services.store.actions.take(self._name, self._services.holder)
        if action is None:
            self._waiting = frozenset()
        return action

    def _request(self, action: AskedAction, usual: PassRequest, organization: Organization) -> PassRequest:
        """Raises SettingsInvalid for an unknown flow, and StoreFailed."""
        trigger = f"{action.verb.value}: {action.reason}"[:_LONGEST_TRIGGER]
        asked = replace(usual, actor=action.by, trigger=trigger, full_look=True)
        match action.verb:
            case Verb.SYNC:
                said = Confirmations(approved_digest=action.digest)
                return replace(asked, mode=Mode.APPLY, expected_digest=action.digest, confirmations=said)
            case Verb.ROLLBACK:
                key = chosen_flow(action.flow or "", organization.flows)
                return replace(
                    asked, mode=Mode.ROLLBACK, flow=str(key), version=action.version, watches=False, allow_dirty=True
                )
            case Verb.RETRY:
                key = chosen_flow(action.flow or "", organization.flows)
                self._services.store.quarantines.release(self._name, key, by=action.by)
                return asked

    async def carry_out(self, action: AskedAction, run: Callable[[], Awaitable[PassReport]]) -> PassReport:
        """Run the action's pass and note how it ended. Raises what the pass raises."""
        try:
            report = await run()
        except Exception as error:
            self._failed(action, as_fault(error, f"{action.verb.value} of {self._name}"))
            raise
        self._ended(action, report)
        return report

    def _ended(self, action: AskedAction, report: PassReport) -> None:
        """Note how the action's pass ended; an action that did not begin waits again."""
        held = isinstance(report.error, LeaseHeld)
        if held or (isinstance(report.error, Interrupted) and report.result is None):
            if isinstance(report.error, LeaseHeld):
                pause_s = min(report.error.retry_after_s, _HELD_PAUSE_S)
                self._not_before_s = self._services.clock.monotonic() + pause_s
            self._end(lambda: self._services.store.actions.give_back(action))
            return
        outcome = _outcome(action, report)
        self._note(action, outcome, report_message(report) if report.error is None else _with_hint(report.error))

    def _failed(self, action: AskedAction, error: PenstockError) -> None:
        """Note that the action could not be carried out."""
        refused = isinstance(error, Refused | Waiting)
        self._note(action, ActionOutcome.REFUSED if refused else ActionOutcome.FAILED, _with_hint(error))

    def _note(self, action: AskedAction, outcome: ActionOutcome, message: str) -> None:
        log.info(
            "action.ended",
            organization=self._name,
            action=action.id,
            verb=action.verb.value,
            by=action.by,
            outcome=outcome.value,
        )
        self._end(lambda: self._services.store.actions.done(action, outcome, message))

    def _end(self, noting: Callable[[], None]) -> None:
        """Write the end of an action, now or before the next one is taken: it would otherwise stay taken."""
        self._unnoted.append(noting)
        try:
            self._write()
        except StoreFailed as error:
            log.warning("action.not-noted", organization=self._name, error=error.message)

    def _write(self) -> None:
        while self._unnoted:
            self._unnoted[0]()
            self._unnoted.pop(0)


def _outcome(action: AskedAction, report: PassReport) -> ActionOutcome:
    error, result = report.error, report.result
    if error is not None and result is None:
        return ActionOutcome.REFUSED if isinstance(error, Refused | Waiting) else ActionOutcome.FAILED
    if result is None:
        return ActionOutcome.REFUSED if report.blocked and action.verb is not Verb.RETRY else ActionOutcome.DONE
    if result.outcome is Outcome.STOPPED:
        return ActionOutcome.INTERRUPTED
    wanted = {Outcome.ROLLED_BACK} if action.verb is Verb.ROLLBACK else _DONE
    return ActionOutcome.DONE if result.outcome in wanted else ActionOutcome.FAILED


def _with_hint(error: PenstockError) -> str:
    return f"{error.message}; {error.hint}" if error.hint else error.message
