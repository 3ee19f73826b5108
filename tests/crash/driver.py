"""Kills a controller at every moment of a scene, in processes of its own, and tells what was wrong afterwards.

`python -m tests.crash.driver SCENE FOLDER WORKERS [kinds] [twice] [POINT...]` writes `outcome.json` into the folder.
With `kinds` it plays one moment of each kind, with `twice` the process that goes on is killed as well, each time at
another moment. One run of the scene gives what is left behind at nearly all moments (`tests.crash.walk`); at the others
a controller of its own kills itself.

It is a program of its own, because only a process without threads forks safely. Every process of a scene is a fork of
it, so that what they share is nothing but imports and compiled SQL, which would take longer than all the rest. Folders
in which something was wrong are left behind.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import shutil
import signal
import sys
from datetime import datetime
from pathlib import Path

import structlog

from controller.simulator.simulator import StateFile
from tests.crash.invariants import Allowed, violations
from tests.crash.points import WHILE, one_of_each_kind
from tests.crash.scenes import SCENES, Scene
from tests.crash.stage import LONGEST_PASSES, Stage, stop
from tests.crash.walk import walk
from tests.support.fork_server import warm_up
from tests.support.world import SECRET, World

KINDS, TWICE = "kinds", "twice"
_OBJECTS_BEFORE_COLLECTION = 50_000
"""As a command of Penstock has it."""
_STRIDE = 13
"""Spreads the second deaths over all moments; prime to most numbers of them."""


def main(name: str, folder: Path, workers: int, chosen: list[int], words: frozenset[str]) -> None:
    scene = SCENES[name]
    template = folder / "template"
    started_at = asyncio.run(_prepare(scene, template))
    warm_up()
    rehearsal = _rehearse(scene, template, folder / "rehearsal", started_at)
    labels = rehearsal.labels
    numbers = chosen or (one_of_each_kind(labels) if KINDS in words else range(1, len(labels) + 1))
    walked = Stage.copy_of(template, folder / "walk", started_at)
    remains = walk(scene, walked, (each for each in numbers if not labels[each - 1].startswith(WHILE)), folder)
    allowed = Allowed.by(rehearsal.state())

    def work(worker: int) -> None:
        with (folder / f"results-{worker}").open("w") as results:
            for number in numbers[worker::workers]:
                again = 1 + number * _STRIDE % len(labels) if TWICE in words else None
                if number in remains:
                    wrong, reached = _at(scene, remains[number].resumed(), None, again, allowed)
                else:
                    stage = Stage.copy_of(template, folder / str(number), started_at)
                    wrong, reached = _at(scene, stage, number, again, allowed)
                told = {"point": number, "label": labels[number - 1], "wrong": wrong, "reached": reached}
                results.write(json.dumps(told) + "\n")
                if not wrong:
                    shutil.rmtree(folder / str(number))

    children = []
    for worker in range(workers):
        child = os.fork()
        if not child:
            status = 1
            try:
                work(worker)
                status = 0
            finally:
                os._exit(status)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert not any(codes), codes
    lines = [line for worker in range(workers) for line in (folder / f"results-{worker}").read_text().splitlines()]
    results = sorted((json.loads(line) for line in lines), key=lambda told: told["point"])
    (folder / "outcome.json").write_text(json.dumps({"labels": rehearsal.labels, "results": results}))


async def _prepare(scene: Scene, template: Path) -> datetime:
    """The world before the delivery, made in this process; gives the time at its end."""
    template.mkdir(parents=True)
    world = World(template, dialect=scene.dialect)
    await scene.prepare(world)
    now = world.simulator.settle()
    StateFile(template / "organization.json").save(world.simulator.organization.state)
    await world.close()
    return now


def _rehearse(scene: Scene, template: Path, folder: Path, started_at: datetime) -> Stage:
    stage = Stage.copy_of(template, folder, started_at)
    simulator, port = stage.simulate(scene.faults, scene.settings)
    code = stage.control(port)
    stop(simulator)
    assert code == 0, (folder / "controller.log").read_text()
    assert stage.passes[-1]["error"] is None, stage.passes
    return stage


def _at(scene: Scene, stage: Stage, number: int | None, again: int | None, allowed: Allowed) -> tuple[list[str], bool]:
    """Die at one moment, go on in a new process, which may die as well, and look at what came of it.

    Without a moment the stage is what was left behind at one.

    Tells what was wrong, and whether the moment came at all: a busy machine exports more or less of a sync before it
    fails, which makes for more or fewer moments than the rehearsal had.
    """
    died, reached = -signal.SIGKILL, True
    simulator, port = stage.simulate(scene.faults, scene.settings)
    try:
        if number is not None:
            died = stage.control(port, die_at=number)
            reached = len(stage.labels) >= number
        if again is not None:
            stage.control(port, die_at=again)
        ended = stage.control(port, passes=LONGEST_PASSES)
        if ended == 0 and stage.promote_what_is_paused():
            ended = stage.control(port, passes=LONGEST_PASSES)
    finally:
        stop(simulator)
    if died != (-signal.SIGKILL if reached else 0):
        return [f"it was to be killed, and ended with {died}"], reached
    if ended != 0:
        return [f"the next process ended with {ended}"], reached
    return violations(scene, stage, allowed), reached


if __name__ == "__main__":
    structlog.configure(
        # Without times, colours and padding, which take longer than all else that is done for a line.
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION)
    os.environ.update(ACME_ID="penstock", ACME_SECRET=SECRET, GIT_TEMPLATE_DIR="")
    rest = sys.argv[4:]
    points = [int(word) for word in rest if word not in (KINDS, TWICE)]
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]), points, frozenset(rest))
