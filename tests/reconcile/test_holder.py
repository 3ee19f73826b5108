"""A lease whose holder died on this machine is taken over at once, and no other."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from controller.domain.errors.delivery import LeaseHeld
from controller.reconcile.holder import is_dead, own_name
from tests.support.organizations import identity_of
from tests.support.sources import inbound
from tests.support.world import World


def name_of_a_process_that_ended() -> str:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return own_name().replace(f":{os.getpid()}@", f":{process.pid}@")


def test_a_living_process_is_not_dead() -> None:
    assert not is_dead(own_name())


def test_a_process_that_ended_is_dead() -> None:
    assert is_dead(name_of_a_process_that_ended())


@pytest.mark.parametrize("holder", ["production-controller", "elsewhere:1@1", ":@", ""])
def test_what_cannot_be_seen_from_here_counts_as_alive(holder: str) -> None:
    assert not is_dead(holder)


def test_a_process_of_another_container_counts_as_alive() -> None:
    assert not is_dead(name_of_a_process_that_ended().partition("@")[0] + "@another-container")


async def test_a_pass_takes_over_from_a_process_that_was_killed(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.commit()
    world.services.store.leases.acquire(identity_of(world), name_of_a_process_that_ended())

    assert (await world.apply()).delivered


async def test_a_pass_waits_for_a_controller_that_is_at_work(world: World) -> None:
    world.flow("front", inbound("Front"))
    world.commit()
    world.services.store.leases.acquire(identity_of(world), "another-controller")

    report = await world.apply()

    assert isinstance(report.error, LeaseHeld)
    assert "another-controller" in report.error.message
    assert world.publishes() == []
