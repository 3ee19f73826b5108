"""Fills the templates of messages: Penstock's own, or an operator's files.

Every value is escaped for the format that the template is written in, also in an operator's template. Templates run in
Jinja2's sandbox. One that fails while it is filled is replaced by Penstock's own, so that the message arrives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import structlog
from jinja2 import StrictUndefined, TemplateError, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from controller.domain.errors.process import SettingsInvalid
from controller.domain.notification import NotificationEvent, NotificationSeverity
from controller.notify.document import NotificationDocument, NotifiedFlow
from controller.notify.receiver import MessageTemplates

log = structlog.get_logger()

_OWN: Final = Path(__file__).parent / "templates"
_LARGEST: Final = 64 * 1024
_SHOWN_SHA: Final = 12


@dataclass(frozen=True, slots=True)
class TextFormat:
    """How a format writes text."""

    escape: Callable[[str], str]
    """Makes a value show as it is: no link, no mention, no style."""
    bold: Callable[[str], str] = str
    """Emphasises text that is escaped already."""


class Renderer:
    """Fills the templates of one receiver."""

    def __init__(self, written: TextFormat, templates: MessageTemplates | None = None) -> None:
        """Raises SettingsInvalid for a template that cannot be read, or not be filled with an example."""
        self._format = written
        self._files = templates or MessageTemplates()
        for file, fill in (
            (self._files.title, self.title),
            (self._files.text, self.text),
            (self._files.html, self.html),
        ):
            if file is not None:
                _check(file, fill)

    def title(self, message: NotificationDocument) -> str:
        """One line, escaped."""
        own = self._format.escape(message.title)
        found = own if self._files.title is None else self._filled(self._files.title, message, lambda: own)
        return " ".join(found.split()) or own

    def text(self, message: NotificationDocument) -> str:
        """What happened, to what, why and what to do next, in lines."""

        def own() -> str:
            return _fill(_source(_OWN / "text.jinja"), message, self._format)

        found = own() if self._files.text is None else self._filled(self._files.text, message, own)
        return "\n".join(line.rstrip() for line in found.splitlines() if line.strip())

    def html(self, message: NotificationDocument) -> str:
        """The same as a page."""

        def own() -> str:
            return _fill(_source(_OWN / "mail.html.jinja"), message, None)

        if self._files.html is None:
            return own()
        return self._filled(self._files.html, message, own, html=True)

    def _filled(self, file: Path, message: NotificationDocument, own: Callable[[], str], *, html: bool = False) -> str:
        try:
            return _fill(_source(file), message, None if html else self._format)
        except (TemplateError, SettingsInvalid, ArithmeticError, TypeError, ValueError, LookupError) as error:
            log.warning("notification.template-broken", file=str(file), error=str(error))
            return own()


def facts_of(message: NotificationDocument) -> Sequence[tuple[str, str]]:
    """Name and value of the circumstances, for people."""
    found = (
        ("Organisation", message.organization),
        ("Event", f"{message.event.value} ({message.severity.value})"),
        ("Commit", message.revision[:_SHOWN_SHA] if message.revision else None),
        ("Author", message.author),
        ("Asked by", message.actor if message.actor != message.author else None),
        ("Delivery", None if message.sync_id is None else str(message.sync_id)),
        ("Plan", message.plan_digest),
    )
    return tuple((name, value) for name, value in found if value)


def _fill(source: str, message: NotificationDocument, written: TextFormat | None) -> str:
    """Without a format, the values are escaped for HTML."""
    template = _environment(written).from_string(source)
    bold: Callable[[str], str] = str if written is None else _emphasis(written)
    return template.render(message=message, facts=facts_of(message), bold=bold)


class _Written(str):
    """Text that is escaped already."""

    __slots__ = ()


def _emphasis(written: TextFormat) -> Callable[[str], str]:
    return lambda text: _Written(written.bold(written.escape(text)))


@cache
def _environment(written: TextFormat | None) -> ImmutableSandboxedEnvironment:
    def escaped(value: object) -> object:
        if written is None or isinstance(value, _Written | Undefined):
            return value
        return "" if value is None else written.escape(str(value))

    return ImmutableSandboxedEnvironment(
        autoescape=written is None,
        finalize=escaped,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _source(file: Path) -> str:
    try:
        with file.open(encoding="utf-8") as opened:
            text = opened.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        raise SettingsInvalid(f"the template {file} cannot be read: {error}") from error
    if len(text) > _LARGEST:
        raise SettingsInvalid(f"the template {file} has more than {_LARGEST // 1024} KiB")
    return text


def _check(file: Path, fill: Callable[[NotificationDocument], str]) -> None:
    """Raise SettingsInvalid where the template cannot be filled with an example."""
    source = _source(file)
    try:
        _environment(None).from_string(source).render(message=EXAMPLE, facts=facts_of(EXAMPLE), bold=str)
    except (TemplateError, ArithmeticError, TypeError, ValueError, LookupError) as error:
        line = getattr(error, "lineno", None)
        where = f"{file}:{line}" if line else str(file)
        raise SettingsInvalid(
            f"the template {where} cannot be filled: {error}",
            hint="a template knows `message`, `facts` and `bold`: docs/how-to/send-messages.md",
        ) from error
    fill(EXAMPLE)


EXAMPLE: Final = NotificationDocument(
    event=NotificationEvent.ROLLED_BACK,
    severity=NotificationSeverity.ERROR,
    organization="example",
    title="example: main-ivr was rolled back",
    outcome="gate-failed",
    why="",
    next_step="commit a correction",
    url="https://penstock.example.com/syncs/7",
    revision="4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    author="Ada Lovelace",
    actor="Ada Lovelace",
    sync_id=7,
    plan_digest=None,
    flows=(
        NotifiedFlow(
            flow="main-ivr",
            type="inboundcall",
            name="Main IVR",
            outcome="gate-failed",
            why="gate errorRate: 8 of 50 executions failed",
            from_version="1.0",
            to_version="2.0",
            changes=None,
        ),
    ),
    flows_total=1,
    at="2026-01-05T12:00:00+00:00",
)
"""A message as it may come, to try templates with."""
