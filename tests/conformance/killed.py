"""Kills `penstock apply` or `penstock run` with SIGKILL at a moment that a seed chooses, and lets others go on.

`python -m tests.conformance.killed FOLDER SEED...` writes `outcome.json`: a list of what was wrong, with the seeds.

It is a program of its own, because only a process without threads forks safely. Each story has an organisation in a
process of its own, which kills the controller before a call is handled, after it took effect, or a little later; all
processes of a story share a clock that runs fast.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from itertools import pairwise
from pathlib import Path
from typing import Any

from tests.conformance.desk import SPEED, Desk
from tests.conformance.door import CLIENT, SECRET, Answer, Request
from tests.conformance.flows import FINDER, IVR, retail
from tests.conformance.invariants import MOVES
from tests.conformance.organization import Organization
from tests.conformance.quirks import Quirks
from tests.conformance.served import served
from tests.support.fast_clock import FastClock
from tests.support.fork_server import warm_up
from tests.support.forked import forked
from tests.support.shell import free_port

STAGES = {"stages": [{"percentage": 10, "duration": "1m"}, {"percentage": 100, "duration": "0s"}]}
_LONGEST_S = 600
"""Of the wall, after which a process counts as hanging."""
_RUN_S = 20
"""How long a `penstock run` may live whose moment does not come."""
TRIES = 6
CALLS = 60
"""About so many calls has a delivery: a moment after its last one never comes, and that apply is not killed."""
Moved = tuple[str, str, float]
"""How a version became live, which, and when."""


@dataclass(frozen=True, slots=True)
class Story:
    pins: dict[str, str]
    quirks: dict[str, object]
    live: dict[str, str]
    """At the end."""
    staged: bool = False


STORIES = (
    Story({IVR: "13.0", FINDER: "4.0"}, {}, {IVR: "13.0", FINDER: "4.0"}, staged=True),
    Story({IVR: "11.0", FINDER: "4.0"}, {}, {IVR: "11.0", FINDER: "4.0"}),
    Story({IVR: "13.0", FINDER: "4.0"}, {"fail_stage": 2}, {IVR: "12.0", FINDER: "3.0"}, staged=True),
)


class Deadly(Organization):
    """Kills who calls, when it is told to: `POST /_aim`; `GET /_state` tells what happened."""

    _aim: dict[str, Any] | None = None

    def answer(self, request: Request) -> Answer | None:
        if request.path == "/_aim":
            self._aim = {**request.body, "seen": 0}
            return Answer.of({})
        if request.path == "/_state":
            return Answer.of(self._state())
        aim = self._aim
        if aim is None:
            return super().answer(request)
        aim["seen"] += 1
        if aim["seen"] != aim["at"]:
            return super().answer(request)
        self._aim = None
        if aim["when"] == "before":
            _kill(aim["pid"])
            return None
        answer = super().answer(request)
        if aim["when"] == "after":
            _kill(aim["pid"])
        else:
            threading.Timer(aim["delay_s"], _kill, (aim["pid"],)).start()
        return answer

    def _state(self) -> dict[str, Any]:
        self.advance()
        moved = {flow.name: [(one.how, one.version, one.at) for one in flow.history] for flow in self.flows.values()}
        return {"history": moved, "calls": [f"{call.name} {call.status}" for call in self.calls]}


def _kill(pid: int) -> None:
    """Kill a process of this story; one that has ended may have left its number to somebody else's."""
    with contextlib.suppress(ProcessLookupError):
        if os.getpgid(pid) == os.getpgid(0):
            os.kill(pid, signal.SIGKILL)


class Stage:
    """A desk and an organisation, and processes that share a clock."""

    def __init__(self, folder: Path, story: Story, pages: int) -> None:
        self.clock = FastClock.from_now(datetime.now(UTC), SPEED)
        self.kills = 0
        self.log = folder / "controller.log"
        folder.mkdir(parents=True)
        quirks = Quirks(versions_page=pages, publish_s=20.0)
        for name, value in story.quirks.items():
            setattr(quirks, name, value)
        self.server, self.url = self._serve(quirks)
        self.probes = f"127.0.0.1:{free_port()}"
        self.desk = Desk(folder / "desk", self.url, (CLIENT, SECRET))
        self.desk.environment |= {
            "PENSTOCK_ORGANIZATION_HOSTS": "127.0.0.1",
            "PENSTOCK_REPOSITORY_URL": str(self.desk.remote),
            "PENSTOCK_WORK_DIR": str(folder / "work"),
            "PENSTOCK_DRIFT_INTERVAL": "60",
            "PENSTOCK_HTTP_ADDRESS": self.probes,
            "GIT_TEMPLATE_DIR": "",
        }

    def _serve(self, quirks: Quirks) -> tuple[int, str]:
        reading, writing = os.pipe()

        def run() -> None:
            organization = Deadly(self.clock.monotonic, quirks)
            for flow in retail():
                organization.add(flow)
            with served(organization) as url:
                os.write(writing, f"{url}\n".encode())
                threading.Event().wait(_LONGEST_S)

        process = forked(run, self.log.with_name("server.log"), _LONGEST_S)
        os.close(writing)
        with os.fdopen(reading) as told:
            return process, told.readline().strip()

    def ask(self, path: str, body: object = None) -> dict[str, Any]:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data)  # noqa: S310 - loopback, and no thread as httpx may have
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            told: dict[str, Any] = json.loads(answer.read())
        return told

    def ready(self) -> bool:
        """Whether a `penstock run` has ended its first pass."""
        try:
            with urllib.request.urlopen(f"http://{self.probes}/readyz", timeout=60) as answer:
                return int(answer.status) == HTTPStatus.OK
        except OSError:
            return False

    def command(self, *words: str, aim: dict[str, object] | None = None) -> int:
        """Run a command in a process of its own, and wait for its end; its exit code, -9 where it was killed."""
        return self.ended(self.started(*words, aim=aim))

    def ended(self, process: int) -> int:
        """The exit code of a command, once it has ended."""
        code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
        self.kills += code == -signal.SIGKILL
        return code

    def started(self, *words: str, aim: dict[str, object] | None = None) -> int:
        """Run a command that is killed at a moment, or never; gives its process id."""
        reading, writing = os.pipe()

        def run() -> int:
            os.read(reading, 1)
            return _penstock(self.desk, self.clock, words)

        process = forked(run, self.log, _LONGEST_S)
        if aim is not None:
            self.ask("/_aim", aim | {"pid": process})
        os.write(writing, b"!")
        os.close(writing)
        os.close(reading)
        return process


def _penstock(desk: Desk, clock: FastClock, words: tuple[str, ...]) -> int:
    """The command line in this process, on the story's clock."""
    from controller.cli import running
    from controller.cli.main import run

    running.SystemClock = lambda: clock  # type: ignore[assignment, misc]
    os.environ.clear()
    os.environ.update(desk.environment)
    os.chdir(desk.folder)
    return run(list(words))


def play(folder: Path, seed: int) -> dict[str, object]:
    """One story: all that was wrong at its end, and how many controllers were killed."""
    chance = random.Random(seed)
    story = STORIES[seed % len(STORIES)]
    stage = Stage(folder, story, pages=chance.choice((0, 2)))
    try:
        return {"seed": seed, "wrong": _played(stage, story, chance), "kills": stage.kills}
    finally:
        _kill(stage.server)
        os.waitpid(stage.server, 0)


def _played(stage: Stage, story: Story, chance: random.Random) -> list[str]:
    desk = stage.desk
    for name, version in ((IVR, "12.0"), (FINDER, "3.0")):
        desk.pin(name, version)
    desk.commit()
    if (code := stage.command("apply")) != 0:
        return [f"the first delivery ended with {code}"]
    for name, version in story.pins.items():
        spec: dict[str, object] = {"rollout": STAGES} if story.staged and name == IVR else {}
        desk.pin(name, version, **spec, **({"dependsOn": ["store-finder"]} if name == IVR else {}))
    desk.commit()
    ended = _delivered_by_run(stage, story, chance) if chance.random() < 0.3 else _delivered(stage, chance)
    return ended + _wrong(stage, story)


def _delivered(stage: Stage, chance: random.Random) -> list[str]:
    """`penstock apply`, killed once or twice, and then until nothing is left to do."""
    codes = [stage.command("apply", aim=_aim(chance))]
    if chance.random() < 0.4:
        codes.append(stage.command("apply", aim=_aim(chance)))
    while len(codes) < TRIES:
        codes.append(stage.command("apply"))
        if codes[-1] in (0, 3):
            return []
    return [f"the applies ended with {codes}"]


def _delivered_by_run(stage: Stage, story: Story, chance: random.Random) -> list[str]:
    """`penstock run`, killed once, and started again until it has delivered."""
    process = stage.started("run", aim=_aim(chance))
    deadline = time.monotonic() + _RUN_S
    while time.monotonic() < deadline and not _ended(process):
        time.sleep(0.05)
    _kill(process)
    stage.ended(process)
    process = stage.started("run")
    deadline = time.monotonic() + _LONGEST_S
    while time.monotonic() < deadline and not _settled(stage, story):
        time.sleep(0.2)
    os.kill(process, signal.SIGTERM)
    code = stage.ended(process)
    return [] if code == 0 else [f"`penstock run` ended with {code}"]


def _ended(process: int) -> bool:
    """Whether it has, without taking its exit code."""
    return os.waitid(os.P_PID, process, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def _settled(stage: Stage, story: Story) -> bool:
    if not stage.ready():
        return False
    history, recorded = stage.ask("/_state")["history"], stage.desk.recorded()
    return all(history[name][-1][1] == version == recorded.get(name) for name, version in story.live.items())


def _aim(chance: random.Random) -> dict[str, object]:
    when = chance.choice(("before", "after", "later"))
    return {"at": chance.randint(1, CALLS), "when": when, "delay_s": chance.random() * 0.3}


def _wrong(stage: Stage, story: Story) -> list[str]:
    history: dict[str, list[Moved]] = stage.ask("/_state")["history"]
    found = [told for name in story.live for told in _moves(name, history, story)]
    recorded = stage.desk.recorded()
    if recorded != story.live:
        found.append(f"{recorded} is recorded instead of {story.live}")
    for entry in stage.desk.audited():
        flow = (entry["flow"] or "").partition("/")[2]
        moved = entry["action"] in MOVES and entry["status"] == "success"
        if moved and entry["version"] not in [version for _, version, _ in history[flow]]:
            found.append(f"{flow}: the audit tells of {entry['version']}, which never was live")
    if "Traceback" in stage.log.read_text():
        found.append("there is a traceback in the log")
    return found


def _moves(name: str, history: dict[str, list[Moved]], story: Story) -> Iterator[str]:
    """What is wrong with how one flow moved.

    What is live is published once more to end a rollout that failed, and to bind a caller whose module went back.
    """
    moved = history[name]
    if moved[-1][1] != story.live[name]:
        yield f"{name}: {story.live[name]} is not live: {moved}"
    for (before, old, since), (after, new, at) in pairwise(moved):
        module_moved = name == IVR and any(since < moment < at for _, _, moment in history[FINDER])
        again = old == new and not (after == "rollback" and (before != "rollback" or module_moved))
        if again:
            yield f"{name}: {new} was published twice: {moved}"
    if [version for _, version, _ in moved].count(story.pins[name]) > 1:
        yield f"{name}: {story.pins[name]} was made live more than once: {moved}"


def main(folder: Path, seeds: list[int]) -> None:
    warm_up()
    outcome = []
    for seed in seeds:
        place = folder / str(seed)
        outcome.append(play(place, seed))
        if not outcome[-1]["wrong"]:
            shutil.rmtree(place)
        (folder / "outcome.json").write_text(json.dumps(outcome))


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(number) for number in sys.argv[2:]])
