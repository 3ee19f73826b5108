"""Manual organisations change only after a person approved just this plan."""

from __future__ import annotations

import pytest

from controller.domain.errors.delivery import NotConfirmed
from controller.domain.errors.process import SettingsInvalid
from controller.questions.decisions import approve_plan
from tests.support.audit import audit_entries
from tests.support.sources import inbound
from tests.support.world import World, said


@pytest.fixture
def manual(world: World) -> World:
    world.describe(sync={"mode": "manual"})
    world.flow("front", inbound("Front"))
    world.commit()
    return world


async def test_nothing_is_changed_without_an_approval(manual: World) -> None:
    report = await manual.apply()

    assert isinstance(report.error, NotConfirmed)
    assert report.plan_or_raise().digest in f"{report.error.message} {report.error.hint}"
    assert manual.publishes() == []


async def test_an_approval_given_with_the_command_counts(manual: World) -> None:
    digest = (await manual.plan()).plan_or_raise().digest

    assert (await manual.apply(confirmations=said(approved_digest=digest))).delivered


async def test_a_recorded_approval_counts_for_that_plan_alone(manual: World) -> None:
    digest = (await manual.plan()).plan_or_raise().digest
    approve_plan(manual.services, "acme", digest, by="ada")
    manual.flow("front", inbound("Front", says="Changed after the approval"))
    manual.commit()

    refused = await manual.apply()
    approve_plan(manual.services, "acme", refused.plan_or_raise().digest, by="ada")

    assert isinstance(refused.error, NotConfirmed)
    assert (await manual.apply()).delivered
    entries = audit_entries(manual.services.store, organization="acme")
    assert [entry.actor for entry in entries if entry.action == "approve"] == ["ada", "ada"]


async def test_what_is_no_digest_is_not_approved(manual: World) -> None:
    with pytest.raises(SettingsInvalid):
        approve_plan(manual.services, "acme", "sha256:abc", by="ada")
