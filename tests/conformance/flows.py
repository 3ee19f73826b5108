"""The flows of the organisation: their versions, what runs on them, and what was live since when.

Written from the rows P and S of the requirements and their table of endpoints, and from nothing else: it shares no
code with the product or with its simulator, so that none of them can be wrong together.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field

from tests.conformance.quirks import Quirks

_NAMESPACE = uuid.UUID("3a0b9c56-54a4-4d19-9d3c-8a5f1d8d0f42")
IVR, FINDER = "Retail IVR", "Store Finder"
RUNNING = ("queued", "publishing")


@dataclass(slots=True)
class Version:
    id: str
    number: str
    status: str = "draft"
    """draft, published, deployed or archived; the one that is live is `deployed`."""


@dataclass(frozen=True, slots=True)
class Happening:
    """A version became the live one."""

    how: str
    """`publish`, `rollback`, `rollout`, `switch` or `person`."""
    version: str
    by: str
    at: float
    content: str
    """What it has in common with another version that is the same to callers."""


@dataclass(slots=True)
class Publish:
    """One publish of a version, as row P2 asks for it and row P5 tells of it."""

    id: str
    version: str
    by: str
    began_at: float
    stages: list[tuple[float, float]]
    """Percentages, and minutes; none where it is not staged."""
    how: str = "publish"
    """What the history says of it."""
    status: str = "queued"
    stage: int = 0
    percent: float = 0
    errors: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Flow:
    id: str
    name: str
    type: str
    versions: list[Version]
    """Oldest first."""
    live: str | None = None
    split: tuple[str, float] | None = None
    """The version that a stage sends calls to besides the live one, and their percentage."""
    publishes: dict[str, Publish] = field(default_factory=dict)
    """The last one of each version, by the version's number."""
    history: list[Happening] = field(default_factory=list)
    description: str = ""

    @classmethod
    def of(cls, name: str, kind: str, numbers: dict[str, str], live: str) -> Flow:
        """A flow whose versions have these statuses; ids are opaque, and the same in every run."""
        versions = [
            Version(uuid.uuid5(_NAMESPACE, f"{name}/{number}").hex, number, status)
            for number, status in numbers.items()
        ]
        made = cls(uuid.uuid5(_NAMESPACE, name).hex, name, kind, versions)
        made.go_live(live, "beginning", "nobody", 0.0)
        return made

    def version(self, identifier: str) -> Version | None:
        return next((one for one in self.versions if one.id == identifier), None)

    def numbered(self, number: str) -> Version:
        return next(one for one in self.versions if one.number == number)

    @property
    def running(self) -> Publish | None:
        return next((one for one in self.publishes.values() if one.status in RUNNING), None)

    def live_at(self, moment: float) -> str | None:
        """What was live then; the oldest that is known for the time before."""
        then = [one.version for one in self.history if one.at <= moment]
        return then[-1] if then else self.history[0].version

    def go_live(self, number: str, how: str, by: str, now: float) -> None:
        """Send all calls to this version from now on."""
        for one in self.versions:
            if one.status == "deployed":
                one.status = "published"
        self.numbered(number).status = "deployed"
        self.live, self.split = number, None
        self.history.append(Happening(how, number, by, now, number))

    def by_hand(self, number: str, now: float, by: str = "ada") -> None:
        """What a person publishes past git; what runs is cancelled by it."""
        if (running := self.running) is not None:
            running.status, running.errors = "cancelled", [f"version {number} was published by {by}"]
        self.go_live(number, "person", by, now)

    def advance(self, quirks: Quirks, now: float) -> None:
        """Let what runs get as far as it is by now."""
        publish = self.running
        if publish is None:
            return
        publish.status = "publishing"
        if now < publish.began_at + quirks.publish_s:
            publish.percent = 45
        elif quirks.publish_result != "completed" and not publish.stages:
            publish.status, publish.errors = quirks.publish_result, ["the graph of dependencies could not be resolved"]
        elif publish.stages:
            self._stages(publish, quirks, now)
        else:
            publish.status, publish.percent = "completed", 100
            self.go_live(publish.version, publish.how, publish.by, publish.began_at + quirks.publish_s)

    def _stages(self, publish: Publish, quirks: Quirks, now: float) -> None:
        begins = publish.began_at + quirks.publish_s
        for number, (percentage, minutes) in enumerate(publish.stages, 1):
            if now < begins:
                return
            publish.stage, publish.percent = number, percentage
            if quirks.fail_stage == number:
                publish.status, publish.errors = "failed", [f"stage {number}: the error budget is used up"]
                self.split = self.split if quirks.keeps_split else None
                return
            self._serve(publish, percentage, begins)
            begins += minutes * quirks.minute_s
        if now >= begins:
            publish.status = "completed"

    def _serve(self, publish: Publish, percentage: float, since: float) -> None:
        """Send a stage's share of the calls to its version; all of them make it the live one."""
        version = self.numbered(publish.version)
        if percentage >= 100 and self.live != publish.version:
            self.go_live(publish.version, "rollout", publish.by, since)
        elif percentage < 100:
            version.status = "published" if version.status == "draft" else version.status
            self.split = (publish.version, percentage)


def retail() -> tuple[Flow, Flow]:
    """An inbound flow at 12.0 and a module at 3.0, each with versions before and after; the newest is nobody's plan."""
    old = {"9.0": "published", "10.0": "archived", "11.0": "published", "12.0": "published"}
    modules = {"2.0": "published", "3.0": "published", "4.0": "draft", "5.0": "draft"}
    return (
        Flow.of(IVR, "inboundcall", {**old, "13.0": "draft", "14.0": "draft"}, "12.0"),
        Flow.of(FINDER, "commonmodule", modules, "3.0"),
    )
