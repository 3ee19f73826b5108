"""What people ask of a controller from a command: sync, retry and rollback, and following each until it has ended."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Final, Protocol
from urllib.parse import quote

import typer

from controller.cli import exit_codes
from controller.cli.options import TextOrJson
from controller.cli.remote import ControllerClient, open_remote
from controller.domain.documents import json_text
from controller.domain.errors.api import ControllerUnavailable
from controller.domain.errors.process import SettingsInvalid
from controller.domain.visible import visible
from controller.questions.action_document import ActionDocument, ActionStateDocument
from controller.questions.live_document import OrganizationsDocument, RunningDocument, RunningPassDocument
from controller.reconcile.settings import Settings
from controller.store.actions import ActionOutcome, Verb

_POLL_S: Final = 1.0
_UNHEARD: Final = 60
"""Questions in a row that a controller may leave unanswered, each repeated a few times: it may be restarting."""


def at_organization(remote: ControllerClient, given: Sequence[str] | None, what: str) -> str:
    """The path of the one organisation that a command is for: the one that is given, else the only one there is.

    Raises SettingsInvalid where there is more than one, or none.
    """
    names = list(given or ())
    if not names:
        names = [each.name for each in remote.get("/organizations", OrganizationsDocument).organizations]
    if len(names) == 1:
        return f"/organizations/{segment(names[0])}"
    shown = visible(", ".join(names))
    there = f"there are {shown}" if names else f"{remote.origin} has none that this token may see"
    raise SettingsInvalid(f"{what} is for one organisation; {there}", hint="choose one with --organization")


def segment(name: str) -> str:
    """A name as one segment of a path. `.` and `..`, which URLs cannot have as one, are refused."""
    if name in ("", ".", ".."):
        raise SettingsInvalid(f"{name!r} is no name")
    return quote(name, safe="")


def required_reason(reason: str | None) -> str:
    """The reason of `--reason`, or the answer to a question on a terminal. Raises a usage error where there is none."""
    given = reason
    if given is None and sys.stdin.isatty() and sys.stderr.isatty():
        given = str(typer.prompt("Reason, for the audit log", err=True))
    given = (given or "").strip()
    if not given:
        raise typer.BadParameter("say why, for the audit log", param_hint="--reason")
    return given


class AskingOptions(Protocol):
    """The options that every action has."""

    @property
    def organization(self) -> list[str] | None: ...

    @property
    def wait(self) -> bool: ...

    @property
    def output(self) -> TextOrJson: ...


def ask_controller(
    server: str, settings: Settings, verb: Verb, options: AskingOptions, body: Mapping[str, str | None]
) -> int:
    """Carry an action out at the controller of `--server`; returns the exit code, as `carry_out` does."""
    with open_remote(server, settings) as remote:
        path = f"{at_organization(remote, options.organization, f'a {verb.value}')}/{verb.value}"
        return carry_out(remote, path, body, wait=options.wait, output=options.output)


def carry_out(
    remote: ControllerClient, path: str, body: Mapping[str, str | None], *, wait: bool, output: TextOrJson
) -> int:
    """Ask for an action, follow it if `wait`, and print it; returns the exit code.

    That is 0 for an action that is only asked for, or done; 3 where it was refused, and 1 where it failed.
    """
    action = remote.post(path, ActionDocument, body).action
    if wait:
        action = _followed(remote, action)
    if output is TextOrJson.JSON:
        print(json_text(ActionDocument(action=action)))
    else:
        print(_text(action))
    if action.outcome in (None, ActionOutcome.DONE):
        return exit_codes.DONE
    return exit_codes.REFUSED if action.outcome is ActionOutcome.REFUSED else exit_codes.ERROR


def _followed(remote: ControllerClient, action: ActionStateDocument) -> ActionStateDocument:
    """The action once it has ended; what runs meanwhile is told on stderr, a line for each step that changes."""
    told: list[str] = []
    unheard = 0
    try:
        while action.done_at is None:
            remote.wait(_POLL_S)
            try:
                action = remote.get(f"/actions/{action.id}", ActionDocument).action
                running = remote.get("/running", RunningDocument)
            except ControllerUnavailable:
                unheard += 1
                if unheard == _UNHEARD:
                    raise
                continue
            unheard = 0
            lines = [
                line
                for each in running.passes
                if each.organization == action.organization
                for line in running_lines(each)
            ]
            for line in lines:
                if line not in told:
                    print(visible(line), file=sys.stderr, flush=True)
            told = lines
    except (KeyboardInterrupt, ControllerUnavailable):
        print(f"penstock: action {action.id} is not ended by this: the controller goes on with it", file=sys.stderr)
        raise
    return action


def running_lines(running: RunningPassDocument | None) -> list[str]:
    """A line for the pass, and for each change that runs; without what changes every second."""
    if running is None:
        return []
    lines = [f"{running.organization}: {running.step}"]
    for each in running.flows:
        version = "" if each.version is None else f" {each.version}"
        until = "" if each.until is None else f", until {each.until:%H:%M} UTC"
        message = f": {each.message}" if each.message else ""
        lines.append(f"{each.organization}: {each.flow}: {each.state}{version}{until}{message}")
    return lines


def _text(action: ActionStateDocument) -> str:
    flow = "" if action.flow is None else f" of {action.flow}"
    what = f"{action.organization}: {action.verb.value}{flow}"
    if action.outcome is None:
        return visible(
            f"{what} is asked for by {action.by} (action {action.id}); the controller carries it out, "
            "and --wait follows it"
        )
    message = f": {action.message}" if action.message else ""
    return visible(f"{what} is {_ENDS[action.outcome]} (action {action.id}){message}")


_ENDS: Final = {
    ActionOutcome.DONE: "done",
    ActionOutcome.REFUSED: "refused",
    ActionOutcome.FAILED: "failed",
    ActionOutcome.INTERRUPTED: "interrupted",
}
