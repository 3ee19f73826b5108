"""Notification channels: who wants to hear of what. Messages wait in a channel until its websocket takes them."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

JSON = dict[str, object]
LIFETIME_S = 86_400.0
MOST_WAITING = 10_000


@dataclass(slots=True)
class Channel:
    id: str
    client_id: str
    expires_at: datetime
    topics: dict[str, None] = field(default_factory=dict)
    """In the order in which they were subscribed."""
    waiting: asyncio.Queue[JSON] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))


@dataclass(slots=True)
class Notifications:
    """All channels. They live in memory only, as a client must reconnect after a restart anyway."""

    channels: dict[str, Channel] = field(default_factory=dict)
    announcing: bool = False
    """Whether changes of the organisation come here already."""

    def open(self, channel_id: str, client_id: str, now: datetime) -> Channel:
        channel = Channel(channel_id, client_id, now + timedelta(seconds=LIFETIME_S))
        self.channels[channel_id] = channel
        return channel

    def send(self, topic: str, body: JSON, correlation_id: str) -> None:
        """Put a message into every channel that subscribed to its topic; a channel that nobody reads loses it."""
        message: JSON = {
            "topicName": topic,
            "version": "2",
            "eventBody": body,
            "metadata": {"CorrelationId": correlation_id},
        }
        for channel in self.channels.values():
            if topic in channel.topics and not channel.waiting.full():
                channel.waiting.put_nowait(message)
