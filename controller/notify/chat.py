"""Posts messages to chats: what takes Slack's format, and Microsoft Teams."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from enum import Enum
from typing import Any

import httpx

from controller.domain.redaction import SECRETS
from controller.notify.document import NOTIFICATION, NotificationDocument
from controller.notify.outbox import OutgoingMessage
from controller.notify.post import http_client, post
from controller.notify.receiver import MessageTemplates, Receiver
from controller.notify.rendering import Renderer, TextFormat
from controller.notify.slack import SLACK_TEXT, slack_payload
from controller.notify.target import Reply, Send
from controller.notify.teams import TEAMS_TEXT, teams_payload

Payload = Callable[[NotificationDocument, Renderer], Mapping[str, Any]]


class Chat(Enum):
    """A kind of chat."""

    SLACK = (SLACK_TEXT, slack_payload)
    TEAMS = (TEAMS_TEXT, teams_payload)

    def __init__(self, written: TextFormat, payload: Payload) -> None:
        self.written = written
        self.payload = payload


class ChatTarget:
    """A channel of a chat, behind a URL that is its secret."""

    def __init__(
        self,
        chat: Chat,
        receiver: Receiver,
        templates: MessageTemplates | None = None,
        http: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`http` replaces the network in tests. Raises SettingsInvalid for an unusable template."""
        self._chat = chat
        self._receiver = receiver
        self._renderer = Renderer(chat.written, templates)
        self._http = http

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[Send]:
        """Sends over connections that are kept within the block."""
        async with http_client(self._http) as client:
            yield lambda message: self._send(client, message)

    async def _send(self, client: httpx.AsyncClient, message: OutgoingMessage) -> Reply:
        document = document_of(message)
        if document is None:
            return not_for_people(message)
        payload = SECRETS.texts(self._chat.payload(document, self._renderer))
        body = json.dumps(payload, separators=(",", ":")).encode()
        return await post(client, self._receiver, body, {}, judge=_judge)


def document_of(message: OutgoingMessage) -> NotificationDocument | None:
    """The document in a message; None in a message of another kind."""
    data = message.payload.get("data")
    if message.kind != NOTIFICATION or not isinstance(data, Mapping):
        return None
    try:
        return NotificationDocument.read(data)
    except (KeyError, TypeError, ValueError):
        return None


def not_for_people(message: OutgoingMessage) -> Reply:
    """The reply where a message cannot be shown, such as one of a newer version."""
    return Reply(taken=False, reason=f"a message of kind {message.kind} cannot be shown", answered=True, final=True)


def _judge(_status: int, text: str) -> str | None:
    """Connectors of Teams answer 200 also where Teams refused the message, and say so in the text."""
    return text if "delivery failed" in text.lower() else None
