"""The websocket of a notification channel. While somebody listens, what is due takes effect when it is due."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from starlette.websockets import WebSocket, WebSocketDisconnect

from controller.simulator.notifications import JSON, Channel
from controller.simulator.simulator import Simulator

_NO_SUCH_CHANNEL = 4404


@dataclass(frozen=True, slots=True)
class Streaming:
    """Serves `/_channels/{channelId}`."""

    simulator: Simulator

    async def __call__(self, socket: WebSocket) -> None:
        channel = self.simulator.notifications.channels.get(socket.path_params["channelId"])
        if channel is None or channel.expires_at <= self.simulator.clock.now():
            await socket.close(_NO_SUCH_CHANNEL)
            return
        await socket.accept()
        try:
            async with asyncio.TaskGroup() as tasks:
                sender = tasks.create_task(self._send(socket, channel))
                await self._receive(socket, channel)
                sender.cancel()
        except* WebSocketDisconnect:
            pass

    async def _receive(self, socket: WebSocket, channel: Channel) -> None:
        """Answer pings until the other side leaves."""
        while True:
            try:
                message = await socket.receive_json()
            except (WebSocketDisconnect, ValueError):
                return
            if isinstance(message, dict) and message.get("message") == "ping":
                channel.waiting.put_nowait(_metadata("pong"))

    async def _send(self, socket: WebSocket, channel: Channel) -> None:
        """Send what waits, and a heartbeat whenever one is due, as Genesys does on a busy channel too."""
        now_s = asyncio.get_running_loop().time
        beat_at_s = now_s() + self.simulator.settings.heartbeat_s
        while True:
            try:
                wait_s = max(0.0, min(self._next_s(), beat_at_s - now_s()))
                await socket.send_json(await asyncio.wait_for(channel.waiting.get(), wait_s))
            except TimeoutError:
                self.simulator.settle()
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


def _metadata(message: str) -> JSON:
    return {"topicName": "channel.metadata", "eventBody": {"message": message}}
