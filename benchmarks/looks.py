"""How many calls does a look at an organisation cost: the first one, one without changes, one in a new process?

The organisation has flows from before, and the repository asks for what is live. Penstock plans for the first time,
adopts the flows, looks again in the same process as its controller does, and plans one change in a new process. Of
10,000 flows the record is written as an adoption leaves it, because it takes minutes to simulate one. The simulated
organisation counts the calls.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from datetime import timedelta
from math import ceil

from benchmarks.environment import scratch
from benchmarks.measure import Answer, Row
from benchmarks.virtual import LIMIT_PER_MINUTE, in_virtual_time, limited_calls, processes, virtual_world
from controller.domain.capabilities import ARCHITECT, VERSIONED
from controller.domain.desired import SourceFile
from controller.domain.recorded import RecordedFlow
from controller.planning.model import Change, Plan
from controller.reconcile.loop import run_pass
from controller.reconcile.pass_ import PassRequest
from controller.reconcile.workspace import Workspace, open_folder
from controller.repository.artifacts import ArtifactCommit, DeliveredFlow
from tests.support.sources import inbound
from tests.support.world import ORGANIZATION, World

SIZES = (100, 1_000, 10_000)
PAGES = {ARCHITECT: 500, VERSIONED: 1_000}
"""Flows in a page by Penstock's default."""
_MOST_ADOPTED = 1_000
_LATER_S = 300.0
"""Between two looks of the controller by default."""
_IDLE_TARGETS: dict[str, Callable[[int], int]] = {
    ARCHITECT: lambda _: 3,
    VERSIONED: lambda flows: max(3, ceil(flows / PAGES[VERSIONED])),
}


@dataclass(frozen=True, slots=True)
class Looks:
    """Calls that count against the limit."""

    first: int
    adoption: int | None
    """None where the record was written instead."""
    idle: int
    new_process: int


def ask(sizes: tuple[int, ...] = SIZES) -> Answer:
    """Look at organisations of these sizes, in each dialect. Raises RuntimeError for a look that fails."""
    with processes() as pool:
        return begin(pool, sizes)()


def begin(pool: Executor, sizes: tuple[int, ...] = SIZES) -> Callable[[], Answer]:
    """Begin with the largest; the function that is returned waits for all, and raises as `ask` does."""
    cases = [(dialect, flows) for flows in sorted(sizes, reverse=True) for dialect in (ARCHITECT, VERSIONED)]
    looks = {case: pool.submit(_look, case) for case in cases}
    return lambda: _answer({case: look.result() for case, look in looks.items()})


def _answer(looks: Mapping[tuple[str, int], Looks]) -> Answer:
    rows = [row for case in sorted(looks) for row in _rows(*case, looks[case])]
    conditions = {
        "limit": f"{LIMIT_PER_MINUTE} calls a minute for a token",
        "flows in a page": ", ".join(f"{flows:,} ({dialect})" for dialect, flows in PAGES.items()),
        "time": "simulated: the same on every machine",
        "not counted": "logins, and presigned URLs, which no limit counts",
    }
    return Answer("looks", conditions, tuple(rows))


def _rows(dialect: str, flows: int, looks: Looks) -> list[Row]:
    pages, where = ceil(flows / PAGES[dialect]), f"{flows:,} flows, {dialect}"
    first_target = pages + ceil(flows / 20) if flows >= 10_000 else None
    rows = [
        Row(f"service, no change: {where}", "calls", (looks.idle,), _IDLE_TARGETS[dialect](flows), counted=True),
        Row(f"one change, new process: {where}", "calls", (looks.new_process,), pages + 3, counted=True),
        Row(f"first look: {where}", "calls", (looks.first,), first_target, counted=True),
    ]
    if looks.adoption is not None:
        rows.append(Row(f"adoption after it: {where}", "calls", (looks.adoption,), counted=True))
    return rows


def _look(case: tuple[str, int]) -> Looks:
    return in_virtual_time(look(*case))


async def look(dialect: str, flows: int) -> Looks:
    """Adopt an organisation, look at it again, and plan one change in a new process."""
    with scratch() as folder:
        world = await virtual_world(folder, dialect=dialect)
        for number in range(flows):
            world.flow(f"flow-{number:05d}", inbound(f"Flow {number}"))
        world.commit()
        world.publish_all_by_hand()
        workspace = open_folder(world.clone, world.settings)
        first, plan = await _plan(world, workspace, changes=flows)
        adoption = await _adopt(world) if flows <= _MOST_ADOPTED else await _record(world, workspace, plan)
        world.clock.advance(_LATER_S)
        await _plan(world, workspace, changes=0)
        world.clock.advance(_LATER_S)
        idle, _ = await _plan(world, workspace, changes=0, watches=True, full_look=False)
        world.flow("flow-00000", inbound("Flow 0", says="Changed"))
        world.commit()
        await world.restart()
        new_process, _ = await _plan(world, open_folder(world.clone, world.settings), changes=1)
        await world.close()
    return Looks(first, adoption, idle, new_process)


async def _adopt(world: World) -> int:
    world.simulator.calls.clear()
    report = await world.apply()
    if not report.delivered:
        raise RuntimeError(f"the organisation was not adopted: {report.error}")
    return limited_calls(world.simulator.calls)


async def _record(world: World, workspace: Workspace, plan: Plan) -> None:
    """Write the record of an adoption, without the exports: no look reads them."""
    organization = workspace.organization(ORGANIZATION)
    flows = tuple(DeliveredFlow(_recorded(change, workspace, world)) for change in plan.changes)
    workspace.repository.record(ArtifactCommit(ORGANIZATION, organization.artifacts, flows))


def _recorded(change: Change, workspace: Workspace, world: World) -> RecordedFlow:
    source = None if change.desired is None else change.desired.source
    return RecordedFlow(
        key=change.key,
        manifest=change.flow,
        flow_id=change.flow_id or "",
        version=change.from_version or "",
        source_digest=source.digest if isinstance(source, SourceFile) else None,
        export_digest=None,
        dependency_digest=change.dependency_digest,
        revision=workspace.revision,
        recorded_at=world.clock.now() - timedelta(hours=1),
        dialect=world.dialect,
    )


async def _plan(world: World, workspace: Workspace, *, changes: int, **request: object) -> tuple[int, Plan]:
    """The calls of a look at this reading of the manifests, and its plan."""

    async def source() -> Workspace:
        return workspace

    world.simulator.calls.clear()
    asked = replace(PassRequest(ORGANIZATION), **request)  # type: ignore[arg-type]
    plan = (await run_pass(asked, world.services, source)).plan_or_raise()
    if len(plan.actions) != changes:
        raise RuntimeError(f"planned {len(plan.actions)} changes instead of {changes}")
    return limited_calls(world.simulator.calls), plan
