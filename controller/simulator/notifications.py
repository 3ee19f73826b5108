"""Notification channels: who wants to hear of what. Messages wait in a channel until its websocket takes them.

The limits are Genesys': so many channels for a client, so many topics in a channel, a day's life that subscribing
prolongs, one connection at a time.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from controller.simulator.problem import bad_request
from controller.simulator.settings import SimulatorSettings

JSON = dict[str, object]
MOST_WAITING = 10_000
REPLACED = 4409
"""Closes a connection when its channel was connected to again, or was dropped for a newer one."""
EXPIRED = 4410
"""Closes the connection of a channel that has come to the end of its life."""
MAINTENANCE = 1001
_TOPIC = re.compile(r"v2\.flows\.(instances\.flow\.)?[0-9a-fA-F-]+|v2\.architect\.dependencytracking\.build")


@dataclass(slots=True)
class SimulatedChannel:
    id: str
    client_id: str
    expires_at: datetime
    used_at: datetime
    """When it was opened, subscribed with or connected to last."""
    topics: dict[str, None] = field(default_factory=dict)
    """In the order in which they were subscribed."""
    waiting: asyncio.Queue[JSON] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))
    connection: asyncio.Future[int] | None = None
    """The connection that listens; its result is the code to close it with."""
    closes_at: datetime | None = None
    """When its connection was announced to be closed."""

    def put(self, message: JSON) -> None:
        """Queue a message; without a reader it is lost."""
        if not self.waiting.full():
            self.waiting.put_nowait(message)

    def connect(self, connection: asyncio.Future[int], now: datetime) -> None:
        """Let this connection listen, and no other one."""
        self.hang_up(REPLACED)
        self.connection, self.used_at, self.closes_at = connection, now, None

    def disconnected(self, connection: asyncio.Future[int]) -> None:
        if self.connection is connection:
            self.connection = None

    def hang_up(self, code: int) -> None:
        """Close the connection, if there is one."""
        if self.connection and not self.connection.done():
            self.connection.set_result(code)
        self.connection = None

    def look(self, now: datetime) -> None:
        """Hang up when it is time to."""
        if now >= self.expires_at:
            self.hang_up(EXPIRED)
        elif self.closes_at and now >= self.closes_at:
            self.hang_up(MAINTENANCE)


@dataclass(slots=True)
class SimulatedNotifications:
    """All channels. They live in memory only, as a client must reconnect after a restart anyway."""

    channels: dict[str, SimulatedChannel] = field(default_factory=dict)
    announcing: bool = False
    """Whether changes of the organisation come here already."""

    def open(self, channel_id: str, client_id: str, now: datetime, settings: SimulatorSettings) -> SimulatedChannel:
        """A new channel; the client's least used ones are dropped for it, those without a connection first."""
        own = sorted(self.of(client_id, now), key=lambda one: (one.connection is not None, one.used_at))
        for surplus in own[: max(0, len(own) + 1 - settings.channels_per_client)]:
            surplus.hang_up(REPLACED)
            del self.channels[surplus.id]
        channel = SimulatedChannel(channel_id, client_id, now + timedelta(seconds=settings.channel_lifetime_s), now)
        self.channels[channel_id] = channel
        return channel

    def of(self, client_id: str, now: datetime) -> list[SimulatedChannel]:
        """The client's channels that are alive, oldest first."""
        self._bury(now)
        return [channel for channel in self.channels.values() if channel.client_id == client_id]

    def get(self, channel_id: str, now: datetime) -> SimulatedChannel | None:
        """The channel, as long as it is alive."""
        self._bury(now)
        return self.channels.get(channel_id)

    def _bury(self, now: datetime) -> None:
        for channel in [one for one in self.channels.values() if one.expires_at <= now]:
            channel.hang_up(EXPIRED)
            del self.channels[channel.id]

    def subscribe(
        self,
        channel: SimulatedChannel,
        topics: Sequence[object],
        now: datetime,
        settings: SimulatorSettings,
        *,
        replace: bool = False,
    ) -> None:
        """Add topics, or want these and no others; either prolongs the channel's life. Raises 400."""
        for topic in topics:
            if not isinstance(topic, str) or not _TOPIC.fullmatch(topic):
                raise bad_request(f"Topic [{topic}] is not known.")
        wanted = ({} if replace else channel.topics) | {str(topic): None for topic in topics}
        if len(wanted) > settings.topics_per_channel:
            most = settings.topics_per_channel
            raise bad_request(f"A channel can have at most {most} topics; these would be {len(wanted)}.")
        channel.topics = wanted
        channel.used_at, channel.expires_at = now, now + timedelta(seconds=settings.channel_lifetime_s)

    def send(self, topic: str, body: JSON, correlation_id: str) -> None:
        """Put a message into every channel that subscribed to its topic."""
        message: JSON = {
            "topicName": topic,
            "version": "2",
            "eventBody": body,
            "metadata": {"CorrelationId": correlation_id},
        }
        for channel in self.channels.values():
            if topic in channel.topics:
                channel.put(message)

    def close(self) -> None:
        """End every channel."""
        for channel in self.channels.values():
            channel.hang_up(EXPIRED)
        self.channels.clear()

    def announce_closing(self, at: datetime) -> int:
        """Tell every connection that it is closed at that moment, as before maintenance; how many there are."""
        connected = [channel for channel in self.channels.values() if channel.connection]
        for channel in connected:
            channel.closes_at = at
            body = {"channelId": channel.id, "message": "The connection is about to be closed for maintenance."}
            channel.put({"topicName": "v2.system.socket_closing", "version": "2", "eventBody": body})
        return len(connected)
