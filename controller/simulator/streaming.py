"""The websocket of a notification channel. While somebody listens, what is due takes effect when it is due."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Any

from starlette.websockets import WebSocket, WebSocketDisconnect

from controller.simulator.notifications import JSON, SimulatedChannel
from controller.simulator.problem import ApiError
from controller.simulator.simulator import Simulator

_NO_SUCH_CHANNEL = 4404
_METADATA = "channel.metadata"


@dataclass(frozen=True, slots=True)
class Streaming:
    """Serves `/_channels/{channelId}`."""

    simulator: Simulator

    async def __call__(self, socket: WebSocket) -> None:
        now = self.simulator.clock.now()
        channel = self.simulator.notifications.get(socket.path_params["channelId"], now)
        if channel is None:
            await socket.close(_NO_SUCH_CHANNEL)
            return
        await socket.accept()
        ending: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        channel.connect(ending, now)
        try:
            await _until(ending, self._send(socket, channel), self._receive(socket, channel))
        finally:
            channel.disconnected(ending)
        if ending.done():
            with contextlib.suppress(WebSocketDisconnect):
                await socket.close(ending.result())

    async def _receive(self, socket: WebSocket, channel: SimulatedChannel) -> None:
        """Answer what the other side says until it leaves; what is no message is passed over."""
        while True:
            received = await socket.receive()
            if received["type"] == "websocket.disconnect":
                return
            try:
                message = json.loads(received.get("text") or received.get("bytes") or b"")
            except (ValueError, RecursionError):
                continue
            if isinstance(message, dict):
                self._answer(channel, message)

    def _answer(self, channel: SimulatedChannel, message: JSON) -> None:
        word, topics = message.get("message"), message.get("topics")
        if word == "ping":
            channel.put(_metadata("pong"))
        elif word in ("subscribe", "unsubscribe"):
            said = self._subscribed(channel, str(word), topics if isinstance(topics, list) else [])
            channel.put(said | {"correlationId": message.get("correlationId")})

    def _subscribed(self, channel: SimulatedChannel, word: str, topics: list[object]) -> JSON:
        now, settings = self.simulator.clock.now(), self.simulator.settings
        if word == "unsubscribe":
            channel.topics = {topic: None for topic in channel.topics if topic not in topics}
            return {"result": "200", "status": "unsubscribed"}
        try:
            self.simulator.notifications.subscribe(channel, topics, now, settings)
        except ApiError as error:
            return {"result": str(error.status), "status": "failure", "message": error.message}
        return {"result": "200", "status": "subscribed"}

    async def _send(self, socket: WebSocket, channel: SimulatedChannel) -> None:
        """Send what waits, and a heartbeat whenever one is due, as Genesys does on a busy channel too."""
        now_s = asyncio.get_running_loop().time
        beat_at_s = now_s() + self.simulator.settings.heartbeat_s
        while True:
            channel.look(self.simulator.settle())
            wait_s = max(0.0, min(self._next_s(), beat_at_s - now_s()))
            with contextlib.suppress(TimeoutError):
                await socket.send_json(await asyncio.wait_for(channel.waiting.get(), wait_s))
            if now_s() >= beat_at_s:
                await socket.send_json(_metadata("WebSocket Heartbeat"))
                beat_at_s = now_s() + self.simulator.settings.heartbeat_s

    def _next_s(self) -> float:
        """Seconds until something is due, or until somebody may have made something due."""
        due = self.simulator.organization.state.due
        if not due:
            return 1.0
        until_s = (due[0].at - self.simulator.clock.now()).total_seconds()
        return min(1.0, max(0.001, until_s))


async def _until(ending: asyncio.Future[int], *parts: Coroutine[Any, Any, None]) -> None:
    """Do these things until one of them is over or the ending is there. A connection that is gone is no fault."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        ends: set[asyncio.Future[Any]] = {ending, *tasks}
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        faults = await asyncio.gather(*tasks, return_exceptions=True)
    for fault in faults:
        if isinstance(fault, Exception) and not isinstance(fault, WebSocketDisconnect):
            raise fault


def _metadata(message: str) -> JSON:
    return {"topicName": _METADATA, "eventBody": {"message": message}}
