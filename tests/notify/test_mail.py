"""Mails are handed in to a real server: encrypted, with a login, once for each mailbox, whatever names say."""

# ruff: noqa: ARG002, N802 - aiosmtpd calls handlers by its own names and with all that it has

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from controller.domain.redaction import SECRETS
from controller.notify.mail import MailServer, MailTarget
from controller.notify.receiver import MailSecurity
from controller.notify.rendering import EXAMPLE
from controller.notify.target import Reply
from tests.notify.messages import HOSTILE, Queued, hostile, many
from tests.support.certificates import own_certificate

PASSWORD = "correct-horse-battery-staple"
ADA, BOB = "ada@example.com", "bob@example.com"


@dataclass
class Mailbox:
    """A mail server that keeps what it takes, and answers as the test says."""

    mails: list[Envelope] = field(default_factory=list)
    recipient: Callable[[str], str] = lambda _: "250 OK"
    data: str = "250 OK"
    encrypted: list[bool] = field(default_factory=list)
    logins: list[bytes] = field(default_factory=list)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        answer = self.recipient(address)
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        if self.data.startswith("250"):
            self.mails.append(envelope)
        return self.data

    def login(self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        self.logins.append(data.login)
        return AuthResult(success=data.password == PASSWORD.encode(), handled=False)

    def read(self) -> list[EmailMessage]:
        return [message_from_bytes(mail.original_content, policy=policy.default) for mail in self.mails]  # type: ignore[arg-type, misc]


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    return own_certificate(tmp_path)


def context(certificate: Path) -> ssl.SSLContext:
    made = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    made.load_cert_chain(certificate, certificate.with_name("key.pem"))
    return made


@asynccontextmanager
async def served(box: Mailbox, certificate: Path, security: MailSecurity, **more: Any) -> AsyncIterator[MailServer]:
    """The settings of a mail server that runs within the block."""
    tls = context(certificate)
    starttls = {"tls_context": tls, "require_starttls": True} if security is MailSecurity.STARTTLS else {}

    def protocol() -> SMTP:
        return SMTP(box, hostname="mail.example.com", authenticator=box.login, **starttls, **more)

    loop = asyncio.get_running_loop()
    implicit = tls if security is MailSecurity.TLS else None
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=implicit)
    try:
        yield MailServer(
            host="127.0.0.1",
            port=server.sockets[0].getsockname()[1],
            security=security,
            ca_file=certificate,
            sender="penstock@example.com",
            recipients=(ADA, BOB),
        )
    finally:
        server.close()


async def handed_in(settings: MailServer, message: Queued | None = None) -> Reply:
    async with MailTarget(settings).opened() as send:
        return await send(message or Queued(recipient=ADA))


@pytest.mark.parametrize("security", [MailSecurity.STARTTLS, MailSecurity.TLS])
async def test_a_mail_arrives_encrypted_with_text_and_page(certificate: Path, security: MailSecurity) -> None:
    box = Mailbox()
    # The server does not know that it is behind TLS from the beginning.
    login = {"auth_required": True} if security is MailSecurity.STARTTLS else {"auth_require_tls": False}
    async with served(box, certificate, security, **login) as settings:
        reply = await handed_in(replace(settings, username="penstock", password=PASSWORD))

    assert (reply.taken, box.encrypted, box.logins) == (True, [True], [b"penstock"])
    (mail,) = box.read()
    assert (mail["From"], mail["To"], box.mails[0].rcpt_tos) == ("penstock@example.com", ADA, [ADA])
    assert mail["Subject"] == "[Penstock] example: main-ivr was rolled back"
    assert mail["Auto-Submitted"] == "auto-generated"
    text, page = (part.get_content() for part in mail.iter_parts())
    for said in (
        "main-ivr",
        "8 of 50 executions failed",
        "commit a correction",
        "https://penstock.example.com/syncs/7",
    ):
        assert said in text
        assert said in page


async def test_without_encryption_only_where_the_operator_says_so(certificate: Path) -> None:
    box = Mailbox()
    async with served(box, certificate, MailSecurity.NONE) as settings:
        assert (await handed_in(settings)).taken
        refused = await handed_in(replace(settings, security=MailSecurity.STARTTLS))

    assert box.encrypted == [False]
    assert not refused.taken
    assert "STARTTLS" in refused.reason


@pytest.mark.parametrize("security", [MailSecurity.STARTTLS, MailSecurity.TLS])
async def test_a_server_with_another_certificate_gets_nothing(
    certificate: Path, tmp_path_factory: pytest.TempPathFactory, security: MailSecurity
) -> None:
    box, other = Mailbox(), own_certificate(tmp_path_factory.mktemp("other"))
    async with served(box, certificate, security) as settings:
        reply = await handed_in(replace(settings, ca_file=other, username="penstock", password=PASSWORD))

    assert (box.mails, box.logins) == ([], [])
    assert not reply.taken
    assert not reply.final
    assert "certificate" in reply.reason.lower()


async def test_a_refused_login_is_told_without_the_password_and_tried_again(certificate: Path) -> None:
    box = Mailbox()
    SECRETS.register("wrong-password-of-ours")
    async with served(box, certificate, MailSecurity.STARTTLS) as settings:
        reply = await handed_in(replace(settings, username="penstock", password="wrong-password-of-ours"))

    assert not reply.taken
    assert "535" in reply.reason
    assert "wrong-password" not in reply.reason
    assert (reply.answered, reply.final) == (False, False), "no mail gets through, so the others need not be tried"


async def test_a_greylisted_mailbox_is_tried_again_and_a_refused_one_never(certificate: Path) -> None:
    answers = {ADA: "451 4.7.1 greylisted, try again later", BOB: "550 5.1.1 no such user"}
    box = Mailbox(recipient=lambda address: answers[address])
    async with served(box, certificate, MailSecurity.STARTTLS) as settings:
        later = await handed_in(settings, Queued(recipient=ADA))
        never = await handed_in(settings, Queued(recipient=BOB))

    assert (later.taken, later.answered, later.final) == (False, True, False)
    assert (never.taken, never.answered, never.final) == (False, True, True)
    assert "451: 4.7.1 greylisted" in later.reason
    assert "550: 5.1.1 no such user" in never.reason


async def test_refused_content_is_final_and_a_full_server_is_not(certificate: Path) -> None:
    box = Mailbox(data="552 5.3.4 too large")
    async with served(box, certificate, MailSecurity.STARTTLS) as settings:
        large = await handed_in(settings)
        box.data = "452 4.3.1 no space"
        full = await handed_in(settings)

    assert (large.answered, large.final) == (True, True)
    assert (full.answered, full.final) == (True, False)


async def test_a_server_that_is_away_or_closing_is_tried_again(certificate: Path) -> None:
    box = Mailbox(recipient=lambda _: "421 4.3.2 shutting down")
    async with served(box, certificate, MailSecurity.STARTTLS) as settings:
        closing = await handed_in(settings)
    away = await handed_in(settings)

    for reply in (closing, away):
        assert (reply.taken, reply.answered, reply.final) == (False, False, False)
    assert "127.0.0.1" in away.reason


async def test_a_server_that_says_nothing_is_given_up_in_time(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("controller.notify.mail.LONGEST_TRY_S", 0.1)
    over = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await over.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    reply = await handed_in(
        MailServer(host="127.0.0.1", port=port, sender="a@example.com", recipients=(ADA,), ca_file=certificate)
    )
    over.set()
    server.close()

    assert (reply.taken, reply.answered) == (False, False)
    assert "did not answer within 0.1 s" in reply.reason or "Timed out" in reply.reason


async def test_no_name_ends_a_header_or_becomes_markup(certificate: Path) -> None:
    box = Mailbox()
    evil = "x\r\nBcc: victim@example.com\r\n\r\nHello"
    message = replace(hostile(), title=evil, organization="acme")
    async with served(box, certificate, MailSecurity.STARTTLS) as settings:
        assert (await handed_in(settings, Queued(message, recipient=ADA))).taken

    (mail,) = box.read()
    assert mail["Bcc"] is None
    assert mail["Subject"] == r"[Penstock] x Bcc: victim@example.com Hello"
    assert box.mails[0].rcpt_tos == [ADA]
    text, page = (part.get_content() for part in mail.iter_parts())
    assert HOSTILE in text
    assert "<at>" not in page


async def test_a_long_message_in_any_script_arrives(certificate: Path) -> None:
    box = Mailbox()
    message = replace(many(500), title="Grüße 漢字 🎉", why="é" * 2000)
    async with served(box, certificate, MailSecurity.STARTTLS) as settings:
        assert (await handed_in(settings, Queued(message, recipient=ADA))).taken

    (mail,) = box.read()
    assert mail["Subject"] == "[Penstock] Grüße 漢字 🎉"
    assert "… and 450 more" in next(iter(mail.iter_parts())).get_content()


async def test_secrets_are_masked_in_subject_text_and_page(certificate: Path) -> None:
    SECRETS.register("s3cr3t-of-an-organisation")
    box = Mailbox()
    message = replace(EXAMPLE, title="s3cr3t-of-an-organisation", why="it said s3cr3t-of-an-organisation")
    async with served(box, certificate, MailSecurity.STARTTLS) as settings:
        await handed_in(settings, Queued(message, recipient=ADA))

    (mail,) = box.read()
    said = [str(mail["Subject"]), *(part.get_content() for part in mail.iter_parts())]
    assert not any("s3cr3t-of-an-organisation" in part for part in said)
    assert all("***" in part for part in said)


async def test_the_same_mail_has_the_same_id_at_every_try(certificate: Path) -> None:
    box = Mailbox()
    async with served(box, certificate, MailSecurity.STARTTLS) as settings:
        for _ in range(2):
            await handed_in(settings)
        await handed_in(settings, Queued(id=8, recipient=ADA))

    first, again, other = (mail["Message-ID"] for mail in box.read())
    assert first == again != other


async def test_a_mailbox_that_the_operator_took_away_gets_nothing_more(certificate: Path) -> None:
    box = Mailbox()
    async with served(box, certificate, MailSecurity.STARTTLS) as settings:
        reply = await handed_in(settings, Queued(recipient="gone@example.com"))

    assert (reply.taken, reply.final, box.mails) == (False, True, [])
