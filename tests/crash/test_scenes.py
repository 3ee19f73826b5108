"""The scenes of the crash matrix reach every write that there is: none is left out of it for want of a scene."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from controller.domain import execution_ports, ports
from controller.simulator.faults import Fault
from tests.crash.scenes import SCENES, Scene
from tests.crash.stage import CONFIRMATIONS, SETTINGS
from tests.support.world import SECRET, World

WRITES = {
    "Uploads.register": "register",
    "Uploads.send": "upload",
    "Publishing.publish": "publish",
    "Publishing.switch": "switch",
    "Locks.unlock": "unlock",
    "FlowRemoval.unpublish": "unpublish",
    "FlowRemoval.delete": "delete",
    "Launches.start": "launch",
}
"""What changes an organisation, and how the journal calls it."""
READS = {
    "ActionTraces.finished",
    "ActionTraces.start",
    "ChangedFlows.changed_since",
    "DependencyIndex.consumers",
    "DependencyIndex.state",
    "ExecutionFiles.rendered",
    "Executions.found",
    "Executions.of_version",
    "Flows.find",
    "Flows.get",
    "Flows.get_many",
    "Flows.last_change",
    "Flows.listing",
    "Launches.state",
    "ListedDefinitions.of",
    "OrganizationResources.kinds",
    "OrganizationResources.of",
    "EventStreams.execution_events",
    "EventStreams.flow_events",
    "Publishing.payload",
    "Publishing.progress",
    "Publishing.running",
    "ResourceReferences.of",
    "Traces.header",
    "Traces.steps",
    "Versions.cost_of_exports",
    "Versions.export",
    "Versions.of",
    "Versions.references",
    "Versions.validate",
}
"""`ExecutionRecording` is left out: only a person's command writes there, and no pass reaches it."""
OF_ROLLBACKS = {"rollback.publish", "rollback.switch", "rollback.register", "rollback.upload", "rollback.unpublish"}
OTHERS = {"keep-draft", "rebind.publish"}
ENOUGH = (
    "architect: an old version that does not come back",
    "architect: a broken lock",
    "architect: a first delivery that fails",
    "architect: a failing caller",
    "architect: a removed flow",
    "architect: a deleted flow",
    "architect: a gate that launches",
    "versioned: a switch that is taken back",
)
"""Scenes that make every kind of write already; `make nightly` plays all."""


async def kinds_of_writes(scene: Scene, folder: Path) -> set[str]:
    """Those that the journal announced when nothing crashed."""
    world = World(folder, dialect=scene.dialect)
    await scene.prepare(world)
    world.simulator.configure(replace(SETTINGS, **scene.settings))
    world.simulator.set_faults(*(Fault.model_validate(fault) for fault in scene.faults))
    report = await world.apply(confirmations=CONFIRMATIONS)
    assert report.error is None, report.error
    steps = [step for sync in world.services.store.journal.history(limit=1000) for step in sync.steps]
    await world.close()
    return {write.action for step in steps for write in step.writes}


@pytest.mark.parametrize("scenes", [ENOUGH, pytest.param(tuple(SCENES), marks=pytest.mark.nightly)], ids=len)
async def test_the_scenes_together_make_every_kind_of_write(
    scenes: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ACME_ID", "penstock")
    monkeypatch.setenv("ACME_SECRET", SECRET)
    made: set[str] = set()
    for number, name in enumerate(scenes):
        (tmp_path / str(number)).mkdir()
        made |= await kinds_of_writes(SCENES[name], tmp_path / str(number))

    assert made == {*WRITES.values(), *OF_ROLLBACKS, *OTHERS}


def test_every_operation_of_the_port_is_known_to_be_a_read_or_a_write() -> None:
    kinds = {kind for found in get_type_hints(ports.Platform).values() for kind in (get_args(found) or (found,))}
    ours = (ports.__name__, execution_ports.__name__)
    parts = {kind for kind in kinds if kind.__module__ in ours} - {execution_ports.ExecutionRecording}
    operations = {f"{part.__name__}.{name}" for part in parts for name in vars(part) if not name.startswith("_")}

    assert operations == READS | WRITES.keys()
