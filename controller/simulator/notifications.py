"""Notification channels and their subscriptions. Messages wait in a channel until its websocket takes them.

The limits are Genesys': a number of channels per client and of topics per channel, a lifetime of a day that every
subscription renews, and one connection at a time.
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
"""Close code for a channel that has expired."""
MAINTENANCE = 1001
_TOPIC = re.compile(
    r"v2\.(flows|flows\.instances\.flow|flows\.outcomes|architect\.prompts)\.[0-9a-fA-F-]+"
    r"|v2\.architect\.dependencytracking\.build"
)


@dataclass(slots=True)
class SimulatedChannel:
    id: str
    client_id: str
    expires_at: datetime
    used_at: datetime
    """Time of the last opening, subscription or connection."""
    topics: dict[str, None] = field(default_factory=dict)
    """Topics in order of subscription."""
    waiting: asyncio.Queue[JSON] = field(default_factory=lambda: asyncio.Queue(MOST_WAITING))
    connection: asyncio.Future[int] | None = None
    """The open connection; its result is the close code."""
    closes_at: datetime | None = None
    """The announced time at which its connection is closed."""

    def put(self, message: JSON) -> None:
        """Queue a message; without a reader it is lost."""
        if not self.waiting.full():
            self.waiting.put_nowait(message)

    def connect(self, connection: asyncio.Future[int], now: datetime) -> None:
        """Make this connection the only listener."""
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
        """Close the connection if its announced time has come."""
        if now >= self.expires_at:
            self.hang_up(EXPIRED)
        elif self.closes_at and now >= self.closes_at:
            self.hang_up(MAINTENANCE)


@dataclass(slots=True)
class SimulatedNotifications:
    """All channels. They live only in memory, because clients must reconnect after a restart anyway."""

    channels: dict[str, SimulatedChannel] = field(default_factory=dict)
    announcing: bool = False
    """Whether changes of the organisation are already announced here."""

    def open(self, channel_id: str, client_id: str, now: datetime, settings: SimulatorSettings) -> SimulatedChannel:
        """Open a channel. It displaces the client's least used ones beyond the limit, unconnected ones first."""
        # False sorts first, so channels without a connection come before connected ones.
        own = sorted(self.of(client_id, now), key=lambda one: (one.connection is not None, one.used_at))
        for surplus in own[: max(0, len(own) + 1 - settings.channels_per_client)]:
            surplus.hang_up(REPLACED)
            del self.channels[surplus.id]
        channel = SimulatedChannel(channel_id, client_id, now + timedelta(seconds=settings.channel_lifetime_s), now)
        self.channels[channel_id] = channel
        return channel

    def of(self, client_id: str, now: datetime) -> list[SimulatedChannel]:
        """The client's live channels, oldest first."""
        self._bury(now)
        return [channel for channel in self.channels.values() if channel.client_id == client_id]

    def get(self, channel_id: str, now: datetime) -> SimulatedChannel | None:
        """The channel, unless it has expired."""
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
        """Add topics or replace all topics; both renew the channel's lifetime. Raises 400."""
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
        """Queue a message in every channel that subscribed to the topic."""
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
        """Announce to every connection that it closes at that moment, as before maintenance. Returns their number."""
        connected = [channel for channel in self.channels.values() if channel.connection]
        for channel in connected:
            channel.closes_at = at
            body = {"channelId": channel.id, "message": "The connection is about to be closed for maintenance."}
            channel.put({"topicName": "v2.system.socket_closing", "version": "2", "eventBody": body})
        return len(connected)
