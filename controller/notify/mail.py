"""Sends messages by e-mail, one mail for each recipient, so that each is tried again by itself.

The mail says what every format says, as plain text and as HTML. The connection is encrypted and the server's
certificate checked, unless the operator says otherwise.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.errors import MessageError
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Final

import aiosmtplib

from controller.domain.redaction import SECRETS
from controller.domain.visible import visible
from controller.notify.chat import document_of, not_for_people
from controller.notify.document import NotificationDocument
from controller.notify.outbox import RECIPIENT, OutgoingMessage
from controller.notify.receiver import MailSecurity, MessageTemplates
from controller.notify.rendering import Renderer, TextFormat, facts_of
from controller.notify.target import LONGEST_TRY_S, Reply, Send

_MAIL_TEXT: Final = TextFormat(str)
_SHOWN: Final = 200
_SUBJECT: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """Where mails are handed in, as the operator says."""

    host: str
    port: int
    security: MailSecurity = MailSecurity.STARTTLS
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: Path | None = None
    """Authorities to trust instead of the system's, as PEM."""
    sender: str
    recipients: tuple[str, ...]


class MailTarget:
    """The recipients of one receiver, behind one mail server."""

    def __init__(self, server: MailServer, templates: MessageTemplates | None = None) -> None:
        """Raises SettingsInvalid for an unusable template."""
        self._server = server
        self._renderer = Renderer(_MAIL_TEXT, templates)

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Send]:
        """Sends each mail over a connection of its own: messages are rare."""
        yield self._send

    async def _send(self, message: OutgoingMessage) -> Reply:
        document, recipient = document_of(message), message.payload.get(RECIPIENT)
        if document is None or recipient not in self._server.recipients:
            return not_for_people(message)
        host = self._server.host
        try:
            mail = self._mail(message, document, str(recipient))
            async with asyncio.timeout(LONGEST_TRY_S):
                await self._hand_in(mail, str(recipient))
        except TimeoutError:
            return Reply(taken=False, reason=f"{host} did not answer within {LONGEST_TRY_S:g} s")
        except aiosmtplib.SMTPException as error:
            return _refusal(host, error)
        except (OSError, ValueError, MessageError) as error:
            return Reply(taken=False, reason=f"{host} cannot be reached ({_words(error)})")
        return Reply(taken=True)

    async def _hand_in(self, mail: EmailMessage, recipient: str) -> None:
        server = self._server
        encrypted = server.security is not MailSecurity.NONE
        await aiosmtplib.send(
            mail,
            sender=server.sender,
            recipients=[recipient],
            hostname=server.host,
            port=server.port,
            username=server.username,
            password=server.password,
            use_tls=server.security is MailSecurity.TLS,
            start_tls=server.security is MailSecurity.STARTTLS,
            tls_context=ssl.create_default_context(cafile=server.ca_file) if encrypted else None,
            timeout=LONGEST_TRY_S,
        )

    def _mail(self, message: OutgoingMessage, document: NotificationDocument, recipient: str) -> EmailMessage:
        renderer = self._renderer
        mail = EmailMessage()
        mail["From"] = self._server.sender
        mail["To"] = recipient
        mail["Subject"] = visible(SECRETS.text(f"[Penstock] {renderer.title(document)}"))[:_SUBJECT]
        mail["Date"] = format_datetime(datetime.fromisoformat(document.at))
        # The same at every try, so that a mail server can drop duplicates.
        mail["Message-ID"] = f"<{document.event.value}.{message.id}.{_number(document.at)}@{self._server.host}>"
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Penstock-Event"] = document.event.value
        mail.set_content(SECRETS.text(_text(renderer, document)))
        mail.add_alternative(SECRETS.text(renderer.html(document)), subtype="html")
        return mail


def _number(at: str) -> str:
    """A moment as digits, which tell the mails of two installations apart."""
    return "".join(filter(str.isdecimal, at))


def _text(renderer: Renderer, document: NotificationDocument) -> str:
    facts = [f"{name}: {value}" for name, value in facts_of(document)]
    link = ["", document.url] if document.url else []
    return "\n".join([renderer.title(document), "", renderer.text(document), "", *facts, *link, ""])


def _refusal(host: str, error: aiosmtplib.SMTPException) -> Reply:
    """A code of 5xx about the mail or its recipient is final; 4xx (such as greylisting) is worth another try."""
    code = _code(error)
    reason = f"{host} answered {code}: {_words(error)}" if code else f"{host} cannot be reached ({_words(error)})"
    # Without a login nothing is taken, whatever the mail: a person has to mend that.
    about_login = isinstance(error, aiosmtplib.SMTPAuthenticationError | aiosmtplib.SMTPHeloError)
    about_mail = code >= 400 and not about_login and code != 421  # 421: the service is not available
    return Reply(taken=False, reason=reason, answered=about_mail, final=about_mail and code >= 500)


def _code(error: aiosmtplib.SMTPException) -> int:
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        return error.recipients[0].code
    return error.code if isinstance(error, aiosmtplib.SMTPResponseException) else 0


def _words(error: Exception) -> str:
    """What the server, or the library, says, on one line."""
    if isinstance(error, aiosmtplib.SMTPRecipientsRefused):
        error = error.recipients[0]
    said = error.message if isinstance(error, aiosmtplib.SMTPException) else str(error)
    return visible(SECRETS.text(f"{said or type(error).__name__}".replace("\n", " ")))[:_SHOWN]
