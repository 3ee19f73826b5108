"""The other dialect's world for the same stories: the simulated organisation, with people at the wrong time."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import httpx

from controller.simulator.flow import Action
from controller.simulator.problem import ApiError
from tests.conformance.flows import Happening
from tests.conformance.played import Played
from tests.support.sources import inbound

DESK, FRONT = "Desk", "Front"
PERSON = "Ada"


@dataclass(slots=True)
class Interference:
    """A person publishes a flow just before or after a call: the `nth` of those that fit."""

    call: str
    """A regular expression over `METHOD /path`."""
    nth: int
    before: bool
    flow: str
    done: bool = False


class Interfered(httpx.AsyncBaseTransport):
    """Lets people act around the calls that pass."""

    def __init__(self, inner: httpx.AsyncBaseTransport, world: Simulated) -> None:
        self._inner, self._world = inner, world

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        acting = self._world.interferes(f"{request.method} {request.url.path}")
        if acting is not None and acting.before:
            self._world.person_publishes(acting.flow)
        response = await self._inner.handle_async_request(request)
        if acting is not None and not acting.before:
            self._world.person_publishes(acting.flow)
        return response


@dataclass
class Simulated(Played):
    """Two flows; `Front` transfers to `Desk`."""

    interferences: list[Interference] = field(default_factory=list)
    _seen: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.reach_through(Interfered(self.http, self))

    async def settled(self) -> None:
        """Both are delivered before the story begins."""
        self.ask_for("Hello", "Hello")
        report = await self.apply()
        assert report.delivered, report.error

    def ask_for(self, desk: str, front: str) -> None:
        """Commit these texts."""
        self.flow("desk", inbound(DESK, says=desk))
        self.flow("front", inbound(FRONT, says=front, transfers=[DESK]))
        self.commit()

    def interferes(self, call: str) -> Interference | None:
        for place, each in enumerate(self.interferences):
            if re.fullmatch(each.call, call):
                self._seen[place] = self._seen.get(place, 0) + 1
                if self._seen[place] == each.nth:
                    return each
        return None

    def person_publishes(self, flow: str) -> None:
        """Unless something else runs on the flow: then the organisation refuses it."""
        try:
            self.by_hand("publish", "inboundcall", flow, inbound(flow, says="By a person"), PERSON)
        except ApiError:
            return
        next(each for each in self.interferences if each.flow == flow).done = True

    def moves(self) -> dict[str, list[Happening]]:
        """What was live until now, by the flow's name; the same text is the same content."""
        self.simulator.settle()
        moves: dict[str, list[Happening]] = {}
        for flow in self.simulator.organization.flows():
            for one in flow.history:
                if one.action is Action.PUBLISH and one.version is not None:
                    version = flow.version(one.version)
                    how = "person" if one.actor.person else "publish"
                    same = version.text if version else ""
                    told = Happening(how, one.version, one.actor.id, one.at.timestamp(), same)
                    moves.setdefault(flow.name, []).append(told)
        return moves

    def texts(self) -> dict[str, bool]:
        """By the flow's name, whether the new text is live."""
        return {name: "New" in history[-1].content for name, history in self.moves().items()}
